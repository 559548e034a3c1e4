"""Sharing partitions, recovering them, trimming: on every server."""

import asyncio
from dataclasses import replace

import pytest

from orchestra.bus import Bus, Consumer, Context, run_consumer
from orchestra.bus.consumer.backpressure import MOST_BYTES
from orchestra.bus.consumer.reader import READ_BYTES
from orchestra.bus.group.leases import Leases, quota
from orchestra.bus.group.stream_trimming import trim
from orchestra.bus.worker.runtime import ConsumerRuntime
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import AudioChunk, CallStarted, ReplyChunk, TurnCompleted, UserTurnEnded


@pytest.fixture(scope="module")
def redis_url(every_server: str) -> str:
    return every_server


@pytest.mark.parametrize("workers", [1, 2, 3, 5, 16, 20])
def test_shares_add_up_and_differ_by_one_at_most(workers: int) -> None:
    names = [f"worker {number}" for number in range(workers)]
    shares = [quota(names, name, 16) for name in names]
    assert sum(shares) == 16
    assert max(shares) - min(shares) <= 1


async def test_the_next_worker_first_handles_unfinished_entries_and_counts_the_delivery(bus: TestBus) -> None:
    stop, started = asyncio.Event(), asyncio.Event()
    leaving, staying, seen = Consumer("mood"), Consumer("mood"), []

    @leaving.on(UserTurnEnded)
    async def wait(event: UserTurnEnded, context: Context) -> None:
        await context.publish(ReplyChunk(call=event.call, text="begun"))
        started.set()
        await asyncio.Event().wait()

    @staying.on(UserTurnEnded)
    async def take(event: UserTurnEnded, context: Context) -> TurnCompleted:
        seen.append((event.turn, context.attempt, [chunk.text for chunk in await context.published()]))
        await context.publish(ReplyChunk(call=event.call, text="begun"))
        return TurnCompleted(call=event.call, agent="a")

    call = bus.call()
    running = asyncio.create_task(run_consumer(leaving, bus.bus, stop=stop, grace_s=0.05))
    await bus.publish(UserTurnEnded(call=call, turn=1, text=""), UserTurnEnded(call=call, turn=2, text=""))
    await started.wait()
    stop.set()
    await running
    async with bus.run(staying):
        await bus.settled()
    assert seen == [(1, 2, ["begun"]), (2, 1, [])]
    assert len(await bus.published(ReplyChunk)) == 2
    assert len(await bus.published(TurnCompleted)) == 2


async def test_a_worker_that_joins_gets_its_share_and_gives_it_back(bus: TestBus, settings: Settings) -> None:
    consumer, stop, other_stop = Consumer("mood"), asyncio.Event(), asyncio.Event()

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None: ...

    other = await Bus.connect(settings)

    async def owners(*wanted: tuple[str, int]) -> None:
        async with asyncio.timeout(60):
            while True:
                groups = await bus.bus.groups()
                names = [each.owner for each in groups]
                if sorted((name, names.count(name)) for name in set(names)) == sorted(wanted):
                    return

    first = asyncio.create_task(run_consumer(consumer, bus.bus, worker="alice", stop=stop))
    await owners(("alice", 16))
    second = asyncio.create_task(run_consumer(replaced(consumer), other, worker="bob", stop=other_stop))
    await owners(("alice", 8), ("bob", 8))
    other_stop.set()
    await second
    await owners(("alice", 16))
    stop.set()
    await first
    await other.close()


def replaced(consumer: Consumer) -> Consumer:
    """The same consumer, as in another process."""
    twin = Consumer(consumer.name)
    twin.handlers = {tag: replace(handler) for tag, handler in consumer.handlers.items()}
    return twin


async def test_a_slow_handler_limits_how_far_is_read_ahead(bus: TestBus) -> None:
    consumer, gate = Consumer("mood"), asyncio.Event()
    calls = [bus.call(1) for _ in range(20)]

    @consumer.on(UserTurnEnded)
    async def wait(event: UserTurnEnded) -> None:
        await gate.wait()

    await bus.publish(*(UserTurnEnded(call=calls[number % 20], turn=number, text="") for number in range(4000)))
    async with bus.run(consumer):
        owned = bus.runtimes[0].rebalancer.owned[1]
        assert 1000 <= await bus.full(1) < 1500
        gate.set()
        await bus.settled()
    assert (owned.in_flight.entries, owned.in_flight.bytes) == (0, 0)


def large(bus: TestBus, count: int) -> list[UserTurnEnded]:
    """Events of 30 kB on partition 1."""
    calls = [bus.call(1) for _ in range(20)]
    return [UserTurnEnded(call=calls[number % 20], turn=number, text="x" * 30_000) for number in range(count)]


