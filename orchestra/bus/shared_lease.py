"""What only one process of a system does at a time: whoever has its lease, renews it."""

import math
import os
from typing import Any

#: KEYS: the lease. ARGV: who takes it, for how many ms
_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0"


class SharedLease:
    """A lease in Redis that expires unless it is taken again.

    Args:
        redis: the client.
        key: its name.
        token: who takes it; a random one unless given.

    """

    def __init__(self, redis: Any, key: str, token: str = "") -> None:
        self._redis, self._key = redis, key
        self._token = token or os.urandom(8).hex()

    async def take(self, for_s: float) -> bool:
        """Take it, or keep it, for so long; False: another process has it.

        Raises:
            redis.exceptions.RedisError: the server does not answer.

        """
        return bool(await self._redis.eval(_TAKE, 1, self._key, self._token, math.ceil(for_s * 1000)))

    async def release(self) -> None:
        """Let another process have it at once.

        Raises:
            redis.exceptions.RedisError: the server does not answer; it expires by itself.

        """
        await self._redis.eval(_RELEASE, 1, self._key, self._token)
