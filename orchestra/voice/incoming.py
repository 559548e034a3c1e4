"""Calls that came in and whose stream has not come yet, by the carrier's own id: its status webhook names no other.

The carrier posts an incoming call's status to the one address of its number, without the call's id in it. What was
answered is noted on the bus, so that any edge can close a call whose socket never came.
"""

import asyncio

import structlog
from redis.exceptions import RedisError

from orchestra.bus import Bus
from orchestra.voice.call import Parties

_LOG = structlog.get_logger()

_WITHIN_S = 1.0
_KEPT_S = 24 * 3600


class Incoming:
    """Notes which call of ours the carrier's id stands for. Nothing here holds up an answer to the carrier."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._here: dict[str, str] = {}  # those that are being noted
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, parties: Parties) -> None:
        """This call was answered; its stream is to come."""
        self._here[parties.provider_call] = parties.call
        task = asyncio.create_task(self._note(parties), name=f"note {parties.call}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def find(self, provider_call: str) -> str:
        """Our id of the carrier's call; empty where nobody knows it."""
        if provider_call in self._here:
            return self._here[provider_call]
        try:
            async with asyncio.timeout(_WITHIN_S):
                known = await self._bus.redis.get(self._key(provider_call))
        except (TimeoutError, RedisError) as error:
            _LOG.warning("call.not_found", provider_call=provider_call[:64], error=repr(error))
            return ""
        return known.decode() if isinstance(known, bytes) else str(known or "")

    async def _note(self, parties: Parties) -> None:
        try:
            async with asyncio.timeout(_WITHIN_S):
                await self._bus.redis.set(self._key(parties.provider_call), parties.call, ex=_KEPT_S)
        except (TimeoutError, RedisError) as error:
            _LOG.warning("call.not_noted", call=parties.call, error=repr(error))
        finally:
            self._here.pop(parties.provider_call, None)

    def _key(self, provider_call: str) -> str:
        return self._bus.key(0, "provider", provider_call)
