"""What a stack puts on its streams, as it comes."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from orchestra.bus import Bus, keys
from orchestra_schemas import Event, ReplySpoken

E = TypeVar("E", bound=Event)


class Journal:
    """Every event of the stack as it comes."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    async def follow(self, bus: Bus, streams: Sequence[str] = (keys.JOURNAL,)) -> None:
        async with aclosing(bus.follow(streams=streams, since="0")) as entries:
            async for entry in entries:
                if (event := entry.event()) is not None:
                    self.events.append(event)

    def all(self, *kinds: type[E], **fields: Any) -> list[E]:
        """The events of these kinds so far whose fields have these values."""
        return [
            event
            for event in self.events
            if isinstance(event, kinds) and all(getattr(event, name) == value for name, value in fields.items())
        ]

    async def heard(self, answer: str) -> None:
        """Wait until the caller has heard this, perhaps with a phrase of the edge's around it."""
        async with asyncio.timeout(25):
            while not any(answer in spoken.text for spoken in self.all(ReplySpoken)):  # noqa: ASYNC110 - other processes say it
                await asyncio.sleep(0.02)

    async def until(self, kind: type[E], count: int = 1, **fields: Any) -> E:
        """Wait until there are so many of these events; returns the last of them."""
        async with asyncio.timeout(25):
            while len(found := self.all(kind, **fields)) < count:  # noqa: ASYNC110 - other processes publish them
                await asyncio.sleep(0.02)
        return found[count - 1]
