"""Words of a later version where this one knows a fixed choice of them, such as the reason for which a call ended."""

from functools import cache
from typing import Any, Literal, get_args, get_origin

import msgspec

from orchestra_schemas.event import Event

#: a longer one is no word
_LONGEST = 64


@cache
def choices_of(event_type: type[Event]) -> dict[str, tuple[str, ...]]:
    """The fields of a type that have a fixed choice of words, with these."""
    return {
        field.name: get_args(field.type)
        for field in msgspec.structs.fields(event_type)
        if get_origin(field.type) is Literal
    }


def with_later_words(event_type: type[Event], body: bytes) -> Event | None:
    """The event of a body whose only fault is that it has words that this version does not know; None for any other.

    It has these words as they are: who handles the event finds none of the words that they expect, and no event is lost
    because a later version publishes it.

    Raises:
        DecodeError: the body has another fault, too.

    """
    fields: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
    later = {
        name: word
        for name, known in choices_of(event_type).items()
        if isinstance(word := fields.get(name), str) and word not in known and len(word) <= _LONGEST
    }
    if not later:
        return None
    event = msgspec.convert(fields | {name: choices_of(event_type)[name][0] for name in later}, event_type)
    for name, word in later.items():
        msgspec.structs.force_setattr(event, name, word)
    return event
