"""Dispatches the agents' replies from the journal to the calls of this edge: one reader for all of them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from orchestra.bus import Bus, Entry, Subscription, keys, partition_of
from orchestra.voice.call.call import Call
from orchestra_schemas import (
    AppChanged,
    CallAnswered,
    CallEnded,
    CallEndRequested,
    CallResumed,
    CallTransferRequested,
    CallVariablesSet,
    ConsentRefused,
    DecodeError,
    DigitsRequested,
    Event,
    LanguageChanged,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorPassedOn,
    OperatorSaid,
    OperatorTookOver,
    PromptCompleted,
    PromptRequested,
    ReplyChunk,
    ToolCompleted,
    ToolRequested,
    TurnCancelled,
    TurnCompleted,
    tag_of,
)

_LOG = structlog.get_logger("orchestra.voice")

#: the events of a journal that concern a call: those that `Call.take_event` handles
_READ: tuple[type[Event], ...] = (
    AppChanged,
    CallAnswered,
    CallEnded,
    CallEndRequested,
    CallResumed,
    CallTransferRequested,
    CallVariablesSet,
    ConsentRefused,
    DigitsRequested,
    LanguageChanged,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorPassedOn,
    OperatorSaid,
    OperatorTookOver,
    PromptCompleted,
    PromptRequested,
    ReplyChunk,
    ToolCompleted,
    ToolRequested,
    TurnCancelled,
    TurnCompleted,
)
_TAGS = frozenset(tag_of(event_type) for event_type in _READ)


class ReplyDispatcher:
    """Follows the home partitions of this edge, and the partitions of calls that other edges began.

    Args:
        bus: the bus.
        homes: the partitions on which this edge starts its calls.
        find: the running call with an id, or None.

    """

    def __init__(self, bus: Bus, homes: list[int], find: Callable[[str], Call | None]) -> None:
        self._bus = bus
        self._homes = homes
        self._find = find
        self._following: dict[int, asyncio.Task[None]] = {}  # partition → the task that starts to follow it
        self._held: dict[str, list[list[Event]]] = {}  # events of calls that are being resumed, one list per stream
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start to follow. Everything that is published after this is dispatched."""
        beginning = asyncio.create_task(self._begin(self._homes), name="follow homes")
        self._following.update(dict.fromkeys(self._homes, beginning))
        await beginning

    def watch(self, call: str) -> None:
        """Follow the call's partition from before the call began, since starting a reader takes a while."""
        self._follow(partition_of(call), since=str(keys.earliest_ms(call)))

    @contextmanager
    def buffering(self, call: str) -> Iterator[list[Event]]:
        """Collect this call's events in the list while the block runs and its journal is read.

        Everything that is published after `wait_followed` has returned is in it.
        """
        held: list[Event] = []
        self._held.setdefault(call, []).append(held)
        try:
            yield held
        finally:
            # by identity: two streams of one call may hold the same events
            left = [other for other in self._held.pop(call) if other is not held]
            if left:
                self._held[call] = left

    async def wait_followed(self, call: str) -> None:
        """Wait until the call's partition is followed."""
        await self.follow(partition_of(call))

    async def follow(self, partition: int) -> None:
        """Follow a partition from now on, and wait until it is followed."""
        # if one caller gives up waiting, the reader stays for the others
        await asyncio.shield(self._follow(partition))

    def _follow(self, partition: int, since: str | None = None) -> asyncio.Task[None]:
        """The task that starts to follow a partition, once: two readers would dispatch every event twice."""
        beginning = self._following.get(partition)
        if beginning is None:
            beginning = asyncio.create_task(self._begin([partition], since), name=f"follow {partition}")
            self._following[partition] = beginning
        return beginning

    async def _begin(self, partitions: list[int], since: str | None = None) -> None:
        follow = self._bus.follow(partitions, since=since, in_clear=True)
        await follow.start()
        self._tasks.append(asyncio.create_task(self._deliver(follow), name=f"replies {partitions}"))

    async def close(self) -> None:
        """Stop following."""
        tasks = [*self._following.values(), *self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, follow: Subscription) -> None:
        try:
            async for entry in follow:
                self._dispatch(entry)
        finally:
            await follow.aclose()

    def _dispatch(self, entry: Entry) -> None:
        if entry.type not in _TAGS:
            return
        call, holders = self._find(entry.call), self._held.get(entry.call, ())
        if call is None and not holders:
            return
        try:
            event = entry.event()
        except DecodeError as error:
            _LOG.warning("replies.not_an_event", call=entry.call, id=entry.id, error=str(error))
            return
        if event is None:
            return
        for held in holders:
            held.append(event)
        if call is None:
            return
        try:
            call.take_event(event)
        except Exception:  # noqa: BLE001
            # one reader serves all calls of this edge: an event that a call cannot handle ends only that call
            _LOG.exception("replies.call_failed", call=call.id, id=event.id)
            call.end("failed")
