"""A group at a glance: what each worker has to do, which entries are pending, and the dead letters by name."""

import asyncio

from orchestra.bus import Consumer, Context
from orchestra.bus.bus import GroupStatus
from orchestra.bus.group.dead_letters import dead_letters, latest_dead_letters, named_dead_letters, resolve
from orchestra.bus.group.overview import by_owner, pending_entries
from orchestra.testing import TestBus
from orchestra_schemas import UserTurnEnded


def test_the_partitions_of_a_worker_are_summed_up() -> None:
    found = by_owner([
        GroupStatus("mood", 0, "a", 3, 1, 0),
        GroupStatus("mood", 1, "b", 5, 0, 0),
        GroupStatus("mood", 2, "a", 4, 1, 2),
        GroupStatus("mood", 3, "b", None, 0, 0),
    ])  # fmt: skip
    assert [(each.owner, each.partitions, each.lag, each.pending, each.dead) for each in found] == [
        ("a", (0, 2), 7, 2, 2),
        ("b", (1, 3), None, 0, 0),
    ]


async def test_a_pending_entry_is_shown_with_its_attempts(bus: TestBus) -> None:
    consumer, handling, done = Consumer("mood"), asyncio.Event(), asyncio.Event()

    @consumer.on(UserTurnEnded)
    async def wait(event: UserTurnEnded, ctx: Context) -> None:
        del event, ctx
        handling.set()
        await done.wait()

    call = bus.call(3)
    async with bus.run(consumer):
        (event,) = await bus.publish(UserTurnEnded(call=call, turn=1, text="hello"))
        await handling.wait()
        async with asyncio.timeout(20):
            while not (entries := await pending_entries(bus.bus, "mood", range(bus.bus.partitions), most=5)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        done.set()
    (entry,) = entries
    assert (entry.partition, entry.stream, entry.attempts) == (3, "events", 1)
    assert (entry.type, entry.call, entry.id) == ("user.turn.ended", call, event.id)


async def test_dead_letters_are_found_by_name_and_the_latest_first(bus: TestBus) -> None:
    consumer = Consumer("mood", max_attempts=1)

    @consumer.on(UserTurnEnded)
    async def fail(event: UserTurnEnded) -> None:
        msg = f"no {event.text}"
        raise ValueError(msg)

    async with bus.run(consumer):
        await bus.publish(*(UserTurnEnded(call=bus.call(), turn=1, text=str(number)) for number in range(3)))
        await bus.settled(allow_dead=True)
    every = await dead_letters(bus.bus, "mood")
    latest = await latest_dead_letters(bus.bus, "mood", 2)
    assert [each.at for each in latest] == sorted((each.at for each in every), reverse=True)[:2]
    name = every[0].name
    odd = ("99/1-0", "07", "../1-0", f"{name}\n", "07/99999999999999999999-0")
    assert await named_dead_letters(bus.bus, "mood", [name, name, *odd[:4]]) == [every[0]]
    assert await resolve(bus.bus, await named_dead_letters(bus.bus, "mood", [name]), "drop") == 1
    assert await named_dead_letters(bus.bus, "mood", [name]) == []
