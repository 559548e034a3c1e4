"""The version of the installed package."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version

PACKAGE = "orchestra-voice"


@cache
def package_version() -> str:
    """The version of the package, ``0`` if it is not installed."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "0"