async def test_reading_ahead_of_large_events_is_limited_by_their_bytes(bus: TestBus) -> None:
    consumer, gate = Consumer("mood"), asyncio.Event()

    @consumer.on(UserTurnEnded)
    async def wait(event: UserTurnEnded) -> None:
        await gate.wait()

    await bus.publish(*large(bus, 500))
    async with bus.run(consumer):
        load = bus.runtimes[0].rebalancer.owned[1].in_flight
        assert await bus.full(1) < 300
        assert MOST_BYTES <= load.bytes < MOST_BYTES + READ_BYTES
        gate.set()
        await bus.settled()
    assert (load.entries, load.bytes) == (0, 0)


async def test_recovery_after_a_vanished_owner_is_limited_by_the_bytes_of_large_events(bus: TestBus) -> None:
    consumer, gate, stop = Consumer("mood"), asyncio.Event(), asyncio.Event()
    seen: list[int] = []

    @consumer.on(UserTurnEnded)
    async def wait(event: UserTurnEnded) -> None:
        await gate.wait()
        seen.append(event.turn)

    await Leases(bus.bus, "mood", "vanished", 400).acquire(1)
    await bus.bus.redis.delete("orchestra:{p01}:lease:mood")  # it has expired
    await bus.publish(*large(bus, 500))
    runtime = ConsumerRuntime(consumer, bus.bus)
    running = asyncio.create_task(runtime.run(stop))
    async with asyncio.timeout(30):
        while not (owned := runtime.rebalancer.owned.get(1)):  # noqa: ASYNC110 - the state of another's loop
            await asyncio.sleep(0.005)
        while not owned.in_flight.full:  # noqa: ASYNC110 - the state of another's loop
            await asyncio.sleep(0.005)
        assert owned.in_flight.bytes < MOST_BYTES + READ_BYTES
        gate.set()
        while len(seen) < 500:  # noqa: ASYNC110 - the state of another's loop
            await asyncio.sleep(0.005)
    stop.set()
    await running
    assert sorted(seen) == list(range(500))


async def test_trimming_keeps_entries_that_are_young_or_not_handled_by_a_group(bus: TestBus) -> None:
    consumer, call = Consumer("mood"), bus.call(6)

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None: ...

    await bus.publish(*(UserTurnEnded(call=call, turn=turn, text="") for turn in range(10)))
    async with bus.run(consumer):
        await bus.settled()
    await bus.publish(*(UserTurnEnded(call=call, turn=turn, text="") for turn in range(10, 15)))
    assert await trim(bus.bus, 6, "events", retention_s=3600) == {}
    assert len(await bus.published(UserTurnEnded)) == 15
    held = await trim(bus.bus, 6, "events", retention_s=0)
    assert held is not None
    assert set(held) <= {"mood"}
    assert [event.turn for event in await bus.published(UserTurnEnded)] == [10, 11, 12, 13, 14]
    await trim(bus.bus, 6, "events", retention_s=0, past="mood")
    assert len(await bus.published(UserTurnEnded)) <= 1


async def test_trimming_keeps_pending_entries(bus: TestBus) -> None:
    consumer, gate, call = Consumer("mood"), asyncio.Event(), bus.call(6)

    @consumer.on(UserTurnEnded, concurrent=True)
    async def handle(event: UserTurnEnded) -> None:
        if event.turn == 3:
            await gate.wait()

    async with bus.run(consumer):
        await bus.publish(*(UserTurnEnded(call=call, turn=turn, text="") for turn in range(6)))
        async with asyncio.timeout(30):
            while (status := (await bus.bus.groups())[6]).lag or status.pending != 1:  # noqa: ASYNC110 - another's
                await asyncio.sleep(0.01)
        await trim(bus.bus, 6, "events", retention_s=0)
        assert [event.turn for event in await bus.published(UserTurnEnded)] == [3, 4, 5]
        gate.set()
        await bus.settled()


async def test_a_group_that_starts_now_does_not_read_earlier_entries(bus: TestBus) -> None:
    consumer, seen, call = Consumer("mood", start="now"), [], bus.call()

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None:
        seen.append(event.turn)

    await bus.publish(UserTurnEnded(call=call, turn=1, text=""))
    async with bus.run(consumer):
        await bus.publish(UserTurnEnded(call=call, turn=2, text=""))
        await bus.settled()
    assert seen == [2]


async def test_both_streams_of_a_call_are_read(bus: TestBus) -> None:
    consumer, seen, call = Consumer("recorder", streams=("events", "media")), [], bus.call()

    @consumer.on(AudioChunk)
    async def audio(event: AudioChunk) -> None:
        seen.append(event.audio)

    @consumer.on(CallStarted)
    async def started(event: CallStarted) -> list[AudioChunk]:
        return [AudioChunk(call=event.call, speaker="agent", offset_ms=0, audio=sound) for sound in (b"\1", b"\2")]

    async with bus.run(consumer):
        await bus.publish(CallStarted(call=call), AudioChunk(call=call, speaker="caller", offset_ms=0, audio=b"\3\4"))
        await bus.settled()
    assert sorted(seen) == [b"\1", b"\2", b"\3\4"]
