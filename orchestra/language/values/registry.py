"""Finds the value tables of a language: the module ``values`` in its package."""

from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Final

from orchestra.language.values.port import ValueWords

_PACKAGES: Final = {
    "en": "english",
    "es": "spanish",
    "de": "german",
    "fr": "french",
    "it": "italian",
    "pt": "portuguese",
    "nl": "dutch",
}


@cache
def values_of(code: str) -> ValueWords:
    """The tables for a BCP 47 code; for a language without any, those that know figures and signs only."""
    language, _, region = code.partition("-")
    package = _PACKAGES.get(language.lower())
    if package is None:
        from orchestra.language.values.generic import VALUES as GENERIC  # noqa: PLC0415 - most apps need one language

        return replace(GENERIC, code=language)
    found: ValueWords = import_module(f"orchestra.language.{package}.values").VALUES
    return found.in_region(region)
