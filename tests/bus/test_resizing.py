"""The number of partitions on which calls begin is changed while they run: on every server."""

import asyncio
from collections import defaultdict

import pytest

from orchestra.bus import Bus, Consumer, partition_of
from orchestra.bus.group.leases import Leases
from orchestra.bus.group.resizing import resize
from orchestra.bus.keys import JOURNAL
from orchestra.campaign.store import CampaignStore
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra.voice.edge.homes import Homes
from orchestra_schemas import UserTurnEnded

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def redis_url(every_server: str) -> str:
    return every_server


def listener(name: str = "mood") -> tuple[Consumer, dict[str, list[int]]]:
    """A consumer, and the turns that it has handled of each call."""
    consumer, handled = Consumer(name), defaultdict[str, list[int]](list)

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None:
        handled[event.call].append(event.turn)

    return consumer, handled


async def test_calls_go_on_while_partitions_are_added_and_begin_on_the_new_ones(bus: TestBus) -> None:
    consumer, handled = listener()
    running = [bus.call(partition) for partition in range(16)]
    follow = bus.bus.follow()
    await follow.start()
    async with bus.run(consumer):
        await bus.publish(*(UserTurnEnded(call=call, turn=1, text="") for call in running))
        publishing = asyncio.create_task(
            bus.publish(*(UserTurnEnded(call=call, turn=turn, text="") for turn in range(2, 50) for call in running))
        )
        done = await resize(bus.bus, 20)
        assert (done.before.open, done.after.open, done.waiting_for) == (16, 20, {})
        await publishing
        new = [bus.call() for _ in range(200)]
        assert {partition_of(call) for call in new} == set(range(20))
        await bus.publish(*(UserTurnEnded(call=call, turn=turn, text="") for turn in (1, 2) for call in new))
        await bus.settled()
    assert handled == {call: list(range(1, 50)) for call in running} | {call: [1, 2] for call in new}
    followed = defaultdict[str, int](int)
    async with asyncio.timeout(20):
        while sum(followed.values()) < 16 * 49 + 400:
            followed[(await anext(follow)).call] += 1
    await follow.aclose()
    assert set(followed) == {*running, *new}


async def test_another_process_knows_of_new_partitions_and_shares_them(bus: TestBus, settings: Settings) -> None:
    other = await Bus.connect(settings)
    consumer, handled = listener()
    async with bus.run(consumer), asyncio.timeout(20):
        await resize(other, 18)
        while bus.bus.partition_counts.open < 18:  # noqa: ASYNC110 - it looks every second
            await asyncio.sleep(0.05)
        call = bus.call(17)
        await bus.publish(UserTurnEnded(call=call, turn=1, text=""))
        await bus.settled()
    await other.close()
    assert handled == {call: [1]}
    late = await Bus.connect(settings.model_copy(update={"partitions": 3}))
    assert late.partitions == 18
    await late.close()


async def test_a_group_that_does_not_run_meanwhile_misses_nothing(bus: TestBus) -> None:
    consumer, handled = listener()
    consumer.start = "now"
    async with bus.run(consumer):
        pass
    await resize(bus.bus, 18)
    call = bus.call(17)
    await bus.publish(UserTurnEnded(call=call, turn=1, text=""))
    async with bus.run(consumer):
        await bus.settled()
    assert handled == {call: [1]}


async def test_calls_end_where_they_are_when_partitions_are_closed_and_these_can_be_opened_again(bus: TestBus) -> None:
    consumer, handled = listener()
    running = bus.call(12)
    async with bus.run(consumer):
        assert (await resize(bus.bus, 4)).after.open == 4
        assert {partition_of(bus.call()) for _ in range(100)} == set(range(4))
        await bus.publish(UserTurnEnded(call=running, turn=1, text=""))
        await bus.settled()
        assert (await resize(bus.bus, 16)).waiting_for == {}
        assert {partition_of(bus.call()) for _ in range(300)} == set(range(16))
    assert handled == {running: [1]}


async def test_nothing_is_opened_while_a_worker_does_not_own_what_is_new(bus: TestBus) -> None:
    """As of an older version, which does not know of new partitions."""
    leases = Leases(bus.bus, "old", "worker-1", 60_000)
    for partition in range(16):
        await bus.bus.redis.xgroup_create(bus.bus.key(partition, JOURNAL), "old", "0", mkstream=True)
        assert await leases.acquire(partition)
    done = await resize(bus.bus, 20, patience_s=0.3)
    assert (done.after.existing, done.after.open, done.waiting_for) == (20, 16, {"old": 4})
    for partition in range(16, 20):
        assert await leases.acquire(partition)
    assert (await resize(bus.bus, 20, patience_s=0.3)).after.open == 20


async def test_what_is_placed_by_a_hash_is_found_after_a_change(bus: TestBus) -> None:
    names = [f"campaign-{number}" for number in range(20)]
    places = [CampaignStore(bus.bus, name).partition for name in names]
    await resize(bus.bus, 23)
    await resize(bus.bus, 5)
    assert [CampaignStore(bus.bus, name).partition for name in names] == places


async def test_an_edge_begins_calls_where_partitions_are_open_once_it_follows_them(bus: TestBus) -> None:
    homes, followed = Homes(bus.bus), list[int]()

    async def follow(partition: int) -> None:
        assert partition not in homes.partitions or partition < 16
        followed.append(partition)

    keeping = asyncio.create_task(homes.keep_open(follow))
    await resize(bus.bus, 2)
    async with asyncio.timeout(20):
        while set(homes.partitions) != {0, 1}:  # noqa: ASYNC110 - it looks every second
            await asyncio.sleep(0.05)
    assert set(followed) == {0, 1}
    keeping.cancel()
