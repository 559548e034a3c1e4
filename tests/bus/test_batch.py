"""Handlers that take entries in batches."""

import asyncio

import pytest

from orchestra.bus import Consumer, Entry, Refusal
from orchestra.errors import ConsumerError
from orchestra.testing import TestBus
from orchestra_schemas import AudioChunk, UserTurnEnded


def turns(call: str, count: int) -> list[UserTurnEnded]:
    return [UserTurnEnded(call=call, turn=turn, text="") for turn in range(1, count + 1)]


async def test_entries_of_both_streams_come_in_batches_in_order(bus: TestBus) -> None:
    consumer, seen = Consumer("log", streams=("events", "media")), []

    @consumer.on_batch()
    async def ship(entries: list[Entry]) -> None:
        seen.append(entries)

    call = bus.call()
    stored = await bus.publish(
        *turns(call, 50), AudioChunk(call=call, speaker="caller", offset_ms=0, audio=b"\x01\x02")
    )
    async with bus.run(consumer):
        await bus.settled()
    assert [entry.id for batch in seen for entry in batch if entry.stream == "events"] == [e.id for e in stored[:50]]
    assert [entry.audio for batch in seen for entry in batch if entry.stream == "media"] == [b"\x01\x02"]
    assert len(seen) < 10


async def test_a_batch_is_pending_until_the_handler_returns(bus: TestBus) -> None:
    consumer, begun, gate = Consumer("log"), asyncio.Event(), asyncio.Event()

    @consumer.on_batch()
    async def ship(entries: list[Entry]) -> None:
        begun.set()
        await gate.wait()

    async with bus.run(consumer):
        await bus.publish(*turns(bus.call(3), 7))
        await begun.wait()
        async with asyncio.timeout(30):
            while (await bus.bus.groups())[3].pending != 7:  # noqa: ASYNC110 - the server has to say so
                await asyncio.sleep(0.005)
        gate.set()
        await bus.settled()
        assert (await bus.bus.groups())[3].pending == 0


async def test_the_next_worker_handles_the_batch_that_the_last_one_left_unfinished(bus: TestBus) -> None:
    consumer, seen, gate = Consumer("log"), [], asyncio.Event()

    @consumer.on_batch()
    async def ship(entries: list[Entry]) -> None:
        seen.extend(entry.id for entry in entries)
        await gate.wait()

    stored = await bus.publish(*turns(bus.call(), 20))
    async with bus.run(consumer):
        async with asyncio.timeout(30):
            while len(seen) < 20:  # noqa: ASYNC110 - the handler does not end
                await asyncio.sleep(0.005)
    gate.set()
    seen.clear()
    async with bus.run(consumer):
        await bus.settled()
    assert sorted(seen) == sorted(event.id for event in stored)


async def test_refused_entries_become_dead_letters_with_the_reason_and_the_others_are_done(bus: TestBus) -> None:
    consumer = Consumer("log")

    @consumer.on_batch()
    async def ship(entries: list[Entry]) -> list[Refusal]:
        return [Refusal(entry, ValueError("no room for this")) for entry in entries if b'"turn":3' in entry.body]

    stored = await bus.publish(*turns(bus.call(), 5))
    async with bus.run(consumer):
        await bus.settled(allow_dead=True)
        (letter,) = await bus.dead()
    assert letter.id == stored[2].id
    assert "no room for this" in letter.error
    assert letter.handler.endswith("ship")


async def test_the_entries_of_a_failed_batch_are_handled_one_by_one_and_only_the_culprit_becomes_a_dead_letter(
    bus: TestBus,
) -> None:
    consumer, done = Consumer("log", max_attempts=2), set()

    @consumer.on_batch()
    async def ship(entries: list[Entry]) -> None:
        if any(b'"turn":3' in entry.body for entry in entries):
            message = "cannot be read"
            raise ValueError(message)
        done.update(entry.id for entry in entries)

    stored = await bus.publish(*turns(bus.call(), 5))
    async with bus.run(consumer):
        await bus.settled(allow_dead=True)
        (letter,) = await bus.dead()
    assert (letter.id, letter.attempts) == (stored[2].id, 2)
    assert done == {event.id for event in stored} - {letter.id}


async def test_reading_stops_while_a_thousand_entries_of_a_partition_are_unfinished(bus: TestBus) -> None:
    consumer, taken, gate = Consumer("log"), [], asyncio.Event()

    @consumer.on_batch()
    async def ship(entries: list[Entry]) -> None:
        taken.extend(entries)
        await gate.wait()

    await bus.publish(*turns(bus.call(3), 3000))
    async with bus.run(consumer):
        assert 1000 <= await bus.full(3) <= 1200
        gate.set()
        await bus.settled()
        assert len(taken) == 3000


