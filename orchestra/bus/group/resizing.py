"""Changes on how many partitions calls begin, while calls and workers run."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from orchestra.bus import keys
from orchestra.bus.bus import Bus
from orchestra.bus.partition_counts import PartitionCounts
from orchestra.bus.redis.reply import pairs, text
from orchestra.bus.redis.scripts import GROUP, RAISE

_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Resized:
    """What a change has come to.

    ``waiting_for`` are the groups that run and did not own all new partitions in time, each with how many it lacks;
    while there are any, calls begin where they did before.
    """

    before: PartitionCounts
    after: PartitionCounts
    waiting_for: dict[str, int]


async def resize(bus: Bus, wanted: int, *, patience_s: float = 30.0) -> Resized:
    """Let calls begin on the first ``wanted`` partitions; those that are missing are made, and none is ever removed.

    Running calls stay where they are: their ids name their partitions. New partitions are opened once every group
    that has workers owns them, and groups without workers will read them from their beginning. If that takes longer
    than ``patience_s``, nothing is opened; the same command goes on later.

    Raises:
        redis.exceptions.RedisError: the server cannot be used.

    """
    await bus.refresh_partitions()
    before, shared = bus.partition_counts, bus.shared_connection
    if wanted > before.existing:
        await shared.call("SET", keys.PARTITIONS_AT_CREATION_KEY, before.at_creation, "NX")
        await shared.call("SET", keys.OPEN_PARTITIONS_KEY, before.open, "NX")
        await _make_groups(bus, range(before.existing, wanted))
        await shared.call("EVALSHA", RAISE.sha, 1, keys.PARTITIONS_KEY, wanted)
    waiting_for = await _wait_for_owners(bus, wanted, patience_s)
    if not waiting_for:
        await shared.call("SET", keys.OPEN_PARTITIONS_KEY, wanted)
    await bus.refresh_partitions()
    return Resized(before, bus.partition_counts, waiting_for)


async def _make_groups(bus: Bus, new: range) -> None:
    """Begin every group at the beginning of the new partitions: one that runs later must not miss what was there."""
    names: dict[str, set[str]] = defaultdict(set)
    for partition in range(bus.partitions):
        for stream in keys.STREAMS:
            (reply,) = await bus.connection(partition).calls([("XINFO", "GROUPS", keys.key(partition, stream))])
            if isinstance(reply, list):  # an error where there is no such stream yet: no groups
                names[stream] |= {text(pairs(info)["name"]) for info in reply}
    for partition in new:
        for stream, groups in names.items():
            for group in sorted(groups):
                name = keys.key(partition, stream)
                await bus.connection(partition).call("EVALSHA", GROUP.sha, 1, name, group, "0")


async def _wait_for_owners(bus: Bus, wanted: int, patience_s: float) -> dict[str, int]:
    """Wait until every group that has workers owns the partitions up to the wanted number; those that do not."""
    loop = asyncio.get_running_loop()
    until = loop.time() + patience_s
    while True:
        await bus.refresh_partitions()
        owned: dict[str, int] = defaultdict(int)
        for status in await bus.groups():
            owned[status.group] += bool(status.owner) and status.partition < wanted
        lacking = {group: wanted - count for group, count in sorted(owned.items()) if 0 < count < wanted}
        if not lacking or loop.time() >= until:
            return lacking
        await asyncio.sleep(_LOOK_S)
