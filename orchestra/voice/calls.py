"""The calls of this edge: how many there may be, and which one an event belongs to."""

import asyncio

from orchestra.voice.call import Call
from orchestra.voice.token import LIFETIME_S


class Calls:
    """Admits calls up to ``limit``, counting those whose stream has not come yet."""

    def __init__(self, limit: int) -> None:
        self.draining = False
        self.begun = 0  # since the process started, as is `refused`
        self.refused = 0
        self.limit = limit
        self._expected: dict[str, float] = {}  # call → when its token expires
        self._running: dict[str, Call] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._running)

    def admit(self, call: str, now: float) -> bool:
        """Keep a place for a call whose webhook was answered at ``now`` (epoch seconds). False: there is none."""
        self._expected = {name: until for name, until in self._expected.items() if until > now}
        if self.draining or len(self._running) + len(self._expected) >= self.limit:
            self.refused += 1
            return False
        self._expected[call] = now + LIFETIME_S
        return True

    def expect(self, call: str, now: float) -> None:
        """Keep a place for a call that was admitted before and comes back."""
        self._expected[call] = now + LIFETIME_S

    def begin(self, call: Call) -> None:
        """The call's stream is there; a stream that it had here before is not its own any more."""
        self._expected.pop(call.id, None)
        before = self._running.get(call.id)
        if before is not None:
            before.leave()
        self.begun += 1
        self._running[call.id] = call
        self._empty.clear()

    def end(self, call: Call) -> None:
        """The call is over."""
        if self._running.get(call.id) is call:
            del self._running[call.id]
        if not self._running:
            self._empty.set()

    def find(self, call: str) -> Call | None:
        """The running call of this id."""
        return self._running.get(call)

    async def drain(self, timeout_s: float, *, hand_over: bool = False) -> None:
        """Admit no more calls and let the running ones end.

        Those that have not after ``timeout_s`` seconds end, or, with ``hand_over``, lose their stream only: the carrier
        asks what is next, and another edge takes them up.
        """
        self.draining = True
        try:
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        except TimeoutError:
            for call in list(self._running.values()):
                if hand_over:
                    call.leave()
                else:
                    call.end("failed")
            await self._empty.wait()
