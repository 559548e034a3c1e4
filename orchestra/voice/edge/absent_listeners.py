"""Says that operators have left who listened to this edge's calls on a console that is gone."""

import asyncio
from collections.abc import Callable, Iterable

import structlog
from redis.exceptions import RedisError

from orchestra.bus import Bus, Publisher
from orchestra.listener_leases import is_held
from orchestra.voice.call.call import Call
from orchestra_schemas import OperatorLeft

_LOG = structlog.get_logger("orchestra.voice")

#: in seconds; who is missing at two looks in a row has left: after an outage of Redis all leases have expired at once
LOOK_EVERY_S = 5.0
_ANSWERS_WITHIN_S = 2.0
_AWAY = "nothing was heard from the console any more"


class AbsentListeners:
    """Looks after the listeners of running calls.

    Args:
        bus: the bus.
        publisher: the edge's.
        running: the calls of this edge that run.

    """

    def __init__(self, bus: Bus, publisher: Publisher, running: Callable[[], Iterable[Call]]) -> None:
        self._bus = bus
        self._publisher = publisher
        self._running = running
        self._missed: set[tuple[str, str, str]] = set()

    async def run(self) -> None:
        """Look every `LOOK_EVERY_S`, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                async with asyncio.timeout(_ANSWERS_WITHIN_S):
                    await self.look()
            except (RedisError, TimeoutError) as error:  # while Redis is away nobody's absence is known
                self._missed.clear()
                _LOG.info("listeners.unknown", error=repr(error))

    async def look(self) -> None:
        """See who is missing; who was missing before has left. Raises RedisError."""
        listening = [(call.id, *listener) for call in self._running() for listener in call.conversation.listeners]
        missing = {each for each in listening if not await is_held(self._bus, *each)}
        for call, operator, console in sorted(missing & self._missed):
            _LOG.warning("listener.away", call=call, operator=operator, console=console)
            left = OperatorLeft(call=call, operator=operator, console=console, listens=True, reason=_AWAY)
            self._publisher.publish(left)
        self._missed = missing - self._missed
