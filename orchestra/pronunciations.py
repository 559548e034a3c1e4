"""How an app has its words said: names and products that a speech engine would read wrongly."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from orchestra.errors import AppError
from orchestra.spoken_languages import in_language

_MANY = 1000
_LONG = 200
_IPA = re.compile(r"/[^/\s]+/")
_WORD = re.compile(r"\S+")
_SPACE = re.compile(r"\s+")


class Piece(NamedTuple):
    """One or more whole words of a text, as they are written and as they are said."""

    written: str
    said: str


class Pronunciations(msgspec.Struct, frozen=True):
    """What is said in the place of which words.

    ``{"Nguyen": "win", "SQL": "sequel", "Łódź": "/wudʑ/"}``: other words, or IPA between slashes, which an
    engine that takes none does not get; it reads the word as it is written. A word counts in any case, unless it has
    capitals after its first letter: ``US`` is not ``us``. Of several that begin at the same place the longest counts.

    Attributes:
        said: by what is written; both may have several words, IPA has one.

    """

    said: Mapping[str, str] = {}

    @classmethod
    def spoken_in(cls, given: Mapping[str, str | Mapping[str, str]], language: str) -> "Pronunciations":
        """Those of a language, where some words are given by language: ``{"Nguyen": {"en": "win", "es": "uin"}}``."""
        of_language = {written: in_language(said, language) for written, said in given.items()}
        return cls({written: said for written, said in of_language.items() if said is not None})

    def checked(self, here: str) -> "Pronunciations":
        """The same, if it can be used.

        Raises:
            AppError: it cannot; the message begins with ``here`` and names the word.

        """
        if not isinstance(self.said, Mapping):
            msg = f'{here} pronunciations is {type(self.said).__name__}: write {{"Nguyen": "win"}}'
            raise AppError(msg)
        if len(self.said) > _MANY:
            msg = f"{here} more than {_MANY} pronunciations"
            raise AppError(msg)
        for written, said in self.said.items():
            if not (isinstance(written, str) and isinstance(said, str)):
                msg = f'{here} pronunciations are texts: write {{"Nguyen": "win"}}'
                raise AppError(msg)
            for text in written, said:
                if not any(map(str.isalnum, text)) or len(text) > _LONG:
                    msg = f"{here} the pronunciation of {written!r} is {said!r}: write a word and how it is said"
                    raise AppError(msg)
            if said.startswith("/") and not _IPA.fullmatch(said):
                msg = f"{here} the pronunciation {said!r} of {written!r} is not one word of IPA between slashes"
                raise AppError(msg)
        return self

    def pieces(self, text: str, ipa: str = "") -> list[Piece]:
        """A text word by word; words that are said otherwise are together if they, or what is said, are several.

        ``ipa``: how the engine takes IPA, as a format (``"[[{}]]"``); empty: it does not.
        """
        pattern = _pattern(tuple(self.said))
        found = [] if pattern is None else [match.span() for match in pattern.finditer(text)]
        inside = {begin + space.start() for begin, end in found for space in _SPACE.finditer(text[begin:end])}
        spans: list[tuple[int, int]] = []
        for word in _WORD.finditer(text):
            start, end = word.span()
            if spans and spans[-1][1] in inside:
                start = spans.pop()[0]
            spans.append((start, end))
        written = [text[start:end] for start, end in spans]
        if pattern is None or not found:
            return [Piece(each, each) for each in written]
        return [Piece(each, pattern.sub(lambda match: self._said(match, ipa), each)) for each in written]

    def say(self, text: str, ipa: str = "") -> str:
        """A text as it is said; ``ipa`` as in `pieces`."""
        return " ".join(piece.said for piece in self.pieces(text, ipa)) if self.said else text

    def _said(self, found: re.Match[str], ipa: str) -> str:
        said = self.said[_longest_first(self.said)[(found.lastindex or 1) - 1]]
        if not said.startswith("/"):
            return said
        return ipa.format(said[1:-1]) if ipa else found[0]


#: nothing is said otherwise
AS_WRITTEN: Final = Pronunciations()


def _longest_first(keys: Iterable[str]) -> list[str]:
    return sorted(keys, key=len, reverse=True)


@lru_cache(maxsize=64)
def _pattern(keys: tuple[str, ...]) -> re.Pattern[str] | None:
    """Finds each of the keys, longest first, as the group of its place among them."""
    choices = []
    for key in _longest_first(keys):
        words = r"\s+".join(map(re.escape, key.split()))
        choices.append(f"({words})" if key[1:] != key[1:].lower() else f"((?i:{words}))")
    return re.compile(rf"(?<!\w)(?:{'|'.join(choices)})(?!\w)") if choices else None
