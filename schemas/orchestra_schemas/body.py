"""The JSON body of an event, valid for every reader.

An event can be built with anything in its fields, and a value that readers cannot decode would stop every consumer.
So such values are repaired or refused here, where the event is made: only its publisher sees the error.
"""

import math
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from orchestra_schemas.event import Event

E = TypeVar("E", bound=Event)

#: the year 10000, in epoch seconds: neither calendars nor databases go further
_LATEST = 253_402_300_800.0
#: levels of lists and mappings: far fewer than any reader gives up at
_DEEPEST = 100
_SURROGATE = re.compile("[\ud800-\udfff]")

_encode = msgspec.json.Encoder().encode
_readers: dict[type[Event], Callable[[bytes], Event]] = {}
#: per type: whether an event's values are of their types, and would be read back as they are
_checks: dict[type[Event], Callable[[Event, bytes], bool]] = {}
_BACKSLASH = ord("\\")


class EncodeError(ValueError):
    """An event holds a value that no stream entry can carry; it is not published."""


def carried(event: E) -> tuple[E, bytes]:
    """The event with values that a stream entry can carry, and its JSON body.

    NUL characters are removed, lone surrogates become U+FFFD, a whole number may be a float. A field without a
    value (None, NaN, an infinity) gets its default, a time outside the calendar becomes the current time.

    Raises:
        EncodeError: the value of a field is not of its type, or is nested too deep.

    """
    try:
        body = _encode(event)
        sound = _checks.get(type(event)) or _check(type(event))
        # searching for an int takes a quarter of the time of searching for bytes
        if sound(event, body) and not (_BACKSLASH in body and b"\\u0000" in body):
            return event, body
    except (TypeError, ValueError, RecursionError):
        pass  # the quick way is for valid events; others are repaired or refused below
    try:
        mended = _mended(event)
        body = _encode(mended)
        _reader(type(event))(body)
    except (TypeError, ValueError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else error
        msg = f"{type(event).__name__} cannot be published: {reason}; give its fields values of their types"
        raise EncodeError(msg) from error
    return mended, body


def _reader(event_type: type[Event]) -> Callable[[bytes], Event]:
    """How readers decode the bodies of a type."""
    read = _readers[event_type] = msgspec.json.Decoder(event_type).decode
    return read


def _check(event_type: type[Event]) -> Callable[[Event, bytes], bool]:
    """The check of a type: of each value if all fields are of plain types, otherwise by decoding the body.

    Every published event is checked. Checking the values takes half the time of decoding the body, but only if it is
    compiled for the type: a loop over the fields would lose what it saves.
    """
    plain: dict[type, list[str]] = {str: [], int: [], float: [], bool: []}
    fields, read = msgspec.structs.fields(event_type), _reader(event_type)
    if not {field.type for field in fields} <= plain.keys():
        _checks[event_type] = lambda event, body: read(body) is not None and 0.0 <= event.at < _LATEST
        return _checks[event_type]
    for field in fields:
        plain[field.type].append(f"event.{field.name}")
    of_type = [f"{' is '.join(f'type({value})' for value in values)} is {kind.__name__}"
               for kind, values in plain.items() if values]  # fmt: skip
    # neither infinite nor NaN: only a finite number minus itself is 0
    finite = [f"{value} - {value} == 0.0" for value in plain[float]]
    source = " and ".join([*of_type, *finite, f"0.0 <= event.at < {_LATEST}"])
    _checks[event_type] = eval(  # noqa: S307 - of the names of our own fields
        f"lambda event, body, type=type, str=str, int=int, float=float, bool=bool: {source}"
    )
    return _checks[event_type]


def _mended(event: E) -> E:
    """The event with values that can be carried.

    Raises:
        TypeError: a value is of no type that JSON knows.
        ValueError: a value is not of its field's type.
        RecursionError: it is nested too deep.

    """
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(type(event)):
        value = getattr(event, field.name)
        if field.name == "at" and isinstance(value, int | float) and not 0.0 <= value < _LATEST:
            value = time.time()
        value = _clean(msgspec.to_builtins(value, builtin_types=(bytes,)))
        if value is None and not field.required:
            continue  # its default
        try:
            values[field.name] = _of_type(value, field.type)
        except msgspec.ValidationError as error:
            msg = f"{field.name}: {error}"
            raise ValueError(msg) from error
    return type(event)(**values)


def _of_type(value: Any, kind: Any) -> Any:
    """The value as this type; floats that are whole numbers count as such."""
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        if isinstance(value, float) and value.is_integer():
            return msgspec.convert(int(value), kind)
        raise


def _clean(value: Any, depth: int = 0) -> Any:
    """A value without the parts that JSON or its readers cannot represent."""
    if depth > _DEEPEST:
        raise RecursionError
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_clean(key, depth + 1): _clean(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_clean(each, depth + 1) for each in value]
    return value


def clean_text(text: str) -> str:
    """Text without NUL characters, and with U+FFFD for lone surrogates."""
    if _SURROGATE.search(text):  # a pair of surrogates becomes the character that it encodes
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "")
