"""The calls of this edge: how many there may be, and which one an event belongs to."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from orchestra.voice.call.call import Call
from orchestra.voice.carriers.stream_token import LIFETIME_S

#: a stream that is to come, and the carrier's question after one has ended, come within this, in seconds
_CARRIER_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.1


class CallAdmission:
    """Admits calls up to ``limit``, counting those whose stream has not come yet.

    Attributes:
        ending: the process was told to end.
        draining: no call is admitted any more.
        begun: calls whose stream came, since the process started.
        refused: calls that were not admitted, since the process started.
        skipped_messages: messages of carriers that made no sense, since the process started.
        limit: calls at the same time.

    """

    def __init__(self, limit: int) -> None:
        self.ending = False
        self.draining = False
        self.begun = 0
        self.refused = 0
        self.skipped_messages = 0
        self.limit = limit
        self._expected: dict[str, float] = {}  # call → when its token expires
        self._running: dict[str, Call] = {}
        self._ended: dict[str, float] = {}  # call → until when the carrier may ask what is next, on the monotonic clock
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._running)

    def admit(self, call: str, now: float, for_s: float = LIFETIME_S) -> bool:
        """Keep a place from ``now`` (epoch seconds) on for a call that is to come. False: there is none.

        A call that has a place keeps it.
        """
        if self.draining or (call not in self._expected and self.is_full(now)):
            return False
        self._expected[call] = now + for_s
        return True

    def is_full(self, now: float) -> bool:
        """Whether all places are taken."""
        self._expected = {name: until for name, until in self._expected.items() if until > now}
        return len(self._running) + len(self._expected) >= self.limit

    def expect(self, call: str, now: float) -> None:
        """Keep a place for a call that was admitted before and comes back."""
        self._expected[call] = now + LIFETIME_S

    def release(self, call: str) -> None:
        """The call does not come: its place is another's."""
        self._expected.pop(call, None)

    def begin(self, call: Call) -> None:
        """The call's stream is there; a stream that it had here before is not its own any more."""
        self._expected.pop(call.id, None)
        self._ended.pop(call.id, None)
        before = self._running.get(call.id)
        if before is not None:
            before.leave()
        self.begun += 1
        self._running[call.id] = call

    def end(self, call: Call) -> None:
        """The call's stream is over; the carrier asks what is next."""
        if self._running.get(call.id) is not call:
            return
        del self._running[call.id]
        now = time.monotonic()
        self._ended = {name: until for name, until in self._ended.items() if until > now}
        self._ended[call.id] = now + _CARRIER_WITHIN_S
        self._changed.set()

    def carrier_asked(self, call: str) -> None:
        """The carrier has asked what is next in this call, and was answered."""
        self._ended.pop(call, None)
        self._changed.set()

    def find(self, call: str) -> Call | None:
        """The running call of this id."""
        return self._running.get(call)

    async def drain(self, timeout_s: float, *, elsewhere: Callable[[], bool] = lambda: False) -> None:
        """Admit no more calls and let the running ones end, and the carrier ask what is next in them.

        Those that have not after ``timeout_s`` seconds end, or, where ``elsewhere`` other edges serve the carrier, lose
        their stream only: the carrier asks what is next, and another edge takes them up.
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
        latest = time.time() + LIFETIME_S - _CARRIER_WITHIN_S
        now = time.monotonic()
        return any(until > latest for until in self._expected.values()) or any(
            until > now for until in self._ended.values()
        )

    async def _change(self) -> None:
        """Return when a call has ended, or in a moment."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_EVERY_S):
                await self._changed.wait()
