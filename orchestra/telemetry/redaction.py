"""Removes cards, telephone numbers, accounts, e-mail addresses and the app's own patterns from everything that leaves.

Text is redacted by pure functions. Events are redacted in the text of their fields, not in their ids and times. Most of
them hold nothing to redact; a screen over the JSON text finds that out before anything is decoded. `Chain` recognizes
a number that is said in pieces, over several events or messages.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
import structlog

from orchestra.call_variables.notes import HEAD as NOTES_HEAD
from orchestra.call_variables.notes import without_values
from orchestra.errors import AppError
from orchestra.settings import Settings
from orchestra.telemetry.personal_data_patterns import WIDE, Found, found, is_card, may_say_address
from orchestra.telemetry.spoken_digits import SaidNumber, may_say_digits, said_numbers

#: matches any JSON text that may hold something to redact, and some that does not. A number that is a key's value may
#: be a card, and is a phone number only if the key says so
_SCREEN: Final = re.compile(rf'\d(?<!\d\d)(?<!\d\.\d)(?<!":\d)(?<!":-\d)(?:(?:[{WIDE}]|\\[nrtbf/]){{0,5}}\d){{6}}')
_PHONE_KEYS: Final = ("phone", "mobile", "msisdn", "fax", "whatsapp", "caller", "callback")
_LONG_VALUE: Final = re.compile(r'":-?\d{7,13}')
_LONG_ELEMENT: Final = re.compile(r"[\[,]-?\d{13}")
#: a match of `_LONG_VALUE` of at least this many characters may be a card
_CARD_VALUE: Final = len('":') + 12
#: one of these is in a text that may hold an address, letters in another writing, or values of variables
_SIGNS: Final = ("@", "%40", "\\u", NOTES_HEAD)
#: messages that may hold pieces of one number
_PIECES: Final = re.compile(r'"content":"(?:[^"\d]{0,25}\d){2}[^"]{0,40}"')
_DIGIT_SAID: Final = re.compile(rb'"(?:text|heard)":"[^"\d]*\d')
_BODY_START: Final = re.compile(r'"trace":"[0-9a-f-]{55}"')

#: fields of events that name things and never quote a caller
_NAMES: Final = frozenset(
    {"type", "call", "id", "cause", "trace", "source", "request", "tool_call_id", "provider_call", "url"}
)
#: who is in a call
_PARTIES: Final = frozenset({"from_number", "to_number", "target", "line"})
#: the same for log entries
_LOG_NAMES: Final = _NAMES | {"timestamp", "level", "process", "event_id", "worker", "token", "stream_id"}
#: keys that were pressed; cards, birthdays and PINs come digit by digit
_KEYED: Final = {"digit.pressed": "digit", "digits.requested": "digits"}
#: events that hold a piece of what was said
_SPEECH: Final = frozenset(
    {
        "transcript.final", "transcript.partial", "user.turn.predicted", "user.turn.ended", "reply.chunk",
        "backchannel.heard", "sentence.spoken", "reply.spoken", "reply.interrupted", "turn.completed",
    }
)  # fmt: skip
_TEXTS: Final = ("text", "heard")
#: events with variables, which are personal data as a whole, whatever they look like: what is known of a caller
_VARIABLES: Final = frozenset({"call.started", "call.variables.requested", "call.variables.set"})

_VARIABLE: Final = "[variable]"
#: most words between a piece of a number and the end of its text
_WORDS_BESIDE: Final = 4
#: pieces with this many digits together are more than a parcel's number
_DIGITS_OF_PIECES: Final = 10
_CALLS_KEPT: Final = 20_000
#: texts that are kept with what is left of them, until a call ends, and the longest of them
_TEXTS_KEPT: Final = 4096
_LONGEST_KEPT: Final = 4096
#: single letters and groups of digits in a row: how codes are spelled
_SPELLED: Final = re.compile(
    r"(?<!\w)(?:[A-Z]{1,3}|[^\W\d_]|\d+)(?:[\s,.-]{1,3}(?:[A-Z]{1,3}|[^\W\d_]|\d+)){1,23}(?!\w)"
)
_PIECE: Final = re.compile(r"[^\W_]+")
_DIGIT: Final = re.compile(r"\d")
#: letters before digits that are said in words: how codes are read out
_LETTERS_BEFORE: Final = re.compile(r"(?:(?<!\w)[^\W\d_]\W{1,3}){1,6}\Z")
#: so few words may be a piece of a number
_WORDS_OF_PIECE: Final = 2
_DIGITS: Final = re.compile(rf"\+?\d(?:[{WIDE}]{{0,5}}\d)*")

#: finds what is personal in a text: the characters ``start`` to ``end``, and the word that replaces them, in brackets
Filter = Callable[[str], Iterable[tuple[int, int, str]]]
_LOG = structlog.get_logger("orchestra.telemetry")

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def redaction_of(settings: Settings) -> "Redaction | None":
    """The redaction that the settings and every app ask for; None where the settings turn it off.

    Raises:
        AppError: an app, which may name patterns of its own, cannot be loaded: then nothing may leave.

    """
    return _redaction(settings, frozenset()) if settings.redact else None


def redaction_at_rest(settings: Settings) -> "Redaction | None":
    """The redaction of what outlives the journal; None unless the settings ask for it.

    It leaves the numbers of both parties and of whom a call goes to: by them a caller's calls are found, and forgotten.

    Raises:
        AppError: as above.

    """
    return _redaction(settings, _PARTIES) if settings.redact_at_rest else None


def _redaction(settings: Settings, keeps: frozenset[str]) -> "Redaction":
    from orchestra.agents.loader import load_lines, load_named  # noqa: PLC0415 - only where something is redacted

    # what one app calls by a word is hidden in the calls of the others, too
    patterns = [pair for app in load_lines(settings.app).apps for pair in app.redact.items()]
    name, finds = settings.redact_filter, None
    if name:
        finds = load_named(name, "redaction filter", "filters:names")
        if not callable(finds):
            msg = f"redaction filter {name!r}: there is no such function"
            raise AppError(msg)
    return Redaction(patterns, keeps=keeps, finds=finds)


class Redaction:
    """Replaces what must not leave.

    Args:
        patterns: regular expressions by the word that replaces what they match (``{"parcel": "PC-[0-9]+"}``
            puts ``[parcel]``). They also match what is spelled ("P C 1 2 3" for ``PC123``). Where one and a built-in
            one overlap, the longer match counts.
        keeps: fields of events, beside ids and the like, that stay as they are.
        finds: finds more in a text, like names. Where it fails, the whole text is ``[text]``.

    """

    def __init__(
        self,
        patterns: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        *,
        keeps: frozenset[str] = frozenset(),
        finds: Filter | None = None,
    ) -> None:
        self._finds = finds
        self._failed = False
        self._names = _NAMES | keeps
        pairs = patterns.items() if isinstance(patterns, Mapping) else patterns
        self._patterns = [(word, re.compile(pattern)) for word, pattern in dict.fromkeys(pairs)]
        self._calls: OrderedDict[tuple[str, str], Chain] = OrderedDict()
        # what was said comes again: as a turn, in every later prompt
        self._text_again = lru_cache(_TEXTS_KEPT)(self._text)
        self._runs_again = lru_cache(_TEXTS_KEPT)(_runs_of_digits)

    def text(self, value: str) -> str:
        """The text with ``[card]``, ``[phone]``, ``[email]``, ``[iban]``, ``[id]``, ``[variable]``, the app's words."""
        return self._text_again(value) if len(value) <= _LONGEST_KEPT else self._text(value)

    @property
    def kept_texts(self) -> int:
        """How many texts are in memory."""
        return self._text_again.cache_info().currsize + self._runs_again.cache_info().currsize

    def runs_of_digits(self, text: str) -> "list[_Digits]":
        """The digits that follow one another in a text, in figures or in words, in order."""
        return self._runs_again(text) if len(text) <= _LONGEST_KEPT else _runs_of_digits(text)

    def _text(self, value: str) -> str:
        value = without_values(value, _VARIABLE)
        matches = list(found(value))
        said = list(said_numbers(value)) if self._patterns else []
        for word, pattern in self._patterns:
            matches += (Found(*match.span(), word) for match in pattern.finditer(value) if match[0])
            matches += _spelled(value, word, pattern)
            matches += (match for number in said if (match := _said(value, number, word, pattern)))
        if self._finds is not None:
            try:
                matches += [Found(max(0, start), end, kind) for start, end, kind in self._finds(value) if start < end]
            except Exception as error:  # noqa: BLE001 - it is of the operator's; nothing may leave because it fails
                self._filter_failed(error)
                return "[text]"
        if not matches:
            return value
        parts, at = [], 0
        for match in _longest(matches):
            parts += [value[at : match.start], f"[{match.kind}]"]
            at = match.end
        return "".join([*parts, value[at:]])

    def _filter_failed(self, error: Exception) -> None:
        if not self._failed:
            self._failed = True
            kind = type(error).__name__  # its message may quote the text
            _LOG.error(
                "redaction.filter_failed", error=kind, cure="what it could not look at is [text]: mend the filter"
            )

    def event(self, call: str, kind: str, body: bytes) -> bytes:
        """The redacted JSON of an event of this type; a number may have begun in earlier events of the call."""
        if kind in _VARIABLES and b'"variables"' in body:
            return self._without_values(body)
        if kind not in _SPEECH:
            if kind == "call.ended":
                for each in _SPEECH:
                    self._calls.pop((call, each), None)
                self._text_again.cache_clear()
                self._runs_again.cache_clear()
            return self.body(body, keyed=_KEYED.get(kind, ""))
        chain = self._calls.get((call, kind))
        if chain is None:
            if not _DIGIT_SAID.search(body) and not may_say_digits(body.decode("utf-8", "replace"), _WORDS_OF_PIECE):
                return self.body(body)
            chain = Chain(self)
        try:
            fields = _decode(body)
            said = {name: fields[name] for name in _TEXTS if isinstance(fields.get(name), str)}
        except (msgspec.DecodeError, UnicodeDecodeError, AttributeError):
            return self.body(body)
        left = {name: chain(name, text) for name, text in said.items()}
        self._keep(call, kind, chain)
        others = {name: value for name, value in fields.items() if name not in said}
        redacted = {**self._top(others, self._names), **left}
        return body if redacted == fields else _encode(redacted)

    def _without_values(self, body: bytes) -> bytes:
        """The event with the names of the call's variables, and ``[variable]`` in place of each value."""
        try:
            fields = _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self.body(body)
        if isinstance(fields, dict) and isinstance(fields.get("variables"), dict):
            fields["variables"] = dict.fromkeys(fields["variables"], _VARIABLE)
        return self.body(_encode(fields))

    def _keep(self, call: str, kind: str, chain: "Chain") -> None:
        if not chain.pending:
            self._calls.pop((call, kind), None)
            return
        self._calls[call, kind] = chain
        if len(self._calls) > _CALLS_KEPT:
            self._calls.popitem(last=False)

    def body(self, body: bytes, *, keyed: str = "") -> bytes:
        """The redacted JSON of an event; the same bytes if there is nothing to redact.

        ``keyed`` names the field that holds pressed keys.
        """
        text = body.decode("utf-8", "replace")
        header = _BODY_START.search(text)
        start = header.end() if header else 0
        if not keyed and not self._may_hold(text, start):
            return body
        try:
            event = _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self.text(text).encode()
        if not isinstance(event, dict):
            return _encode(self._any(event))
        redacted = self._top(event, self._names)
        if keyed:
            redacted[keyed] = "*" * len(str(event.get(keyed, "")))
        return _encode(redacted)

    def _may_hold(self, text: str, start: int) -> bool:
        if self._finds is not None or any(text.find(sign, start) >= 0 for sign in _SIGNS):
            return True
        if may_say_address(text, start) or may_say_digits(text[start:]) or _SCREEN.search(text, start):
            return True
        for value in _LONG_VALUE.finditer(text, start):
            key = text[text.rfind('"', 0, value.start()) + 1 : value.start()]
            if value.end() - value.start() > _CARD_VALUE or _is_of_a_phone(key):
                return True
        if text.find("[", start) < 0:
            return bool(self._patterns) and self._own(text, start)
        if _LONG_ELEMENT.search(text, start) or len(_PIECES.findall(text, start)) > 1:
            return True
        return bool(self._patterns) and self._own(text, start)

    def _own(self, text: str, start: int) -> bool:
        return any(pattern.search(text, start) or _SPELLED.search(text, start) for _, pattern in self._patterns)

    def log(self, entry: MutableMapping[str, Any]) -> dict[str, Any]:
        """A structured log entry, redacted."""
        return self._top(entry, _LOG_NAMES)

    def _top(self, fields: MutableMapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
        return {
            name if name in names else self._any(name): value if name in names else self._any(value, name)
            for name, value in fields.items()
        }

    def _any(self, value: Any, key: str = "") -> Any:
        if isinstance(value, str):
            return self._string(value)
        if isinstance(value, dict):
            return {self._any(name): self._any(each, str(name)) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return self._messages(value) if _are_messages(value) else [self._any(each, key) for each in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _number(value, key)
        return value

    def _string(self, value: str) -> str:
        """A string; JSON in it, as in the arguments of a tool, stays JSON."""
        left = self.text(value)
        if left != value and value[:1] in {"{", "["}:
            with suppress(msgspec.DecodeError):
                return _encode(self._inside(_decode(value))).decode()
        return left

    def _inside(self, value: Any) -> Any:
        """A value in a text that is JSON: there a number is redacted like the same figures in words around it."""
        if isinstance(value, dict):
            return {self.text(name): self._inside(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._inside(each) for each in value]
        if isinstance(value, str):
            return self._string(value)
        shown = str(value)
        left = shown if isinstance(value, bool) else self.text(shown)
        return value if left == shown else left

    def _messages(self, messages: list[Any] | tuple[Any, ...]) -> list[Any]:
        """Redact a prompt's messages: a number may begin in a speaker's message and end in their next one."""
        chain = Chain(self)
        return [
            {
                **self._any({name: part for name, part in each.items() if name != "content"}),
                "content": chain(each["role"], each["content"]),
            }
            for each in messages
        ]


class Chain:
    """Redacts texts that follow one another; called with who speaks and the text.

    A piece of a number looks harmless alone: ``My card is 4111 1111``, then ``1111 1111, please``. If digits at the end
    of a text and at the beginning of the speaker's next text are ten or more together, the latter are removed: at most
    nine digits of a card leave.
    """

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self._digits: dict[str, int] = {}

    @property
    def pending(self) -> bool:
        """Whether a number may have begun."""
        return bool(self._digits)

    def __call__(self, speaker: str, text: str) -> str:
        """The redacted text; ``speaker`` says whose texts, or which other texts, it continues."""
        rest = self.rest(speaker, text)
        redact = self._redaction.text
        return redact(text) if rest is None else f"{redact(text[: rest.start])}[number]{redact(text[rest.end :])}"

    def rest(self, speaker: str, text: str) -> "_Digits | None":
        """Remember the text, and return the digits near its beginning if they complete a number that began before."""
        runs = self._redaction.runs_of_digits(text)
        before = self._digits.pop(speaker, 0)
        if not runs:
            if before and " " not in text:  # "Yes." between two pieces does not end the number
                self._digits[speaker] = before
            return None
        first, last = runs[0], runs[-1]
        goes_on = before > 0 and len(_PIECE.findall(text, 0, first.start)) <= _WORDS_BESIDE
        together = first.size + (before if goes_on else 0)
        if len(_PIECE.findall(text, last.end)) <= _WORDS_BESIDE:
            self._digits[speaker] = together if first is last else last.size
        return first if goes_on and together >= _DIGITS_OF_PIECES else None


class _Digits(NamedTuple):
    """So many digits follow one another in a text, in figures or in words."""

    start: int
    end: int
    size: int


def _runs_of_digits(text: str) -> list[_Digits]:
    runs = [_Digits(*match.span(), len(_DIGIT.findall(match[0]))) for match in _DIGITS.finditer(text)]
    runs += (_Digits(each.start, each.end, len(each.digits)) for each in said_numbers(text, _WORDS_OF_PIECE))
    kept: list[_Digits] = []
    for run in sorted(runs, key=lambda run: run.start - run.end):
        if all(run.end <= other.start or other.end <= run.start for other in kept):
            kept.append(run)
    return sorted(kept)


def _is_of_a_phone(key: str) -> bool:
    name = key.lower()
    return any(word in name for word in _PHONE_KEYS)


def _are_messages(value: list[Any] | tuple[Any, ...]) -> bool:
    return bool(value) and all(
        isinstance(each, dict) and isinstance(each.get("role"), str) and isinstance(each.get("content"), str)
        for each in value
    )


def _number(value: float, key: str) -> Any:
    """Redact a JSON number: a card, or a telephone number if the key says so."""
    if isinstance(value, float) and not value.is_integer():
        return value
    digits = str(abs(int(value)))
    if len(digits) >= 7 and _is_of_a_phone(key):  # noqa: PLR2004
        return "[phone]"
    return "[card]" if is_card(digits) else value


def _longest(matches: list[Found]) -> list[Found]:
    """The matches in order; where some overlap, the longest."""
    kept: list[Found] = []
    for match in sorted(matches, key=lambda each: (each.start - each.end, each.start)):
        if all(match.end <= other.start or other.end <= match.start for other in kept):
            kept.append(match)
    return sorted(kept)


def _said(text: str, number: SaidNumber, word: str, pattern: re.Pattern[str]) -> Found | None:
    """The match of the pattern in a number that is said in words, with letters that are spelled before it."""
    before = _LETTERS_BEFORE.search(text, 0, number.start)
    letters = list(_PIECE.finditer(before[0])) if before else []
    for first in range(len(letters) + 1):
        spelled = "".join(match[0] for match in letters[first:])
        if any(pattern.fullmatch(each + number.digits) for each in (spelled, spelled.upper())):
            at = before.start() + letters[first].start() if before and first < len(letters) else number.start
            return Found(at, number.end, word)
    return None


def _spelled(text: str, word: str, pattern: re.Pattern[str]) -> list[Found]:
    """The matches of the pattern in spelled text, ignoring what separates its letters and digits."""
    matches = []
    for run in _SPELLED.finditer(text):
        pieces = [piece.span() for piece in _PIECE.finditer(text, *run.span())]
        at = 0
        while at < len(pieces):
            for last in range(len(pieces), at + 1, -1):
                if pattern.fullmatch("".join(text[start:end] for start, end in pieces[at:last])):
                    matches.append(Found(pieces[at][0], pieces[last - 1][1], word))
                    at = last - 1
                    break
            at += 1
    return matches
