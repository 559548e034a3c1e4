"""Closes lost calls: those whose stream broke and did not come back, or never began."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from functools import partial

import structlog
from redis.exceptions import RedisError

from orchestra.bus import Bus, Publisher, partition_of
from orchestra.bus.stream.publisher import CLOSED
from orchestra.clock import SYSTEM_CLOCK
from orchestra.history.reduce import history_of
from orchestra.recordings.audio_chunks import audio_of, duration_ms
from orchestra.storage.calls_of_lost_edges import claim_end, release_end_claim
from orchestra.voice.call.call import Call
from orchestra_schemas import AudioChunk, CallEnded, CallResumed, CallStarted, CallTransferred, DecodeError, Event
from orchestra_schemas.calls import EndReason

_LOG = structlog.get_logger("orchestra.voice")

_JOURNAL_WITHIN_S = 5.0
_CLOCK_MARGIN_S = 60
#: if reading the journal takes longer, the server was away, in seconds
_ANSWER_WITHIN_S = 1.0


async def close_call(
    bus: Bus,
    publisher: Publisher,
    call: str,
    reason: EndReason,
    *,
    resumed: Callable[[list[Event]], bool] = lambda _: False,
) -> bool:
    """Publish that a call is over that no edge has any longer: once, however many processes notice it at the same time.

    False: its journal says so already, ``resumed`` finds in its journal that an edge has the call after all, or another
    process is about to close it.

    Raises:
        RedisError, TimeoutError: the journal cannot be read.

    """
    async with asyncio.timeout(_JOURNAL_WITHIN_S):
        if not await claim_end(bus, call):
            return False
    closed = False
    try:
        async with asyncio.timeout(_JOURNAL_WITHIN_S):
            audio_ms = await _audio_ms(bus, call, await bus.journal(call))
            # reading the audio takes a while, in which an edge may resume the call: so the journal is read last
            journal = await bus.journal(call)
        state = history_of(journal).resume
        if not state.ended and not resumed(journal):
            duration_s = max(0.0, SYSTEM_CLOCK.time() - state.started_at) if state.started_at else 0.0
            ended = CallEnded(
                call=call, turn=state.turn, reason=reason, duration_s=round(duration_s, 3), audio_ms=audio_ms
            )
            publisher.claim(call, CLOSED)
            publisher.publish(ended)
            publisher.forget(call)
            _LOG.info("call.closed", call=call, reason=reason)
            closed = True
    finally:
        if not closed:
            with contextlib.suppress(TimeoutError, RedisError):  # it expires by itself
                async with asyncio.timeout(_JOURNAL_WITHIN_S):
                    await release_end_claim(bus, call)
    return closed


async def _audio_ms(bus: Bus, call: str, journal: list[Event]) -> int:
    """Where the last audio of the call ends on its clock; 0 where it has not started."""
    for event in reversed(journal):
        if isinstance(event, CallResumed):
            break
        if isinstance(event, CallTransferred) and event.audio_ms:
            return event.audio_ms
    started = next((event.at for event in journal if isinstance(event, CallStarted)), None)
    if started is None:
        return 0
    since = str(max(0, round((started - _CLOCK_MARGIN_S) * 1000)))
    end_ms = 0
    async for entry in bus.entries(partition_of(call), AudioChunk.stream, since=since):
        if (chunk := audio_of(entry, call)) is not None:
            end_ms = max(end_ms, chunk.offset_ms + duration_ms(chunk))
    return end_ms


class LostCalls:
    """Waits for calls whose stream broke: the carrier may bring them back to this edge or to another one.

    Args:
        bus: the bus.
        publisher: the edge's.
        find: the running call with an id, or None.
        wait_s: how long a call may be without a stream.

    """

    def __init__(self, bus: Bus, publisher: Publisher, find: Callable[[str], Call | None], wait_s: float) -> None:
        self._bus = bus
        self._publisher = publisher
        self._find = find
        self._wait_s = wait_s
        self._closing = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def wait_for(
        self,
        call: str,
        reason: EndReason = "caller_hung_up",
        *,
        stream: int | None = None,
        within_s: float | None = None,
    ) -> None:
        """Close this call after a while (``within_s`` or the usual wait), unless an edge has resumed it by then.

        ``stream`` is the number of the stream that broke. An edge that was cut off notices that late: the call may
        have gone on over the next stream at another edge before.
        """
        wait_s = self._wait_s if within_s is None else min(within_s, self._wait_s)
        resumed = partial(self._resumed, call, lost_at=SYSTEM_CLOCK.time(), stream=stream)
        task = asyncio.create_task(self._wait_for(call, reason, resumed, wait_s), name=f"lost {call}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop waiting: this process ends."""
        self._closing.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wait_for(
        self, call: str, reason: EndReason, resumed: Callable[[list[Event]], bool], wait_s: float
    ) -> None:
        again = True
        while True:
            waiting_since = time.monotonic()
            with contextlib.suppress(TimeoutError):
                # a timeout is the usual end of the wait; the event is set when the process stops
                async with asyncio.timeout(wait_s):
                    await self._closing.wait()
            if self._find(call) is not None:
                return
            away = not self._publisher.connected or self._publisher.recovered_at > waiting_since
            if away and not self._closing.is_set():
                continue  # the carrier was told to ask again meanwhile, so the caller gets the same time once more
            began = time.monotonic()
            try:
                async with asyncio.timeout(_JOURNAL_WITHIN_S):
                    journal = await self._bus.journal(call)
                slow = time.monotonic() - began > _ANSWER_WITHIN_S
                if slow and again and not self._closing.is_set() and not resumed(journal):
                    again = False
                    continue  # Redis was away until now
                await close_call(self._bus, self._publisher, call, reason, resumed=resumed)
            except (TimeoutError, RedisError, DecodeError) as error:
                _LOG.warning("call.not_closed", call=call, error=repr(error))
                if not (self._closing.is_set() or isinstance(error, DecodeError)):
                    continue
            return

    def _resumed(self, call: str, journal: list[Event], *, lost_at: float, stream: int | None) -> bool:
        """Whether an edge has the call again, this one included."""
        return self._find(call) is not None or any(
            event.at >= lost_at or (stream is not None and event.stream_number > stream)
            for event in journal
            if isinstance(event, CallResumed)
        )
