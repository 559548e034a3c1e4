"""One entry on its way through a handler."""

from typing import TYPE_CHECKING

from orchestra.bus.consumer import Handler
from orchestra.bus.context import Context
from orchestra.bus.entry import Raw, read_entry, text
from schemas import Event, decode

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from orchestra.bus.consumer import Published
    from orchestra.bus.owned import Cursor, Owned


class Work:
    """An entry that a group has taken and not finished yet.

    ``attempt`` is the delivery that is running, ``counted`` the number of deliveries that Redis shall count: 0 while it
    only waits behind its call's earlier event. ``published`` counts this attempt's events; ``guarded`` says that an
    earlier publish of this cause may be in Redis, so the script has to compare.
    """

    __slots__ = (
        "attempt", "call", "claimed", "context", "counted", "cursor", "finished", "guarded", "handler", "owned", "published", "raw",
    )  # fmt: skip

    def __init__(
        self, owned: "Owned", cursor: "Cursor", raw: Raw, handler: Handler, call: bytes, attempt: int = 1
    ) -> None:
        self.owned = owned
        self.cursor = cursor
        self.raw = raw
        self.handler = handler
        self.call = call
        self.attempt = attempt
        self.counted = 0
        self.claimed = attempt > 1
        self.guarded = attempt > 1 or cursor.requeued
        self.published = 0
        self.finished = False
        self.context: Context | None = None

    @property
    def cause(self) -> str:
        """The id of the event that is handled; its place in the stream where its producer gave it none."""
        values = self.raw[1]
        if values[4:5] == [b"id"]:
            return text(values[5])
        return read_entry(self.raw, 0, "").id or str(self.raw[0].decode())

    def begin(self) -> "Coroutine[Any, Any, Published]":
        """Call the handler for this attempt; nothing of it runs before the coroutine is driven.

        Raises:
            schemas.DecodeError: the entry is not the event that it says it is.

        """
        handler, owned = self.handler, self.owned
        self.published = 0
        subject: object
        if handler.raw:
            subject = read_entry(self.raw, owned.partition, self.cursor.stream)
        else:
            subject = _event(self.raw)
        if not handler.takes_context:
            return handler.function(subject)  # type: ignore[return-value]
        deadline = owned.clock() + handler.timeout_s
        entry = subject if handler.raw else read_entry(self.raw, owned.partition, self.cursor.stream)
        self.context = Context(self, owned.bus, entry, deadline)  # type: ignore[arg-type]
        return handler.function(subject, self.context)  # type: ignore[return-value]


def _event(raw: Raw) -> Event:
    values = raw[1]
    event = decode(dict(zip(values[::2], values[1::2], strict=True)))
    assert event is not None, "only types that are known here have handlers"
    return event
