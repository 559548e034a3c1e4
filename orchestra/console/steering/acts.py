"""What an operator does to a running call by a request: each becomes one event, however often the page asks."""

import asyncio

from fastapi import HTTPException

from orchestra.bus.stream.publish_once import publish_once, was_published
from orchestra.console.console import Console
from orchestra.console.roles import Operator
from orchestra.console.steering.call_state import presence_in
from orchestra.console.steering.presence import Presence
from orchestra_schemas import Event, OperatorHandedBack

_SOURCE = "console"
_ANSWERED_WITHIN_S = 4.0


class Acts:
    """Publishes what operators do."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def presence(self, call: str) -> Presence:
        """Who is in a call.

        Raises:
            HTTPException: 404, there is no such call on the journal; 400, this is not a call id.

        """
        try:
            presence = await presence_in(self._console.bus, call)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        if presence.state == "unknown":
            raise HTTPException(404, "no such call, or it is no longer on the journal")
        return presence

    async def was_done(self, call: str, request: str) -> bool:
        """Whether this request was done before; asking again is safe then, whatever has changed since."""
        return await was_published(self._console.bus, call, source=_SOURCE, request=request)

    async def do(self, event: Event, operator: Operator, *, request: str, action: str) -> bool:
        """Publish this act, once for its request; returns whether it was done now and not before.

        Raises:
            HTTPException: 404, 409, it cannot be done, and why; 503, Redis does not answer, and asking again is safe.
            redis.exceptions.RedisError: Redis cannot be reached; asking again is safe.

        """
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN_S):
                done = await self._do(event, operator, request)
        except TimeoutError:
            raise HTTPException(503, "Redis does not answer: ask again, it will be done once") from None
        if done:
            self._console.audit.log(operator, action, event.call)
        return done

    async def _do(self, event: Event, operator: Operator, request: str) -> bool:
        bus = self._console.bus
        presence = await self.presence(event.call)
        if await self.was_done(event.call, request):
            return False
        refusal = _refusal(presence, event, operator.name)
        if refusal:
            raise HTTPException(409, refusal)
        return await publish_once(bus, event, source=_SOURCE, request=request)


def _refusal(presence: Presence, event: Event, operator: str) -> str:
    """Why this cannot be done now; empty if it can."""
    if presence.state == "ended":
        return "the call is over"
    if presence.state == "transferred":
        return "the call has been transferred: no agent has it any more"
    if isinstance(event, OperatorHandedBack):
        if not presence.speaking:
            return "nobody has taken the call over"
        if presence.speaking != operator:
            return f"{presence.speaking} has taken the call over, and hands it back"
    elif presence.speaking not in {"", operator}:
        return f"{presence.speaking} has taken the call over"
    return ""
