"""Finds a language by its code. Each package below `orchestra.language` is one; it defines ``LANGUAGE``."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from orchestra.errors import AppError
from orchestra.language.port import Language

DEFAULT_CODE: Final = "en"
_HOME: Final = "orchestra.language"


@cache
def languages() -> dict[str, Language]:
    """Every language of the platform, by its code."""
    packages = [module.name for module in iter_modules(import_module(_HOME).__path__) if module.ispkg]
    found: list[Language] = [import_module(f"{_HOME}.{name}").LANGUAGE for name in packages]
    return {language.code: language for language in found}


def find_language(code: str = DEFAULT_CODE) -> Language:
    """The language of this ISO 639-1 code.

    Raises:
        AppError: the platform does not know it.

    """
    known = languages()
    if code not in known:
        msg = f"language {code!r} is not supported: choose one of {', '.join(sorted(known))}"
        raise AppError(msg)
    return known[code]


#: used wherever no other language is given
DEFAULT_LANGUAGE: Final = find_language()
