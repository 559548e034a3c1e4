"""What the platform has to know about a language; one package per language, found by its code."""

from orchestra.language.port import Language, Phrases
from orchestra.language.registry import DEFAULT_LANGUAGE, find_language

__all__ = ["DEFAULT_LANGUAGE", "Language", "Phrases", "find_language"]
