"""Values of arguments as a caller hears them in a question: choices, flags and lists in words instead of JSON."""

import re
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from typing import Any

import msgspec

_JOINED = re.compile(r"_+|(?<=[a-z])(?=[A-Z])")


class ArgumentWords:
    """Says arguments in one language.

    Args:
        yes, no: a flag.
        conjunction: between the last two of a list.
        names: words of choices that the language writes with capital letters, such as its days.

    """

    def __init__(self, *, yes: str, no: str, conjunction: str, names: Iterable[str] = ()) -> None:
        self._yes, self._no, self._conjunction = yes, no, conjunction
        self._names = {name.lower(): name for name in names if name}

    def in_words(self, value: Any, choices: Collection[str] = ()) -> str:
        """A value in words. Of the texts only ``choices`` are changed: what a caller gave is said as it is.

        In English ``in_progress``, a choice, is "in progress"; ``True`` is "yes"; a list is "Monday and Friday".
        """
        words: str
        match value:
            case Enum():
                words = (
                    self._choice(value.value) if isinstance(value.value, str) else self.in_words(value.value, choices)
                )
            case str():
                words = self._choice(value) if value in choices else value
            case None:
                words = ""
            case bool():
                words = self._yes if value else self._no
            case list() | tuple() | set() | frozenset():
                *before, last = [self.in_words(each, choices) for each in value] or [""]
                words = f"{', '.join(before)} {self._conjunction} {last}" if before else last
            case _:
                plain = msgspec.to_builtins(value, enc_hook=str)
                words = self._fields(plain, choices) if isinstance(plain, dict) else str(plain)
        return words

    def _fields(self, values: Mapping[str, Any], choices: Collection[str]) -> str:
        said = ((self._choice(str(name)), self.in_words(value, choices)) for name, value in values.items())
        return ", ".join(f"{name} {words}" for name, words in said if words)

    def _choice(self, text: str) -> str:
        """A choice as people say it: ``IN_PROGRESS`` and ``inProgress`` are "in progress", ``monday`` is "Monday"."""
        words = _JOINED.sub(" ", text).strip()
        if words == text:
            return self._names.get(text, text)
        return " ".join(self._names.get(word.lower(), word.lower()) for word in words.split())
