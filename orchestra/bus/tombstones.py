"""Calls that were forgotten: nothing of them is stored any more, however late it comes.

A partition has a sorted set of such calls by the SHA-1 of their ids, scored by when they were forgotten. The scripts
that publish look there: a verdict, a recording's place or an operator's word that comes after the call was forgotten is
dropped, and so is a state that a handler still writes. An id contains 74 random bits, so its hash reveals nothing.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from orchestra.bus import keys
from orchestra.bus.ports import Connections
from orchestra.bus.redis.connection import Argument
from orchestra.clock import SYSTEM_CLOCK

#: longer than any group waits for another server (30 days), and so than anything of a call can come late, in seconds
KEPT_S = 90 * 24 * 3600
_CHUNK = 500


async def mark_forgotten(connections: Connections, calls: Iterable[str], now: float | None = None) -> None:
    """From now on nothing of these calls is stored. Safe to repeat: the first time counts.

    Raises:
        redis.exceptions.RedisError: Redis cannot be reached, or refuses.

    """
    now = SYSTEM_CLOCK.time() if now is None else now
    for partition, some in _by_partition(calls).items():
        key = keys.tombstones_key(partition)
        marks: list[Argument] = [part for call in some for part in (f"{now:.3f}", digest(call))]
        await connections.connection(partition).calls(
            [("ZADD", key, "NX", *marks), ("ZREMRANGEBYSCORE", key, "-inf", now - KEPT_S), ("EXPIRE", key, KEPT_S)]
        )


async def forgotten_at(connections: Connections, calls: Iterable[str]) -> dict[str, float]:
    """Those of these calls that were forgotten, and when (epoch seconds).

    Raises:
        redis.exceptions.RedisError: Redis cannot be reached.

    """
    found: dict[str, float] = {}
    for partition, every in _by_partition(calls).items():
        for some in (every[start : start + _CHUNK] for start in range(0, len(every), _CHUNK)):
            asked: list[Argument] = [digest(call) for call in some]
            scores = await connections.connection(partition).call("ZMSCORE", keys.tombstones_key(partition), *asked)
            found |= {call: float(score) for call, score in zip(some, scores, strict=True) if score is not None}
    return found


def digest(call: str) -> str:
    """What a forgotten call is known by."""
    return hashlib.sha1(call.encode(), usedforsecurity=False).hexdigest()


def _by_partition(calls: Iterable[str]) -> dict[int, Sequence[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for call in dict.fromkeys(calls):
        found[keys.partition_of(call)].append(call)
    return dict(found)
