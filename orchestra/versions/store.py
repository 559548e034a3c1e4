"""Where the shares of versions are kept: on the server, until they are changed again."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import structlog
from redis.exceptions import RedisError

from orchestra.bus import Bus
from orchestra.bus.keys import PREFIX
from orchestra.lines import Shares
from orchestra.versions.changes import Changes, current

_LOG = structlog.get_logger("orchestra.versions")

#: hashes by line: the shares that hold, where they are not those of the code, and every change of them
_SHARES = f"{PREFIX}:{{shared}}:versions"
_CHANGES = f"{PREFIX}:{{shared}}:versions:changes"
#: a call that begins, or is passed on, waits so long for the shares
_READ_WITHIN_S: Final = 0.25
_CHANGE = """
if (redis.call('HGET', KEYS[2], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
if ARGV[4] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[4]) end
return 1
"""


class Splits:
    """The shares by line, as they were last read.

    Every call that begins reads them, so that a change holds for the next one. While the server does not answer, what
    was last known holds.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._known: Mapping[str, Shares] = {}
        self._away = False

    @property
    def known(self) -> Mapping[str, Shares]:
        """By line, as last read; lines whose shares are those of the code are left out."""
        return self._known

    async def read(self) -> Mapping[str, Shares]:
        """The shares by line as they are now, or as they were last read if the server does not answer in time."""
        try:
            async with asyncio.timeout(_READ_WITHIN_S):
                stored = await self._bus.redis.hgetall(_SHARES)
            known = {line.decode(): _decoded(value) for line, value in stored.items()}
            if known != self._known:
                _LOG.info("versions.shares", shares=known)
            self._known, self._away = known, False
        except (RedisError, OSError, TimeoutError, msgspec.MsgspecError) as error:
            if not self._away:
                _LOG.warning("versions.not_read", error=repr(error), known=dict(self._known))
            self._away = True
        return self._known


async def changes_by_line(bus: Bus) -> dict[str, Changes]:
    """Every change that is kept, by line.

    Raises:
        RedisError: the server does not answer.

    """
    stored = await bus.redis.hgetall(_CHANGES)
    return {line.decode(): msgspec.json.decode(value, type=Changes) for line, value in stored.items()}


async def change(bus: Bus, line: str, next_changes: Callable[[Changes], Changes]) -> Changes:
    """Change a line: ``next_changes`` makes its changes of those before. If somebody else is faster, it is asked again.

    Raises:
        RedisError: the server does not answer.
        UsageError: raised by ``next_changes``.

    """
    while True:
        before = await bus.redis.hget(_CHANGES, line) or b""
        after = next_changes(msgspec.json.decode(before, type=Changes) if before else ())
        shares = msgspec.json.encode(current(after)) if current(after) else b""
        if await bus.redis.eval(_CHANGE, 2, _SHARES, _CHANGES, line, before, msgspec.json.encode(after), shares):
            return after


def _decoded(value: bytes) -> Shares:
    return msgspec.json.decode(value, type=dict[str, float])
