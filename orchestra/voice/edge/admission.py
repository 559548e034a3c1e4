"""Admission control: how many calls this edge takes, and which of them an event belongs to."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from orchestra.clock import SYSTEM_CLOCK
from orchestra.voice.call.call import Call
from orchestra.voice.carriers.stream_token import LIFETIME_S

#: within this a stream begins after it was offered, and the carrier asks after it has ended, in seconds
_CARRIER_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.1


class CallAdmission:
    """Admits calls up to ``limit``. A call counts from the moment that its stream is offered.

    Attributes:
        ending: the process is stopping.
        draining: no further call is admitted.
        begun: calls whose stream began, since the process started.
        refused: calls that were not admitted, since the process started.
        unknown_lines: calls that have dialled what nobody answers, since the process started.
        skipped_messages: messages of the carrier that made no sense, since the process started.
        limit: how many calls may run at a time.

    """

    def __init__(self, limit: int) -> None:
        self.ending = False
        self.draining = False
        self.begun = 0
        self.refused = 0
        self.unknown_lines = 0
        self.skipped_messages = 0
        self.limit = limit
        self._expected: dict[str, float] = {}  # call → when its token expires
        self._running: dict[str, Call] = {}
        self._lines: dict[str, str] = {}  # call → the line that it has dialled
        self._ended: dict[str, float] = {}  # call → until when the carrier may ask, by the monotonic clock
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._running)

    def admit(self, call: str, now: float, for_s: float = LIFETIME_S, *, line: str = "", most: int = 0) -> bool:
        """Reserve a place for an announced call from ``now`` (epoch seconds) on. False: all places are taken.

        A call that has a place keeps it. ``line`` is what it has dialled, of which ``most`` calls are taken at a time;
        0: any number.
        """
        if self.draining or (call not in self._expected and (self.is_full(now) or self._line_is_full(line, most))):
            return False
        self._expected[call] = now + for_s
        if line:
            self._lines[call] = line
        return True

    def _line_is_full(self, line: str, most: int) -> bool:
        self._lines = {
            call: name for call, name in self._lines.items() if call in self._running or call in self._expected
        }
        return bool(most) and sum(name == line for name in self._lines.values()) >= most

    def is_full(self, now: float) -> bool:
        """Whether all lines are in use."""
        self._expected = {name: until for name, until in self._expected.items() if until > now}
        return len(self._running) + len(self._expected) >= self.limit

    def expect(self, call: str, now: float) -> None:
        """Reserve a line for a call that was admitted before and is about to come back."""
        self._expected[call] = now + LIFETIME_S

    def release(self, call: str) -> None:
        """The call will not come: free its line."""
        self._expected.pop(call, None)

    def begin(self, call: Call) -> None:
        """The call's stream has begun. It replaces a stream that the call had here before."""
        self._expected.pop(call.id, None)
        self._ended.pop(call.id, None)
        before = self._running.get(call.id)
        if before is not None:
            before.leave()
        self.begun += 1
        self._running[call.id] = call

    def end(self, call: Call) -> None:
        """The call's stream has ended; the carrier is about to ask what happens next."""
        if self._running.get(call.id) is not call:
            return
        del self._running[call.id]
        now = time.monotonic()
        self._ended = {name: until for name, until in self._ended.items() if until > now}
        self._ended[call.id] = now + _CARRIER_WITHIN_S
        self._changed.set()

    def carrier_asked(self, call: str) -> None:
        """The carrier has asked what happens next in this call, and has its answer."""
        self._ended.pop(call, None)
        self._changed.set()

    @property
    def running(self) -> list[Call]:
        """The calls that run now."""
        return list(self._running.values())

    def find(self, call: str) -> Call | None:
        """The running call with this id."""
        return self._running.get(call)

    async def drain(self, timeout_s: float, *, elsewhere: Callable[[], bool] = lambda: False) -> None:
        """Admit no more calls, wait for the running ones to end, and for the carrier to ask about them.

        A call that is still running after ``timeout_s`` seconds is ended. If ``elsewhere`` says that other edges serve
        the carrier, only its stream is closed: the carrier asks what happens next, and another edge resumes the call.
        """
        self.ending = self.draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._all_over(elsewhere)
        while self._running or self._awaited(elsewhere):
            for call in list(self._running.values()):
                if elsewhere():
                    call.leave()
                else:
                    call.end("failed")
            await self._change()

    async def _all_over(self, elsewhere: Callable[[], bool]) -> None:
        while self._running or self._awaited(elsewhere):
            await self._change()

    def _awaited(self, elsewhere: Callable[[], bool]) -> bool:
        """Whether the carrier is about to come back to this edge."""
        if elsewhere():
            return False
        latest = SYSTEM_CLOCK.time() + LIFETIME_S - _CARRIER_WITHIN_S
        now = time.monotonic()
        return any(until > latest for until in self._expected.values()) or any(
            until > now for until in self._ended.values()
        )

    async def _change(self) -> None:
        """Return when a call has ended, or after 0.1 s."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_EVERY_S):
                await self._changed.wait()
