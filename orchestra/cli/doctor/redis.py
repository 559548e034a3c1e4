"""`orchestra doctor` on the Redis server: product, settings that could lose calls, refused commands."""

from typing import TYPE_CHECKING

from orchestra.cli.doctor.finding import Finding
from orchestra.counted import counted
from orchestra.errors import UsageError

if TYPE_CHECKING:
    from orchestra.bus import Bus
    from orchestra.settings import Settings


async def server(settings: "Settings") -> list[Finding]:
    """Connect as a worker would, try the commands it needs, and report each problem."""
    from redis.exceptions import RedisError

    from orchestra.bus import Bus
    from orchestra.bus.redis.refusal import describe_error

    try:
        bus = await Bus.connect(settings)
    except UsageError as error:
        embedded = settings.redis_url is None
        return [Finding("server", None if embedded else False, str(error))]
    try:
        return await _findings(bus)
    except RedisError as error:
        return [Finding("server", False, describe_error(error))]
    finally:
        await bus.close()


async def _findings(bus: "Bus") -> list[Finding]:
    from orchestra.bus.redis.server_checks import examine

    facts, fitness = bus.facts, await examine(bus)
    product = f"{facts.product} {facts.version}" if facts.version else "does not say what it is"
    kind = "a cluster, " if facts.cluster else ""
    kept = "appends to a file" if facts.durable else "KEEPS NOTHING over a restart: set appendonly yes"
    kept = kept if facts.version else "whether it keeps what it has is not known"
    memory = f", uses {facts.memory}" if facts.memory.limit else ""
    found = [Finding("server", True, f"{product}, {kind}{counted(bus.partitions, 'partition')}, {kept}{memory}")]
    if facts.memory.is_nearly_full:
        told = (
            f"{facts.memory.share:.0%} of its memory are in use: give it more, or shorten ORCHESTRA_JOURNAL_RETENTION_S"
            " and ORCHESTRA_MEDIA_RETENTION_S"
        )
        found.append(Finding("server", None, told))
    found += [Finding("server", False, f"it {each}") for each in fitness.unfit]
    if facts.evicts and not fitness.unfit:
        told = f"drops keys when its memory is full ({facts.policy}), as it is allowed to"
        found.append(Finding("server", None, told))
    found += [Finding("server", False, f"refuses to write: {each}") for each in fitness.refuses]
    found += [Finding("server", None, f"its user may not run {each}") for each in fitness.lacks]
    if await _accepts_alone(bus):
        told = "set min-replicas-to-write 1: what a master accepts while it is cut off from its replicas is lost"
        found.append(Finding("server", None, told))
    return found


async def _accepts_alone(bus: "Bus") -> bool:
    """Whether a master that Sentinels may have replaced goes on accepting writes, as far as it says."""
    from orchestra.bus.redis.sentinel import SentinelServers

    if not isinstance(bus.servers, SentinelServers):  # a master of a cluster that is cut off from it accepts none
        return False
    (answer,) = await bus.shared_connection.try_calls([("CONFIG", "GET", "min-replicas-to-write")])
    return isinstance(answer, list) and answer[1:] == [b"0"]
