"""The alarm about entries that a group has missed: raised once, and only if some were missed."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestra.bus import Bus, Consumer, EmbeddedServer
from orchestra.bus.group.leases import Leases
from orchestra.bus.group.stream_trimming import look_for_gap, trim
from orchestra.bus.worker.runtime import ConsumerRuntime
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import UserTurnEnded
from tests.bus.conftest import AT_ONCE, BINARIES, one

KEY = "orchestra:{p03}:events"


@pytest.fixture(scope="module", params=BINARIES)
def redis_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of each kind: they count the entries that a group has read in different ways."""
    with one(tmp_path_factory.mktemp("redis"), BINARIES[request.param]) as url:
        yield url


@pytest.fixture(autouse=True)
def _only_the_test_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def rest(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("orchestra.bus.worker.runtime.run_retention", rest)


def consumer(name: str = "mood", **options: str) -> Consumer:
    made = Consumer(name, **options)  # type: ignore[arg-type]

    @made.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None: ...

    return made


async def publish(bus: TestBus, count: int) -> None:
    call = bus.call(3)
    await bus.publish(*(UserTurnEnded(call=call, turn=turn, text="") for turn in range(count)))


async def missed(bus: TestBus) -> int:
    """How many entries the running consumer reports as missed on partition 3; looking twice changes nothing."""
    (runtime,) = bus.runtimes
    owned = runtime.rebalancer.owned[3]
    for _ in range(2):
        await look_for_gap(owned, owned.positions["events"])
        await owned.committer.flush()
    assert runtime.rebalancer.lost == 0
    return runtime.missing


async def handled(bus: TestBus, what: Consumer) -> int:
    """Run a consumer until everything is handled; how many entries it has missed."""
    async with bus.run(what):
        await bus.settled()
        return await missed(bus)


async def test_entries_trimmed_before_the_group_read_them_are_counted_once(bus: TestBus) -> None:
    await publish(bus, 10)
    assert await handled(bus, consumer()) == 0
    await publish(bus, 10)
    await bus.bus.redis.xtrim(KEY, maxlen=3, approximate=False)
    async with bus.run(consumer()):
        while await missed(bus) == 0:  # noqa: ASYNC110 - it shows when the group has come to the end
            await asyncio.sleep(0.005)
        await bus.settled()
        assert await missed(bus) == 7
        await publish(bus, 2)
        await bus.settled()
        assert await missed(bus) == 7
    assert await handled(bus, consumer()) == 0


async def test_a_group_that_has_missed_every_entry_goes_on_with_the_next_ones(bus: TestBus) -> None:
    await publish(bus, 5)
    assert await handled(bus, consumer()) == 0
    await publish(bus, 4)
    await bus.bus.redis.xtrim(KEY, maxlen=0, approximate=False)
    async with bus.run(consumer()):
        assert await missed(bus) == 4
        await publish(bus, 2)
        await bus.settled()
        assert await missed(bus) == 4


async def test_an_empty_stream_whose_entries_were_all_handled_has_no_gap(bus: TestBus) -> None:
    await publish(bus, 10)
    async with bus.run(consumer()):
        await bus.settled()
        while await bus.bus.redis.xlen(KEY):  # until a millisecond has passed since the last of them
            await trim(bus.bus, 3, "events", retention_s=0)
        assert await missed(bus) == 0
    assert await handled(bus, consumer()) == 0
    await publish(bus, 3)
    assert await handled(bus, consumer()) == 0


async def test_a_group_has_not_missed_entries_that_were_trimmed_before_it_was_created(bus: TestBus) -> None:
    await publish(bus, 10)
    assert await handled(bus, consumer("early")) == 0
    await bus.bus.redis.xtrim(KEY, maxlen=4, approximate=False)
    assert await handled(bus, consumer("late")) == 0
    assert await handled(bus, consumer("later", start="now")) == 0


async def test_a_group_that_was_destroyed_and_created_again_begins_again(bus: TestBus) -> None:
    await publish(bus, 4)
    assert await handled(bus, consumer(start="now")) == 0
    await publish(bus, 2)
    assert await handled(bus, consumer(start="now")) == 0
    await bus.bus.redis.xgroup_destroy(KEY, "mood")
    await publish(bus, 10)
    assert await handled(bus, consumer(start="now")) == 0
    await bus.bus.redis.xgroup_destroy(KEY, "mood")
    assert await handled(bus, consumer()) == 0


@pytest.mark.parametrize("place", ["$", "0", "middle"])
async def test_a_group_whose_position_was_set_by_hand_has_missed_nothing(bus: TestBus, place: str) -> None:
    await publish(bus, 4)
    assert await handled(bus, consumer()) == 0
    await publish(bus, 10)
    if place == "middle":
        place = (await bus.bus.redis.xrange(KEY))[8][0]
    await bus.bus.redis.xgroup_setid(KEY, "mood", place)
    assert await handled(bus, consumer()) == 0


async def test_a_worker_that_has_lost_a_partition_unnoticed_reports_no_gap(bus: TestBus) -> None:
    paused = ConsumerRuntime(consumer(), bus.bus, worker="paused", lease_ms=400, grace_s=0)
    taken = await Leases(bus.bus, "mood", "paused", 400).acquire(3)
    assert taken is not None
    owned = paused.open_partition(3, taken[0])
    owned.ready = True
    await bus.bus.redis.delete("orchestra:{p03}:lease:mood")  # it has expired
    await publish(bus, 10)
    assert await handled(bus, consumer()) == 0
    await bus.bus.redis.xtrim(KEY, maxlen=0, approximate=False)
    await look_for_gap(owned, owned.positions["events"])
    assert paused.missing == 0


@pytest.mark.parametrize("binary", BINARIES.values(), ids=BINARIES)
@pytest.mark.parametrize("rewritten", [False, True])
async def test_a_restart_of_the_server_is_not_reported_as_a_gap(
    tmp_path: Path, binary: Path | None, rewritten: bool
) -> None:
    server = EmbeddedServer(tmp_path, binary=binary, options=AT_ONCE)
    async with server:
        bus = TestBus(await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path)))
        await publish(bus, 10)
        assert await handled(bus, consumer()) == 0
        await bus.bus.redis.xtrim(KEY, maxlen=0, approximate=False)
        if rewritten:
            await bus.bus.redis.bgrewriteaof()
            while (await bus.bus.redis.info("persistence"))["aof_rewrite_in_progress"]:  # noqa: ASYNC110 - the server's
                await asyncio.sleep(0.005)
        await server.kill()
        await server.start()
        assert await handled(bus, consumer()) == 0
        await publish(bus, 3)
        assert await handled(bus, consumer()) == 0
        await bus.bus.close()


@pytest.mark.parametrize("odd", [f"{2**63}-0", f"{2**64 - 1}-5", "5-18446744073709551615"])
async def test_a_stream_with_an_id_chosen_by_hand_is_trimmed(bus: TestBus, odd: str) -> None:
    redis = bus.bus.redis
    await redis.xadd(KEY, {b"type": b"x"}, id="1-0")
    await redis.xadd(KEY, {b"type": b"x"}, id=odd)
    await redis.xgroup_create(KEY, "mood", id="0")
    await redis.xreadgroup("mood", "owner", {KEY: ">"})
    await redis.xack(KEY, "mood", "1-0", odd)
    assert await trim(bus.bus, 3, "events", every_ms=0) == {}
    assert "1-0" not in [place.decode() for place, _ in await redis.xrange(KEY)]
