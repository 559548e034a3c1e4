"""Arguments of a tool, taken from the caller's words by the tool's JSON schema; and the questions for those missing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from orchestra.agents.words import meant, stem, terms, words
from orchestra.execution.models.offline import acts
from orchestra.execution.models.offline.numbers import digit_runs, digits_of_length
from schemas import ToolSchema

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LENGTHS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12,
}  # fmt: skip
_PATTERN_LENGTH = re.compile(r"^\^?(?:\\d|\[0-9\])\{(\d+)\}\$?$")
_SAID_LENGTH = re.compile(r"\b(\w+)[ -]digits?\b")
_IDENTIFIER = re.compile(r"\b(number|code|id|digits?|pin|account|postcode|reference)\b")
_SURE = 0.7
_OWN_WORDS = 2


@dataclass(frozen=True, slots=True)
class Slot:
    """One argument of a tool as its schema describes it."""

    name: str
    schema: dict[str, Any]
    required: bool

    @property
    def description(self) -> str:
        """What the argument is, in the words of the tool's author."""
        return str(self.schema.get("description", "")) or self.name.replace("_", " ")

    @property
    def question(self) -> str:
        """What to ask the caller: the question in the description, or one made of its first words."""
        asked = re.search(r"([^.?!:;]+\?)", self.description)
        if asked:
            return _sentence(asked[1])
        what = re.split(r"[,.:;(]", self.description)[0].strip()
        if self.kind == "boolean":
            return f"{_sentence(what)}, yes or no?"
        return f"Which {what.removeprefix('the ').removeprefix('a ')} is it?"

    @property
    def kind(self) -> str:
        """``choice``, ``boolean``, ``number``, ``digits``, ``day`` or ``words``."""
        if self.choices:
            return "choice"
        named = " ".join(words(f"{self.name.replace('_', ' ')} {self.description}"))
        kind = self.schema.get("type", "string")
        if kind == "boolean":
            return "boolean"
        if kind in ("integer", "number"):
            return "number"
        if _PATTERN_LENGTH.match(self.schema.get("pattern", "")) or _IDENTIFIER.search(named):
            return "digits"
        return "day" if re.search(r"\b(week)?days?\b", named) else "words"

    @property
    def length(self) -> int | None:
        """How many digits a number of kind ``digits`` has, None if it does not say."""
        by_pattern = _PATTERN_LENGTH.match(self.schema.get("pattern", ""))
        if by_pattern:
            return int(by_pattern[1])
        said = _SAID_LENGTH.search(self.description.lower())
        if said is None:
            return None
        return int(said[1]) if said[1].isdigit() else _LENGTHS.get(said[1])

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of an enumeration, as text."""
        return tuple(str(value) for value in self.schema.get("enum", ()) if value is not None)


def slots_of(tool: ToolSchema) -> list[Slot]:
    """The arguments of a tool, in the order of its schema."""
    required = tool.parameters.get("required", ())
    properties = tool.parameters.get("properties", {})
    return [Slot(name, _without_null(schema), name in required) for name, schema in properties.items()]


def value_in(slot: Slot, said: str, *, asked: bool, at: float) -> Any:
    """The slot's value in the caller's words, None if they do not give one.

    Args:
        slot: the argument.
        said: what the caller said.
        asked: these words answer the slot's question; yes, no and free text are only then taken for an answer.
        at: when it was said, epoch seconds: "tomorrow" counts from there.

    """
    match slot.kind:
        case "choice":
            days = tuple(choice for choice in slot.choices if choice in _DAYS)
            return _choice(slot.choices, said) or _relative_day(days, said, at)
        case "day":
            return _choice(_DAYS, said) or _relative_day(_DAYS, said, at)
        case "digits":
            return digits_of_length(said, slot.length)
        case "number":
            return next((int(run) for run in digit_runs(said)), None)
    return _answer(slot, said) if asked else None


def tells_more(said: str, tool: ToolSchema) -> bool:
    """Whether the words that called for a tool also tell what happened, beyond the tool's own name."""
    own = {stem(word) for word in words(tool.name.replace("_", " "))} | {"make", "file", "complain", "report", "number"}
    more = [term for term in terms(said) if not term.isdigit() and not digit_runs(term) and meant(term, own)[1] < _SURE]
    return len(more) > _OWN_WORDS


def _answer(slot: Slot, said: str) -> Any:
    """What only counts as a value if the caller was asked for it: yes or no, and words of their own."""
    if slot.kind == "boolean":
        return acts.is_yes(said) or (False if acts.is_no(said) else None)
    return acts.without_openers(said) or None


def _choice(choices: Sequence[str], said: str) -> str | None:
    """The first of the choices that the words name, exactly or by sound."""
    heard = words(said)
    for choice in choices:
        if " ".join(words(choice.replace("_", " "))) in " ".join(heard):
            return choice
    by_stem = {stem(word): choice for choice in choices for word in words(choice.replace("_", " "))}
    guesses = [(meant(stem(word), by_stem), word) for word in heard]
    return next((by_stem[known] for (known, likeness), _ in guesses if likeness >= _SURE), None)


def _relative_day(days: Sequence[str], said: str, at: float) -> str | None:
    """``tomorrow`` and its like as a day of the week, if that is one of the days."""
    plain = " ".join(words(said))
    ahead = next((n for word, n in (("day after tomorrow", 2), ("tomorrow", 1), ("today", 0)) if word in plain), None)
    if ahead is None or not at:
        return None
    day = _DAYS[(datetime.fromtimestamp(at).astimezone() + timedelta(days=ahead)).weekday()]
    return day if day in days else None


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """``T | None`` as T: what a caller says is never null."""
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    return {**schema, **options[0]} if len(options) == 1 else schema


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:]
