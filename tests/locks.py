"""Writes the lock files: `python -m tests.locks`, after a change of dependencies.

``.ci/requirements.txt`` is what the image installs, ``.ci/requirements-dev.txt`` what CI does: each package with its
version and the hashes of its files, and no addresses. The files are those for Linux (x86-64, aarch64) with CPython
3.11, and sources; elsewhere `uv` resolves by `pyproject.toml`.
"""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = {
    "requirements.txt": ("--no-dev", "--extra", "all", "--group", "build"),
    "requirements-dev.txt": (),
}
_HEAD = "# Written by `python -m tests.locks`.\n"
_OURS = re.compile(
    r"-(?:cp311-cp311|cp3\d+-abi3|[\w.]*py3[\w.]*-none)-(?:any|[\w.]*manylinux[\w.]*_(?:x86_64|aarch64)[\w.]*)\.whl$"
)
_LINE = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)(?: ; (?P<marker>.*?))?(?: \\)?$")
#: what is never installed on Linux
_ELSEWHERE = re.compile(r"sys_platform == '(?:win32|emscripten|darwin)'")


def locked(requirements: str) -> Iterator[tuple[str, str, str]]:
    """Name, version and marker of every package of a lock file."""
    for line in requirements.splitlines():
        if found := _LINE.match(line):
            yield found["name"], found["version"], found["marker"] or ""


def _hashes() -> dict[tuple[str, str], list[str]]:
    """The hashes of the files that may be installed, by name and version, from uv's lock file."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    found: dict[tuple[str, str], list[str]] = {}
    for package in lock["package"]:
        files = [wheel for wheel in package.get("wheels", ()) if _OURS.search(wheel["url"])]
        files += [package["sdist"]] if "sdist" in package else []
        found[package["name"], package["version"]] = sorted(file["hash"] for file in files)
    return found


def write() -> None:
    """Resolve, and write both files."""
    subprocess.run(["uv", "lock", "--quiet"], cwd=ROOT, check=True)
    hashes = _hashes()
    for name, chosen in FILES.items():
        command = ["uv", "export", "--quiet", "--frozen", "--no-emit-project", "--no-hashes", "--no-annotate"]
        exported = subprocess.run(
            [*command, "--no-header", *chosen], cwd=ROOT, check=True, capture_output=True, text=True
        )
        text = _HEAD
        for package, version, marker in locked(exported.stdout):
            if not _ELSEWHERE.search(marker):
                condition = f" ; {marker}" if marker else ""
                parts = [
                    f"{package}=={version}{condition}",
                    *(f"    --hash={each}" for each in hashes[package, version]),
                ]
                text += " \\\n".join(parts) + "\n"
        (ROOT / ".ci" / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
