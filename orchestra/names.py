"""Whether a folder's own modules take the place of Orchestra's packages `schemas` and `workers`."""

from importlib.machinery import PathFinder
from pathlib import Path

#: Orchestra's packages beside `orchestra` itself, and a module by which each is known
_PACKAGES = {"schemas": "asyncapi.py", "workers": "orchestration.py"}


def clash(folder: Path | None = None) -> str:
    """Why this Python, or one that looks into ``folder`` first, does not find Orchestra's packages; empty if it does.

    Only modules and packages count: a folder without an ``__init__.py`` stands behind every package.
    """
    for name, known in _PACKAGES.items():
        spec = PathFinder.find_spec(name, None if folder is None else [str(folder)])
        if spec is None or spec.origin is None:
            continue
        found = Path(spec.origin)
        if not (found.parent / known).exists():
            return (
                f"{found.parent if found.name == '__init__.py' else found} stands before Orchestra's own package"
                f" {name!r}: rename it, or run this from another folder"
            )
    return ""
