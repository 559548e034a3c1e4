"""The languages of an app's calls: in which a call begins, and into which it may change."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar, overload

import msgspec

from orchestra.errors import AppError
from orchestra.language.registry import COMPLETE_LANGUAGES, DEFAULT_CODE, find_language
from orchestra.language.tags import base_of

T = TypeVar("T")

#: in place of a code: whatever the caller speaks
AUTO: Final = "auto"


class SpokenLanguages(msgspec.Struct, frozen=True, omit_defaults=True):
    """Codes (BCP 47), each as the app names it.

    Attributes:
        first: in which a call begins.
        others: into which it may change.
        automatic: it changes when the caller speaks another of them, without being asked.
        of_agent: ``first`` is that of the agent who answers first, whatever the line is.

    """

    first: str = DEFAULT_CODE
    others: tuple[str, ...] = ()
    automatic: bool = False
    of_agent: bool = False

    @property
    def all(self) -> tuple[str, ...]:
        """Every language, the first one first."""
        return (self.first, *self.others)

    def find(self, wanted: str) -> str:
        """The one that this code means (``es`` is ``es-MX`` if that is the only Spanish); "" if it is none of them."""
        same = [code for code in self.all if base_of(code) == base_of(wanted)]
        return wanted if wanted in same else next(iter(same), "")

    def on_line(self, language: str) -> "SpokenLanguages":
        """The same on a line that says ``language``: a code, `AUTO`, or nothing."""
        if not language:
            return self
        if language == AUTO or self.of_agent:
            return msgspec.structs.replace(self, automatic=language == AUTO or self.automatic)
        first = self.find(language) or language
        others = tuple(code for code in self.all if code != first)
        return msgspec.structs.replace(self, first=first, others=others, automatic=False)


def spoken_languages(language: str, named: tuple[str, ...], agents: tuple[str, ...], entry: str) -> SpokenLanguages:
    """The languages of an app.

    Args:
        language: that of the app, or `AUTO`.
        named: the languages that it names.
        agents: those of its agents, where they have their own.
        entry: that of the agent who answers first; empty: it has none.

    """
    named = named or (_COMPLETE if language == AUTO else ())
    first = entry or (language if language != AUTO else named[0])
    others = dict.fromkeys(code for code in (*named, *agents) if code != first)
    return SpokenLanguages(first=first, others=tuple(others), automatic=language == AUTO, of_agent=bool(entry))


@overload
def in_language(given: Mapping[str, T], code: str) -> T | None: ...
@overload
def in_language(given: T, code: str) -> T | None: ...
def in_language(given: Any, code: str) -> Any:
    """Of a value that may be given per language, the one for this code; None if there is none."""
    if not isinstance(given, Mapping):
        return given
    if code in given:
        return given[code]
    return next((value for other, value in given.items() if base_of(other) == base_of(code)), None)


def check_code(given: Any, where: str, *, auto: bool = False) -> None:
    """Check that this is the code of a language, as BCP 47 writes it; ``auto``: or `AUTO`.

    Raises:
        AppError: it is not; names the nearest ones.

    """
    if not isinstance(given, str):
        msg = f'{where} is {type(given).__name__}: write a code such as "en" or "es-MX"'
        raise AppError(msg)
    if auto and given == AUTO:
        return
    try:
        code = find_language(given).code
    except AppError as error:
        msg = f"{where}: {error}"
        raise AppError(msg) from None
    if code != given:
        msg = f"{where}: write {code!r} for {given!r}"
        raise AppError(msg)


_COMPLETE: Final = tuple(code for code in COMPLETE_LANGUAGES if base_of(code) == code)
