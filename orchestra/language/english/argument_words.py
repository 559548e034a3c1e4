"""Values of arguments as a caller hears them in a question: choices, flags and lists in words instead of JSON."""

import calendar
import re
from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any

import msgspec

_JOINED = re.compile(r"_+|(?<=[a-z])(?=[A-Z])")
_NAMES: dict[str, str] = {name.lower(): name for name in (*calendar.day_name, *calendar.month_name) if name}


def in_words(value: Any, choices: Collection[str] = ()) -> str:
    """A value in words. Of the texts only ``choices`` are changed: what a caller gave is said as it is.

    >>> worded("in_progress", {"in_progress"}), worded(True), worded(["Monday", "Friday"])
    ('in progress', 'yes', 'Monday and Friday')
    """
    words: str
    match value:
        case Enum():
            words = _choice(value.value) if isinstance(value.value, str) else in_words(value.value, choices)
        case str():
            words = _choice(value) if value in choices else value
        case None:
            words = ""
        case bool():
            words = "yes" if value else "no"
        case list() | tuple() | set() | frozenset():
            *before, last = [in_words(each, choices) for each in value] or [""]
            words = f"{', '.join(before)} and {last}" if before else last
        case _:
            plain = msgspec.to_builtins(value, enc_hook=str)
            words = _fields(plain, choices) if isinstance(plain, dict) else str(plain)
    return words


def _fields(values: Mapping[str, Any], choices: Collection[str]) -> str:
    said = ((_choice(str(name)), in_words(value, choices)) for name, value in values.items())
    return ", ".join(f"{name} {words}" for name, words in said if words)


def _choice(text: str) -> str:
    """A choice as people say it: ``IN_PROGRESS`` and ``inProgress`` are "in progress", ``monday`` is "Monday"."""
    words = _JOINED.sub(" ", text).strip()
    if words == text:
        return _NAMES.get(text, text)
    return " ".join(_NAMES.get(word.lower(), word.lower()) for word in words.split())
