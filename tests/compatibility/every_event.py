"""An entry of every event type as a version writes it that has more types, fields and words than the reader."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from orchestra_schemas import CallEnded, CallStarted, Event, event_types, tag_of
from orchestra_schemas.choices import choices_of

LATER_TYPE = "call.teleported"
LATER_WORD = "teleported"
LATER_FIELD = {"of_a_later_version": {"words": ["any"], "number": 1}}
_LAST = {tag_of(CallEnded)}


def platform_types() -> list[type[Event]]:
    """The types of the platform: a call's beginning first, its end last."""
    ours = [each for each in event_types().values() if each.__module__.startswith("orchestra_schemas.")]
    return sorted(ours, key=lambda each: (each is CallEnded) - (each is CallStarted))


def fields_of(event_type: type[Event], word: str = "") -> dict[str, Any]:
    """What an event of this type has to have; ``word`` stands where there is a choice of them, if it is given."""
    plain: dict[Any, Any] = {str: "x", int: 1, float: 1.0, bool: True, bytes: ""}
    choices = {name: word or known[0] for name, known in choices_of(event_type).items()}
    required = {
        field.name: "en" if field.name == "language" else plain.get(field.type, [])
        for field in msgspec.structs.fields(event_type)
        if field.required and field.name not in ("call", *choices)
    }
    return {"type": tag_of(event_type), **required, **choices}


def entries(call: str, kind: str) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The entries of a call that a later version writes, each with its stream.

    It differs in a ``type``, a ``field`` or a ``word``; or it is of this version, with the ``newest`` words.
    """
    for number, event_type in enumerate(platform_types()):
        if event_type is CallEnded and kind == "type":
            yield "events", _entry(call, number + 1000, {"type": LATER_TYPE} | LATER_FIELD)
        fields = fields_of(event_type, LATER_WORD if kind == "word" else "")
        if kind == "newest":
            fields |= {name: known[-1] for name, known in choices_of(event_type).items()}
        yield event_type.stream, _entry(call, number, fields | (LATER_FIELD if kind == "field" else {}))


def _entry(call: str, number: int, fields: dict[str, Any]) -> dict[str, bytes]:
    event_id = f"{call}:later.{number}"
    body = fields | {"call": call, "id": event_id, "at": time.time(), "source": "later", "turn": 1}
    return {
        "type": str(fields["type"]).encode(),
        "call": call.encode(),
        "id": event_id.encode(),
        "body": msgspec.json.encode(body),
        **({"audio": bytes(640)} if fields["type"] == "audio.chunk" else {}),
    }
