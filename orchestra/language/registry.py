"""Finds a language by its code."""

from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from typing import Final

from orchestra.language.codes import LANGUAGE_NAMES, read_code
from orchestra.language.generic import language_of_code
from orchestra.language.port import Language
from orchestra.language.reading import as_written, verbalizer
from orchestra.language.tags import base_of

DEFAULT_CODE: Final = "en"
#: the languages that the platform speaks and understands as native callers do, and their packages
COMPLETE_LANGUAGES: Final = {
    "en": "english",
    "es": "spanish",
    "de": "german",
    "fr": "french",
    "it": "italian",
    "pt": "portuguese",
    "pt-PT": "portuguese.european",
    "nl": "dutch",
}
#: codes that callers' languages come with are far fewer
_CODES: Final = 256


@lru_cache(_CODES)
def find_language(code: str = DEFAULT_CODE, *, reads_out: bool = True) -> Language:
    """The language of a BCP 47 code, with that code: ``es-MX`` is Spanish, ``pl`` the generic language.

    ``reads_out``: whether it writes numbers as words; False for a speech engine that reads well itself.

    Raises:
        AppError: there is no such language; names the nearest ones.

    """
    if not reads_out:
        return replace(find_language(code), verbalize=as_written)
    known = read_code(code)
    base = base_of(known)
    name = COMPLETE_LANGUAGES.get(known) or COMPLETE_LANGUAGES.get(base)
    if name is None:
        return language_of_code(known, LANGUAGE_NAMES[base])
    language: Language = import_module(f"orchestra.language.{name}").LANGUAGE
    return language if known == language.code else replace(language, code=known, verbalize=verbalizer(known))


def is_complete(language: Language) -> bool:
    """Whether the platform knows this language; in others it rewrites nothing and leaves yes and no to the model."""
    return base_of(language.code) in COMPLETE_LANGUAGES


#: used wherever no other language is given
DEFAULT_LANGUAGE: Final = find_language()
