"""The header that every event carries, and the register of event types."""

import re
from typing import Any, ClassVar

import msgspec

_WORD = re.compile(r"[A-Z][a-z0-9]*")
_REGISTER: dict[str, type["Event"]] = {}


def type_tag(class_name: str) -> str:
    """``CallStarted`` → ``call.started``: the tag under which a type travels."""
    return ".".join(_WORD.findall(class_name)).lower()


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag=type_tag):
    """Something that happened in a call. Subclass it to add a type of your own.

    Defining a subclass registers it under its tag. Fields are only ever added, each with a default; a breaking change
    is a new type.

    Attributes:
        call: the call's id; its first characters name the partition (``07-0199…``).
        id: unique and deterministic; the bus sets it when the event is published.
        turn: number of the caller's turn, from 1; 0 before the caller has spoken.
        at: when it happened, epoch seconds; the bus sets it if the producer did not.
        source: the publisher: the name of a consumer or an edge.
        cause: id of the event whose handling published this one; empty at the edge.
        trace: W3C traceparent; the trace id is the call's UUID.
        version: of the publisher: the package's version and, if an app was at work, ``+`` and that app's hash
            (``0.2.0+3f2a9c1d7b20``).

    """

    call: str
    id: str = ""
    turn: int = 0
    at: float = 0.0
    source: str = ""
    cause: str = ""
    trace: str = ""
    version: str = ""

    #: events of high volume and short life travel on the media stream, all others on the journal
    stream: ClassVar[str] = "events"
    #: the table that telemetry keeps this type in (``orchestra_<family>`` in OpenObserve). Users query it by this name,
    #: so it stays, wherever the class moves
    family: ClassVar[str] = "events"

    def __init_subclass__(cls, **options: Any) -> None:
        """Register the new type.

        Raises:
            TypeError: another type has its tag.

        """
        super().__init_subclass__(**options)
        tag = type_tag(cls.__name__)
        taken = _REGISTER.get(tag)
        if taken is not None and (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
            msg = f"event type {tag!r} of {cls.__module__} is taken by {taken.__module__}: choose another name"
            raise TypeError(msg)
        _REGISTER[tag] = cls


def event_types() -> dict[str, type[Event]]:
    """Every registered event type by its tag, in order of definition."""
    return dict(_REGISTER)


def tag_of(event_type: type[Event]) -> str:
    """The tag under which events of this type travel: ``CallStarted`` → ``call.started``."""
    return type_tag(event_type.__name__)
