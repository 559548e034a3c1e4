"""Trims the streams of owned partitions, and reports entries that were removed before the group had read them.

The past gives way to the present: the fuller the server's memory is, the less of the past is kept, so that calls go on.
What a group has not handled is kept all the same, and so is as much as a running call may need.
"""

import asyncio
import time
from collections.abc import Callable, Iterable

import structlog
from redis.exceptions import RedisError

from orchestra.bus import keys
from orchestra.bus.consumer.partition import OwnedPartition
from orchestra.bus.consumer.position import GroupPosition
from orchestra.bus.ports import Connections
from orchestra.bus.redis.connection import RedisConnection
from orchestra.bus.redis.memory import ServerMemory, memory_of
from orchestra.bus.redis.reply import pairs, text
from orchestra.bus.redis.scripts import TRIM
from orchestra.bus.stream.stream_id import StreamId

_LOG = structlog.get_logger("orchestra.bus")
_INTERVAL_S = 2.0
_TRIM_EVERY_MS = 10_000
#: audio that every group has handled is of no use to calls that run
_SHORTEST_MEDIA_S = 60.0


class Pressure:
    """How full the memory of each server is, and for how long the past is kept because of it; looks every two seconds.

    Args:
        connections: of the process.

    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._found: dict[RedisConnection, tuple[float, ServerMemory]] = {}
        self._shortens = False

    async def retention_s(self, partition: int, stream: str) -> float:
        """For how long to keep what every group has handled."""
        settings = self._connections.settings
        if stream == keys.MEDIA:
            return (await self._memory(partition)).shortened(settings.media_retention_s, _SHORTEST_MEDIA_S)
        memory = await self._memory(partition)
        kept_s = memory.shortened(settings.journal_retention_s, settings.max_call_s)
        self._log(memory, kept_s)
        return kept_s

    async def _memory(self, partition: int) -> ServerMemory:
        connection, now = self._connections.connection(partition), time.monotonic()
        looked_at, memory = self._found.get(connection, (float("-inf"), ServerMemory()))
        if now - looked_at >= _INTERVAL_S:
            try:
                memory = await memory_of(connection)
            except RedisError:  # its user may not ask, or it is away, which trimming will tell
                memory = ServerMemory()
            self._found[connection] = (now, memory)
        return memory

    def _log(self, memory: ServerMemory, kept_s: float) -> None:
        shortens = kept_s < self._connections.settings.journal_retention_s
        if shortens and not self._shortens:
            _LOG.warning(
                "journal.shortened", memory=str(memory), kept_s=round(kept_s),
                cure="give the Redis server more memory, or shorten ORCHESTRA_JOURNAL_RETENTION_S",
            )  # fmt: skip
        elif self._shortens and not memory.is_nearly_full:
            _LOG.info("journal.not_shortened", memory=str(memory), kept_s=round(kept_s))
        self._shortens = shortens or (self._shortens and memory.is_nearly_full)


async def run_retention(connections: Connections, owned_now: Callable[[], Iterable[OwnedPartition]]) -> None:
    """Visit one owned partition after the other, each every two seconds, until cancelled."""
    alarmed: set[tuple[int, str, str]] = set()
    pressure = Pressure(connections)
    while True:
        owned = [each for each in owned_now() if each.ready]
        for each in owned:
            try:
                for position in each.positions.values():
                    if each.ready and not position.requeued:
                        await look_for_gap(each, position)
                        kept_s = await pressure.retention_s(each.partition, position.stream)
                        await _trim(connections, each.partition, position.stream, kept_s, alarmed)
            except RedisError as error:
                each.connection().log_refusal(error, group=each.consumer.name, what="trimming waits")
            await asyncio.sleep(_INTERVAL_S / len(owned))
        if not owned:
            await asyncio.sleep(_INTERVAL_S)


async def look_for_gap(owned: OwnedPartition, position: GroupPosition) -> None:
    """Log an error with the number of entries that were removed before this group had read them."""
    begin, end = ("XRANGE", position.key, "-", "+", "COUNT", 1), ("HGET", owned.committer.progress_key, "owner")
    first, info, owner = await owned.connection().calls([begin, ("XINFO", "STREAM", position.key), end])
    if not isinstance(info, list):
        return  # without a stream there is no record of what was in it
    if owner is None or text(owner) != owned.token or not owned.ready:
        return  # another worker owns the partition, and may have handled what is gone
    facts = pairs(info)
    gone = facts["entries-added"] - facts["length"]
    if position.last == facts["last-generated-id"]:
        passed = facts["entries-added"]
    elif not first or StreamId.parse(first[0][0]) > StreamId.parse(position.last):
        passed = gone
    else:
        return  # between the first and the last entry: the difference shows when the group has caught up
    missed = passed - position.read
    if missed <= 0:
        return
    owned.count_missing(missed)
    _LOG.error(
        "journal.gap", group=owned.consumer.name, partition=owned.partition, stream=position.stream, missing=missed,
        first_kept=text(first[0][0]) if first else "none",
        why="entries were trimmed or deleted before this group had read them",
    )  # fmt: skip
    position.read = passed
    owned.committer.schedule()


async def _trim(
    connections: Connections, partition: int, stream: str, kept_s: float, alarmed: set[tuple[int, str, str]]
) -> None:
    held = await trim(connections, partition, stream, every_ms=_TRIM_EVERY_MS, retention_s=kept_s)
    if held is None:
        return
    for group, behind_s in held.items():
        held_by = (partition, stream, group)
        if behind_s > connections.settings.lag_alarm_s and held_by not in alarmed:
            alarmed.add(held_by)
            _LOG.error(
                "group.behind", group=group, partition=partition, stream=stream, behind_s=round(behind_s),
                cure=f"run its worker, or give its events up with `orchestra trim --past {group}`",
            )  # fmt: skip
    alarmed -= {each for each in alarmed if each[:2] == (partition, stream) and each[2] not in held}


async def trim(
    connections: Connections,
    partition: int,
    stream: str,
    *,
    every_ms: int = 0,
    past: str = "",
    retention_s: float | None = None,
) -> dict[str, float] | None:
    """Remove what is older than its retention and needed by no group; by one worker at a time.

    Returns the groups for which older entries are kept, with how many seconds beyond the retention; None where the
    stream was trimmed less than ``every_ms`` ago. ``past`` names a group that is not waited for: what it has not read
    is lost to it.
    """
    if retention_s is None:
        retention_s = (
            connections.settings.media_retention_s if stream == keys.MEDIA else connections.settings.journal_retention_s
        )
    names = (keys.key(partition, stream), keys.key(partition, "trimmed", stream))
    reply = await connections.connection(partition).call(
        "EVALSHA", TRIM.sha, 2, *names, int(retention_s * 1000), every_ms, past
    )
    if reply is None:
        return None
    return {text(group): int(late) / 1000 for group, late in zip(reply[1::2], reply[2::2], strict=True)}
