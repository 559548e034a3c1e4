"""What is deleted in Redis stays in its files until it writes these again: it is asked to."""

import asyncio
import time
from typing import Any

from redis.exceptions import RedisError

from orchestra.bus import Bus
from orchestra.bus.redis.refusal import describe_error

_WITHIN_S = 120.0
_LOOK_EVERY_S = 0.05


async def rewrite_files(bus: Bus) -> str:
    """Have every server write its append-only file and its snapshot again; the reason where one does not, else ""."""
    try:
        targets = [{"target_nodes": [node]} for node in bus.redis.get_primaries()] if bus.servers.divided else [{}]
        for target in targets:
            await _rewrite(bus.redis, target)
    except (RedisError, TimeoutError) as error:
        return describe_error(error) if isinstance(error, RedisError) else f"not within {_WITHIN_S:.0f} s"
    return ""


async def _rewrite(redis: Any, target: dict[str, Any]) -> None:
    facts = await redis.execute_command("INFO", "persistence", **target)
    saved = await redis.execute_command("CONFIG GET", "save", **target)
    if int(facts["aof_enabled"]):
        await _finished(redis, target)
        await redis.execute_command("BGREWRITEAOF", **target)
        await _finished(redis, target)
    if any((saved.values() if isinstance(saved, dict) else saved[1:]) if saved else ()):
        await redis.execute_command("BGSAVE", **target)
        await _finished(redis, target)


async def _finished(redis: Any, target: dict[str, Any]) -> None:
    """Wait until the server writes no file."""
    deadline = time.monotonic() + _WITHIN_S
    while True:
        facts = await redis.execute_command("INFO", "persistence", **target)
        busy = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")
        if not any(int(facts[name]) for name in busy):
            return
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(_LOOK_EVERY_S)
