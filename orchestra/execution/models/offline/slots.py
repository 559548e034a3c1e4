"""Finds a tool's arguments in the caller's words by the tool's JSON schema, and asks for missing ones."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestra.execution.models.offline import dialogue_acts
from orchestra.execution.models.offline.parse_dates import DAYS, date_in, time_in, time_words, weekday_of
from orchestra.language.english.spoken_digits import digit_runs, digits_of_length, without_numbers
from orchestra.language.english.stemming import closest_term, stem, terms, words
from orchestra_schemas import ToolSchema

_LENGTHS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12,
}  # fmt: skip
_PATTERN_LENGTH = re.compile(r"^\^?(?:\\d|\[0-9\])\{(\d+)\}\$?$")
_SAID_LENGTH = re.compile(r"\b(\w+)[ -]digits?\b")
_IDENTIFIER = re.compile(r"\b(number|code|id|digits?|pin|account|postcode|reference)\b")
_DAY = re.compile(r"\b(?:week)?days?\b")
_NO_DAY = re.compile(
    r"\b(?:times?|hours?|part|moment) (?:of|in) (?:the |a )?day\b|\b(?:per|a|each|every) day\b|\bdays\b"
)
_TIME = re.compile(r"\btimes?\b|\bo.?clock\b")
_NO_TIME = re.compile(r"\b(?:how many|number of|first|last|next|full|part|any|some|same) times?\b|\btime ?zone\b")
#: free text: everything that the caller says may be the value
_STORY = re.compile(
    r"\b(?:what (?:happened|went)|what(?: i|.?)s (?:wrong|the (?:matter|problem|trouble))|why|reasons?|problems?|"
    r"complaints?|messages?|notes?|descriptions?|describe|details?|symptoms?|wish(?:es)?|requests?|questions?|story|"
    r"concerns?|feedback|comments?|subject|issue)\b"
)
_LEAD_IN = re.compile(
    r"^(?:(?:my|the|his|her|our) (?:\w+ ){0,2}?(?:is|are)|it'?s|it is|that'?s|that is|i'?m|i am|this is|they are)\s+",
    re.IGNORECASE,
)
_DECIMAL = re.compile(r"\d+[.,]\d+")
#: formats that are not said aloud as they are written
_WRITTEN = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.\w+"),
    "uri": re.compile(r"\w+://\S+"),
    "uuid": re.compile(r"[0-9a-fA-F-]{32,36}"),
}
_SURE = 0.7
_OWN_WORDS = 2
_MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Slot:
    """One argument of a tool as its schema describes it."""

    name: str
    schema: dict[str, Any]
    required: bool

    @property
    def description(self) -> str:
        """The author's description of the argument."""
        return str(self.schema.get("description", "")) or self.name.replace("_", " ")

    @property
    def head(self) -> str:
        """The description's first words: ``account number`` of "account number, six digits"."""
        return re.split(r"[,.:;(]", self.description)[0].strip()

    @property
    def question(self) -> str:
        """The question for the caller: the one in the description, or one made from its first words."""
        asked = re.search(r"([^.?!:;]+\?)", self.description)
        if asked:
            return _sentence(asked[1])
        if self.kind == "boolean":
            return f"{_sentence(self.head)}, yes or no?"
        return f"Which {self.head.removeprefix('the ').removeprefix('a ')} is it?"

    @property
    def kind(self) -> str:
        """Its kind of value: ``choice``, ``boolean``, ``number``, ``digits``, ``day``, ``date``, ``time`` or ``words``.

        ``nothing`` for values that no caller says: lists, objects, combined dates and times.
        """
        if self.choices:
            return "choice"
        kind, form = self.schema.get("type", "string"), self.schema.get("format", "")
        if kind in ("boolean", "integer", "number"):
            return "boolean" if kind == "boolean" else "number"
        if kind != "string" or form in ("date-time", "duration", "byte", "binary"):
            return "nothing"
        if form in ("date", "time"):
            return str(form)
        return "words" if form in _WRITTEN else self._described

    @property
    def _described(self) -> str:
        """The kind of a text without a format, by its name and description."""
        named = " ".join(words(f"{self.name.replace('_', ' ')} {self.description}"))
        if _PATTERN_LENGTH.match(self.schema.get("pattern", "")) or _IDENTIFIER.search(named):
            return "digits"
        if _DAY.search(named) and not _NO_DAY.search(named):
            return "day"
        return "time" if _TIME.search(named) and not _NO_TIME.search(named) else "words"

    @property
    def is_free_text(self) -> bool:
        """Whether the caller says it in their own words: what happened, a message, a wish."""
        return self.kind == "words" and bool(_STORY.search(self.description.lower()))

    @property
    def length(self) -> int | None:
        """How many digits a value of kind ``digits`` has, None if unknown."""
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

    def of_choice(self, text: str | None) -> Any:
        """The value of the enumeration for a text of `choices`."""
        return next((value for value in self.schema.get("enum", ()) if str(value) == text), None)


