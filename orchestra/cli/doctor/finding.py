"""One result of `orchestra doctor`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """The result of one check; ``ok`` is None if these settings do not need it."""

    what: str
    ok: bool | None
    detail: str


def not_set(what: str, variable: str, *, needed: bool) -> Finding:
    """What is not set, by its variable without ``ORCHESTRA_``."""
    return Finding(what, False if needed else None, f"not set (ORCHESTRA_{variable})")
