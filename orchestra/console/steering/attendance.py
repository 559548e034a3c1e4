"""Says in a call's journal which operators are there. Several pages of an operator's that listen here count once."""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable

from orchestra.bus import Bus
from orchestra.listener_leases import RENEWED_EVERY_S, renew
from orchestra_schemas import Event, OperatorJoined, OperatorLeft, OperatorTookOver

_Publish = Callable[[Event], object]


class Departure:
    """Why a page leaves; where nobody says so, its connection was lost.

    ``on_journal``: the edge has said it already.
    """

    def __init__(self) -> None:
        self.reason = "connection lost"
        self.on_journal = False


class Attendance:
    """Publishes that operators join calls and leave them, at this console: others may have the same operators."""

    def __init__(self) -> None:
        self.console = secrets.token_hex(4)
        self._pages: Counter[tuple[str, str]] = Counter()

    async def renew_leases(self, bus: Bus) -> None:
        """Hold the leases of those who listen, until cancelled: edges see it if this console dies.

        Raises:
            redis.exceptions.RedisError: Redis cannot be reached; call it again.

        """
        while True:
            await renew(bus, self.console, list(self._pages))
            await asyncio.sleep(RENEWED_EVERY_S)

    @contextlib.asynccontextmanager
    async def listening(self, publish: _Publish, call: str, operator: str) -> AsyncIterator[Departure]:
        """A page listens while the block runs."""
        who, departure, console = (call, operator), Departure(), self.console
        self._pages[who] += 1
        if self._pages[who] == 1:
            publish(OperatorJoined(call=call, operator=operator, console=console, listens=True))
        try:
            yield departure
        finally:
            self._pages[who] -= 1
            if not self._pages[who]:
                del self._pages[who]
                reason = departure.reason
                publish(OperatorLeft(call=call, operator=operator, console=console, listens=True, reason=reason))


@contextlib.asynccontextmanager
async def speaking(publish: _Publish, call: str, operator: str) -> AsyncIterator[Departure]:
    """The operator has taken the call over while the block runs, unless it is handed back before."""
    departure = Departure()
    publish(OperatorJoined(call=call, operator=operator, listens=False))
    publish(OperatorTookOver(call=call, operator=operator))
    try:
        yield departure
    finally:
        if not departure.on_journal:
            publish(OperatorLeft(call=call, operator=operator, listens=False, reason=departure.reason))
