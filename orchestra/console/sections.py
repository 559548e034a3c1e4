"""Which sections the console has: each folder of this package with a module ``routes`` is one.

Its ``router(console) -> APIRouter`` has the section's API; see `Console` for what it may use.
"""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from fastapi import APIRouter

from orchestra import console as package
from orchestra.console.console import Console

_ROUTES = "routes"


def section_names() -> list[str]:
    """The sections by their names."""
    packages = (module.name for module in iter_modules(package.__path__) if module.ispkg)
    return sorted(name for name in packages if find_spec(f"{package.__name__}.{name}.{_ROUTES}"))


def section_routers(console: Console) -> Iterator[APIRouter]:
    """The API of each section."""
    for name in section_names():
        yield import_module(f"{package.__name__}.{name}.{_ROUTES}").router(console)
