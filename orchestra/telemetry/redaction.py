"""Card numbers, phone numbers, e-mail addresses and what the app names are taken out of what leaves the platform.

Text is redacted by pure functions. Events are redacted in the text of their fields, not in their ids and times. Most of
them hold nothing to redact: a screen over the JSON text finds that out before anything is decoded.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import msgspec

#: what may stand between the digits of a number as people write it and engines transcribe it
_BETWEEN = r"\s().\-/\u2010-\u2015\u00b7"
_NUMBER = re.compile(rf"\+?\d(?:[{_BETWEEN}]{{0,3}}\d){{6,}}")
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d-[01]\d-[0-3]\d(?!\d)")
_DECIMAL = re.compile(r"\d+\.\d+")
_LOCAL = re.compile(rf"\d{{3}}[{_BETWEEN}]{{1,3}}\d{{4}}")

#: may there be a number in this JSON text? A superset of the above; a number that is the value of a key is no phone
#: number, but may be a card's. It begins with a digit and looks back from there, so that the search skips all else
_SCREEN = re.compile(
    rf'\d(?:(?<!\d\d)(?<!\d\.\d)(?<!":\d)(?:(?:[{_BETWEEN}]|\\[nrtbf/]){{0,3}}\d){{6}}|(?<=":\d)\d{{12,18}}(?![\d.]))'
)
_BODY_START = re.compile(r'"trace":"[0-9a-f-]{55}"')

_CARD_DIGITS = range(19, 12, -1)
_FIRST_OF_CARDS = frozenset("23456")
_PHONE_DIGITS = 10
_SHORTEST_INTERNATIONAL = 7
#: fields of events that name things and never quote a caller
_NAMES = frozenset(
    {"type", "call", "id", "cause", "trace", "source", "request", "tool_call_id", "provider_call", "url"}
)
#: and of log entries
_LOG_NAMES = _NAMES | {"timestamp", "level", "process", "event_id", "worker", "token", "stream_id"}

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def luhn(digits: str) -> bool:
    """Whether the check digit is right (ISO/IEC 7812-1, annex B).

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    odd = [int(digit) for digit in digits[::-1][0::2]]
    even = [sum(divmod(2 * int(digit), 10)) for digit in digits[::-1][1::2]]
    return (sum(odd) + sum(even)) % 10 == 0


class Redaction:
    """Takes out what must not leave.

    Args:
        patterns: regular expressions by the word that takes the place of what they match (``{"parcel": "PC-[0-9]+"}``
            puts ``[parcel]``), applied before the built-in ones.

    """

    def __init__(self, patterns: Mapping[str, str] | None = None) -> None:
        self._patterns = [(f"[{word}]", re.compile(pattern)) for word, pattern in (patterns or {}).items()]

    def text(self, value: str) -> str:
        """The text with ``[card]``, ``[phone]``, ``[email]`` and the app's words in place of what they stand for."""
        for word, pattern in self._patterns:
            value = pattern.sub(word, value)
        if "@" in value:
            value = _EMAIL.sub("[email]", value)
        return _NUMBER.sub(_number, value)

    def body(self, body: bytes) -> bytes:
        """The JSON of an event, redacted; the very same bytes where there is nothing to redact."""
        text = body.decode("utf-8", "replace")
        header = _BODY_START.search(text)
        start = header.end() if header else 0
        if not self._may_hold(text, start):
            return body
        try:
            event = _decode(body)
        except msgspec.DecodeError:
            return self.text(text).encode()
        return _encode(self._top(event, _NAMES) if isinstance(event, dict) else self._any(event))

    def _may_hold(self, text: str, start: int) -> bool:
        if text.find("@", start) >= 0 or text.find("\\u", start) >= 0 or _SCREEN.search(text, start):
            return True
        return any(pattern.search(text, start) for _, pattern in self._patterns)

    def log(self, entry: MutableMapping[str, Any]) -> dict[str, Any]:
        """A structured log entry, redacted."""
        return self._top(entry, _LOG_NAMES)

    def _top(self, fields: MutableMapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
        return {
            name if name in names else self._any(name): value if name in names else self._any(value)
            for name, value in fields.items()
        }

    def _any(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self._any(name): self._any(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._any(each) for each in value]
        if isinstance(value, int) and _is_card(str(value)):
            return "[card]"
        return value


def _number(match: re.Match[str]) -> str:
    """A stretch of digits: the cards in it, and what of the rest is a phone number."""
    found = match.group()
    date = _DATE.match(found)
    if date:
        return date.group() + _NUMBER.sub(_number, found[date.end() :])
    places = [place for place, character in enumerate(found) if character.isdecimal()]
    digits = "".join(found[place] for place in places)
    done, start, at = [], 0, 0
    while at <= len(digits) - _CARD_DIGITS[-1]:
        size = next((size for size in _CARD_DIGITS if _is_card(digits[at : at + size]) and at + size <= len(digits)), 0)
        if not size:
            at += 1
            continue
        done += [_phone(found[start : places[at]]), "[card]"]
        start, at = places[at + size - 1] + 1, at + size
    return "".join(done) + _phone(found[start:])


def _is_card(digits: str) -> bool:
    return len(digits) in _CARD_DIGITS and digits[0] in _FIRST_OF_CARDS and luhn(digits)


def _phone(found: str) -> str:
    """``[phone]``, with what stood around its digits, where the digits are as many as a phone number's."""
    count = sum(character.isdecimal() for character in found)
    international = "+" in found and count >= _SHORTEST_INTERNATIONAL
    long_enough = count >= _PHONE_DIGITS and not (_DECIMAL.fullmatch(found) and count < _CARD_DIGITS[-1])
    if not (international or long_enough or _LOCAL.fullmatch(found.strip())):
        return found
    first = next(place for place, character in enumerate(found) if character.isdecimal() or character == "+")
    last = max(place for place, character in enumerate(found) if character.isdecimal())
    return found[:first] + "[phone]" + found[last + 1 :]