def slots_of(tool: ToolSchema) -> list[Slot]:
    """The arguments of a tool, in the order of its schema."""
    required = tool.parameters.get("required", ())
    properties = tool.parameters.get("properties", {})
    return [Slot(name, _without_null(schema), name in required) for name, schema in properties.items()]


def value_in(slot: Slot, said: str, *, asked: bool, at: float) -> Any:
    """The slot's value in the caller's words, None if they do not give one.

    Args:
        slot: the argument.
        said: the caller's words.
        asked: these words answer the slot's question; only then yes, no and free text count as answers.
        at: when they were said, in epoch seconds; "tomorrow" is relative to it.

    """
    value = _value_in(slot, said, asked=asked, at=at)
    pattern = slot.schema.get("pattern")
    return None if pattern and isinstance(value, str) and not _has_form(pattern, value) else value


def _value_in(slot: Slot, said: str, *, asked: bool, at: float) -> Any:
    if slot.kind in {"choice", "day", "date"}:
        return _of_calendar(slot, said, at)
    match slot.kind:
        case "digits":
            return digits_of_length(said, slot.length)
        case "number":
            return _number(said, whole=slot.schema.get("type") == "integer")
        case "time" if slot.schema.get("format"):
            return time_in(said)
        case "time":
            return time_words(said) if asked else None
    return _answer(slot, said) if asked and slot.kind != "nothing" else None


def _of_calendar(slot: Slot, said: str, at: float) -> Any:
    """One of the choices, with ``tomorrow`` as a day of the week; or a date."""
    if slot.kind == "date":
        return date_in(said, at)
    choices = slot.choices or DAYS
    chosen = _choice(choices, said) or _relative_day(choices, said, at)
    return slot.of_choice(chosen) if slot.choices else chosen


def has_further_terms(said: str, tool: ToolSchema) -> bool:
    """Whether the words that requested a tool also say what happened."""
    own = {stem(word) for word in words(tool.name.replace("_", " "))} | {"make", "file", "complain", "report", "number"}
    more = [
        term
        for term in terms(said)
        if not term.isdigit() and not digit_runs(term) and closest_term(term, own)[1] < _SURE
    ]
    return len(more) > _OWN_WORDS


def _answer(slot: Slot, said: str) -> Any:
    """A value that only counts if the caller was asked for it: yes or no, and free text."""
    if slot.kind == "boolean":
        return dialogue_acts.is_yes(said) or (False if dialogue_acts.is_no(said) else None)
    answer = dialogue_acts.without_openers(said)
    if slot.is_free_text:
        return answer or None
    answer = _LEAD_IN.sub("", answer).strip(" .,!")
    written = _WRITTEN.get(slot.schema.get("format", ""))
    asks_back = said.rstrip().endswith("?") or len(answer.split()) > _MOST_WORDS
    if not answer or asks_back or dialogue_acts.does_not_know(said) or (written and not written.fullmatch(answer)):
        return None
    return answer


def _choice(choices: Sequence[str], said: str) -> str | None:
    """The first of the choices that the words name: literally, as a number, or by sound."""
    heard = words(re.sub(r"\bnot\b(?: on| at| in| the)* \w+", " ", said.lower()))
    spelled = {choice: " ".join(words(choice.replace("_", " "))) for choice in choices}
    named = [choice for choice in choices if spelled[choice] and f" {spelled[choice]} " in f" {' '.join(heard)} "]
    if named:
        return max(named, key=lambda choice: len(spelled[choice]))
    by_number = {_digits(text): choice for choice, text in reversed(spelled.items())}
    for number in digit_runs(" ".join(heard)):
        for written in (number, f"{number}00"):  # "nine" also means 9:00
            if written in by_number:
                return by_number[written]
    by_stem = {stem(word): choice for choice in choices for word in spelled[choice].split()}
    guesses = [(closest_term(stem(word), by_stem), word) for word in heard]
    return next((by_stem[known] for (known, likeness), _ in guesses if likeness >= _SURE), None)


def _digits(text: str) -> str | None:
    """The digits of a text that is only a number: ``eleven``, ``11:30``."""
    return "".join(digit_runs(text)) if without_numbers(text) in {"", "number"} else None


def _relative_day(days: Sequence[str], said: str, at: float) -> str | None:
    """``tomorrow`` and the like as one of these days of the week."""
    day = weekday_of(said, at)
    return next((choice for choice in days if choice.capitalize() == day), None)


def _number(said: str, *, whole: bool) -> int | float | None:
    decimal = _DECIMAL.search(said)
    if decimal and not re.fullmatch(r"\d{1,3},\d{3}", decimal[0]):
        return None if whole else float(decimal[0].replace(",", "."))
    return next((int(run) for run in digit_runs(said)), None)


def _has_form(pattern: str, value: str) -> bool:
    try:
        return bool(re.search(pattern, value))
    except re.error:  # a pattern in another dialect is ignored
        return True


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """``T | None`` as T: callers never say null."""
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    return {**schema, **options[0]} if len(options) == 1 else schema


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:]
