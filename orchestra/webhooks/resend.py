"""Sends events again: of a call, one by its id, or all since a time, from the journal or the archive."""

from collections import Counter
from collections.abc import Callable, Sequence

from orchestra.bus import Bus, keys
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import RejectedError
from orchestra.replay.selection import Selection, entries
from orchestra.telemetry.redaction import redaction_of
from orchestra.webhooks.endpoints import Endpoint
from orchestra.webhooks.handlers import TELL_APP
from orchestra.webhooks.message import message_of
from orchestra.webhooks.queue import Addressed, add_messages

_PAGE = 200


async def resend(
    bus: Bus,
    endpoints: Sequence[Endpoint],
    *,
    call: str = "",
    event: str = "",
    since: float | None = None,
    on_warning: Callable[[str], None],
) -> Counter[str]:
    """Put events into the queues again; how many for each endpoint. The workers deliver them.

    Args:
        bus: the server with the queues.
        endpoints: those that get what they want of them.
        call: only of this call: its id, the beginning or end of it.
        event: only the event with this id.
        since: only those stored at this time or later, epoch seconds.
        on_warning: gets a sentence for everything that is damaged or missing.

    Raises:
        UsageError: no call or several calls fit.
        redis.exceptions.RedisError: the server cannot be reached.

    """
    wanted = frozenset[str]().union(*(each.events for each in endpoints))
    selection = Selection(calls=(call,) if call else (), since=since, types=tuple(sorted(wanted | TELL_APP)))
    redaction, apps, count = redaction_of(bus.settings), dict[str, str](), Counter[str]()
    waiting: dict[int, list[Addressed]] = {}
    async for entry in entries(bus.settings, selection, on_warning=on_warning):
        try:
            partition = keys.partition_of(entry.call)
            message, header = message_of(entry, redaction, SYSTEM_CLOCK.time())
        except (RejectedError, ValueError) as error:
            on_warning(f"{entry.id} is left out: {error}")
            continue
        if header.app and entry.type in TELL_APP:
            apps[entry.call] = header.app
        if event and entry.id != event:
            continue
        for endpoint in endpoints:
            if endpoint.wants(entry.type, header.app or apps.get(entry.call, "")):
                waiting.setdefault(partition, []).append(Addressed(endpoint.name, entry.call, "", message))
                count[endpoint.name] += 1
        if len(page := waiting.get(partition, [])) >= _PAGE:
            await add_messages(bus, partition, page, "", SYSTEM_CLOCK.time())
            del waiting[partition]
    for partition, page in waiting.items():
        await add_messages(bus, partition, page, "", SYSTEM_CLOCK.time())
    return count
