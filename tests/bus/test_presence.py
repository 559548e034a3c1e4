"""Every process keeps a record of itself, which goes with it, or expires if it cannot say goodbye."""

import asyncio

from orchestra.bus import keys
from orchestra.bus.worker.health import Health
from orchestra.bus.worker.presence import Presence, Report, announced, present
from orchestra.testing import TestBus


async def found(bus: TestBus) -> list[Presence]:
    """The processes, once there is one."""
    async with asyncio.timeout(20):
        while not (there := await present(bus.bus)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return there


async def test_a_process_is_there_with_its_load_until_it_leaves(bus: TestBus) -> None:
    def report() -> Report:
        return Report(version="7", groups=("mood",), problems=("it is tired",), load={"calls": 3})

    async with announced(bus.bus, "edge", "edge-1f", report):
        (edge,) = await found(bus)
        assert (edge.kind, edge.name, edge.version, edge.groups) == ("edge", "edge-1f", "7", ("mood",))
        assert (edge.problems, edge.load) == (("it is tired",), {"calls": 3})
        assert edge.pid > 0
        assert edge.memory_bytes > 1_000_000
        expires_ms = await bus.bus.redis.pttl(keys.presence_key("edge:edge-1f"))
        assert 0 < expires_ms <= 7000
    assert await present(bus.bus) == []


async def test_a_record_of_another_version_is_passed_over(bus: TestBus) -> None:
    async with announced(bus.bus, "edge", "edge-1f", Report):
        await found(bus)
        await bus.bus.redis.zadd(keys.PRESENT_KEY, {"edge:odd": 1e15, "edge:gone": 1e15})
        await bus.bus.redis.set(keys.presence_key("edge:odd"), b'{"kind": 7}')
        assert [each.name for each in await present(bus.bus)] == ["edge-1f"]


async def test_a_worker_reports_what_its_handlers_have_done(bus: TestBus) -> None:
    report = Health(bus.bus, bus.runtimes, 0).report()
    assert (report.groups, report.problems) == ((), ())
    assert report.load == {"partitions": 0, "handled": 0, "failed": 0, "dead": 0, "missing": 0}