def test_batches_cannot_be_combined_with_other_handlers() -> None:
    consumer = Consumer("log")

    @consumer.on(UserTurnEnded)
    async def one(event: UserTurnEnded) -> None: ...

    with pytest.raises(ConsumerError, match="on_batch"):

        @consumer.on_batch()
        async def many(entries: list[Entry]) -> None: ...


def held(seen: list[list[Entry]], gate: asyncio.Event | None = None, most: int = 1000) -> Consumer:
    """A consumer whose entries are not pending while it handles them."""
    consumer = Consumer("keep")

    @consumer.on_batch(pending=False, most=most)
    async def keep(entries: list[Entry]) -> None:
        seen.append(entries)
        if gate is not None:
            await gate.wait()

    return consumer


async def group(bus: TestBus, partition: int) -> tuple[int | None, int]:
    status = next(each for each in await bus.bus.groups() if each.partition == partition)
    return status.lag, status.pending


async def test_entries_of_a_held_batch_are_not_pending_and_the_position_stays_before_them(bus: TestBus) -> None:
    seen: list[list[Entry]] = []
    gate = asyncio.Event()
    async with bus.run(held(seen, gate)):
        await bus.publish(*turns(bus.call(3), 7))
        async with asyncio.timeout(30):
            while sum(map(len, seen)) < 7:  # noqa: ASYNC110 - the handler does not end
                await asyncio.sleep(0.005)
        assert await group(bus, 3) == (7, 0)
        gate.set()
        await bus.settled()
        assert await group(bus, 3) == (0, 0)


async def test_the_position_moves_past_a_batch_only_when_all_batches_before_it_are_done(bus: TestBus) -> None:
    gates = [asyncio.Event(), asyncio.Event()]
    consumer, begun = Consumer("keep"), 0

    @consumer.on_batch(pending=False)
    async def keep(entries: list[Entry]) -> None:
        nonlocal begun
        gate = gates[begun]
        begun += 1
        await gate.wait()

    async with bus.run(consumer):
        call = bus.call(3)
        for count in (1, 2):
            await bus.publish(*turns(call, 1))
            async with asyncio.timeout(30):
                while begun < count:  # noqa: ASYNC110 - the handler does not end
                    await asyncio.sleep(0.005)
        owned = bus.runtimes[0].rebalancer.owned[3]
        gates[1].set()
        async with asyncio.timeout(30):
            while not owned.positions["events"].held[1].done:  # noqa: ASYNC110 - the state of another's loop
                await asyncio.sleep(0.005)
        await owned.committer.flush()
        assert await group(bus, 3) == (2, 0)
        gates[0].set()
        await bus.settled()


async def test_the_next_owner_reads_held_entries_again_in_batches_in_order(bus: TestBus) -> None:
    seen: list[list[Entry]] = []
    stored = await bus.publish(*turns(bus.call(3), 450))
    async with bus.run(held(seen, asyncio.Event())):
        async with asyncio.timeout(30):
            while sum(map(len, seen)) < 450:  # noqa: ASYNC110 - the handler does not end
                await asyncio.sleep(0.005)
    seen.clear()
    async with bus.run(held(seen)):
        await bus.settled()
    assert [entry.id for batch in seen for entry in batch] == [event.id for event in stored]
    assert len(seen) < 10


async def test_reading_stops_at_the_limit_of_held_entries(bus: TestBus) -> None:
    seen: list[list[Entry]] = []
    gate = asyncio.Event()
    await bus.publish(*turns(bus.call(3), 700))
    async with bus.run(held(seen, gate, most=300)):
        assert 300 <= await bus.full(3) < 700
        gate.set()
        await bus.settled()
    assert sum(map(len, seen)) == 700


async def test_a_held_batch_that_raises_is_handled_again_until_it_succeeds(bus: TestBus) -> None:
    consumer, attempts = Consumer("keep"), []

    @consumer.on_batch(pending=False)
    async def keep(entries: list[Entry]) -> None:
        attempts.append([entry.id for entry in entries])
        if len(attempts) < 4:
            raise TimeoutError

    async with bus.run(consumer):
        await bus.publish(*turns(bus.call(), 3))
        await bus.settled()
    assert attempts[0] == attempts[3]


async def test_a_consumer_is_notified_of_partitions_that_it_acquires_and_loses(bus: TestBus) -> None:
    consumer, told = held([]), []
    consumer.on_partition(lambda partition, mine: told.append((partition, mine)))
    async with bus.run(consumer):
        assert sorted(told) == [(partition, True) for partition in range(bus.bus.partitions)]
        told.clear()
    assert {(partition, False) for partition in range(bus.bus.partitions)} == set(told)
