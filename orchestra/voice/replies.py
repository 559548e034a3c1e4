"""What the agents answer, from the journal to the calls of this edge: one reader for all of them."""

import asyncio
from collections.abc import Callable

import structlog

from orchestra.bus import Bus, Entry, Follow, partition_of
from orchestra.voice.call import Call
from orchestra.voice.conversation import REPLY_EVENTS
from schemas import CallAnswered, CallResumed, DecodeError, Event, tag_of

_LOG = structlog.get_logger()

_READ: tuple[type[Event], ...] = (*REPLY_EVENTS, CallAnswered, CallResumed)
_TAGS = frozenset(tag_of(event_type) for event_type in _READ)


class Replies:
    """Follows the home partitions of this edge, and the partition of any call from elsewhere that lands here.

    Args:
        bus: the bus.
        homes: the partitions on which this edge starts its calls.
        find: the running call of an id, or None.

    """

    def __init__(self, bus: Bus, homes: list[int], find: Callable[[str], Call | None]) -> None:
        self._bus = bus
        self._homes = homes
        self._find = find
        self._followed: set[int] = set()
        self._held: dict[str, list[Event]] = {}  # of calls that are being taken up
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to follow; whatever is published after this is seen."""
        follow = self._bus.follow(self._homes)
        await follow.start()
        self._followed.update(self._homes)
        self._tasks.append(asyncio.create_task(self._deliver(follow), name="replies"))

    def watch(self, call: str) -> None:
        """See that the call's partition is followed."""
        partition = partition_of(call)
        if partition not in self._followed:
            self._followed.add(partition)
            follow = self._bus.follow([partition])
            self._tasks.append(asyncio.create_task(self._deliver(follow), name=f"replies {partition}"))

    async def hold(self, call: str) -> None:
        """Keep what happens to this call from now on, until `release`: its journal is being read meanwhile."""
        self._held[call] = []
        partition = partition_of(call)
        if partition not in self._followed:
            follow = self._bus.follow([partition])
            await follow.start()
            self._followed.add(partition)
            self._tasks.append(asyncio.create_task(self._deliver(follow), name=f"replies {partition}"))

    def release(self, call: str) -> list[Event]:
        """What has happened to this call since `hold`."""
        return self._held.pop(call, [])

    async def close(self) -> None:
        """Stop following."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _deliver(self, follow: Follow) -> None:
        try:
            async for entry in follow:
                self._hand_over(entry)
        finally:
            await follow.aclose()

    def _hand_over(self, entry: Entry) -> None:
        if entry.type not in _TAGS:
            return
        call, held = self._find(entry.call), self._held.get(entry.call)
        if call is None and held is None:
            return
        try:
            event = entry.event()
        except DecodeError as error:
            _LOG.warning("replies.not_an_event", call=entry.call, id=entry.id, error=str(error))
            return
        if event is None:
            return
        if held is not None:
            held.append(event)
        if call is None:
            return
        try:
            call.take_event(event)
        except Exception:  # noqa: BLE001
            # the reader serves every call of this edge: what one of them cannot take ends that one
            _LOG.exception("replies.call_failed", call=call.id, id=event.id)
            call.end("failed")
