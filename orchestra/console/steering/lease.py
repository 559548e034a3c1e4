"""The lease of a call's microphone: one operator at a time speaks in a call, whichever console they use."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator

from redis.exceptions import RedisError

from orchestra.bus import Bus

_LEASE_MS = 3000
_RENEW_EVERY_S = 1.0
_RENEW = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('PEXPIRE', KEYS[1], ARGV[2]) or 0"
_RELEASE = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0"


class MicrophoneLease:
    """What a take-over holds while it lasts. A console that dies loses it within three seconds."""

    def __init__(self, bus: Bus, key: str, holder: str) -> None:
        self._bus, self._key, self._holder = bus, key, holder
        self._held_until = time.monotonic() + _LEASE_MS / 1000

    async def lost(self) -> None:
        """Renew the lease; returns once somebody else may have it."""
        while time.monotonic() < self._held_until:
            await asyncio.sleep(_RENEW_EVERY_S)
            asked_at = time.monotonic()
            with contextlib.suppress(RedisError, TimeoutError):  # it holds for a while without Redis, too
                async with asyncio.timeout(_RENEW_EVERY_S):
                    if not await self._bus.redis.eval(_RENEW, 1, self._key, self._holder, _LEASE_MS):
                        return
                    self._held_until = asked_at + _LEASE_MS / 1000

    async def release(self) -> None:
        """Let the next one have it."""
        with contextlib.suppress(RedisError, TimeoutError):  # it expires by itself
            async with asyncio.timeout(_RENEW_EVERY_S):
                await self._bus.redis.eval(_RELEASE, 1, self._key, self._holder)


@contextlib.asynccontextmanager
async def microphone_lease(bus: Bus, call: str, operator: str) -> AsyncIterator[MicrophoneLease | str]:
    """The lease for the block; the name of who has it, if that is somebody else or another page."""
    key, holder = bus.key(call, "operator", call), f"{os.urandom(6).hex()} {operator}"
    if not await bus.redis.set(key, holder, nx=True, px=_LEASE_MS):
        held = await bus.redis.get(key)
        yield held.decode("utf-8", "replace").partition(" ")[2] if held else operator
        return
    lease = MicrophoneLease(bus, key, holder)
    try:
        yield lease
    finally:
        await asyncio.shield(lease.release())
