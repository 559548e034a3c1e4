"""Who is in a call, now and as it changes: the journal so far, and what follows it."""

import contextlib
from collections.abc import AsyncGenerator

from orchestra.bus import Bus, keys
from orchestra.bus.stream.entry import UNREADABLE
from orchestra.console.steering.presence import Presence, presence_of, reduce_presence


async def presence_in(bus: Bus, call: str) -> Presence:
    """Who is in a call now.

    Raises:
        ValueError: this is not a call id.

    """
    return presence_of(await bus.journal(keys.validate_call_id(call)))


async def follow_presence(bus: Bus, call: str) -> AsyncGenerator[Presence, None]:
    """Who is in a call: first as it is, then whenever it has changed, until the call is over."""
    async with contextlib.aclosing(bus.follow([keys.partition_of(call)])) as entries:
        await entries.start()
        journal = await bus.journal(call)
        known = {event.id for event in journal}
        presence = presence_of(journal)
        yield presence
        async for entry in entries:
            if entry.call != call or entry.id in known:
                continue
            event = None
            with contextlib.suppress(*UNREADABLE):  # somebody else's; `journal` has left it out, too
                event = entry.event()
            before, presence = presence, presence if event is None else reduce_presence(presence, event)
            if presence != before:
                yield presence
            if presence.state == "ended":
                return
