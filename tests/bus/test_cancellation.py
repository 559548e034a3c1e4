"""A cancelled command raises CancelledError, and the next command on the connection gets its own answer."""

import asyncio
from typing import Any

import pytest

from orchestra.bus import Consumer
from orchestra.testing import TestBus
from orchestra_schemas import CallStarted, TurnCompleted, UserTurnEnded

#: more turns of the event loop than a command takes to be sent
TURNS = 30


async def obeys(client: Any) -> None:
    """Cancel a task at each moment of a command; the next command on the same connection gets its own answer."""
    await client.set("{x}:one", "1")
    await client.set("{x}:other", "2")

    async def asks() -> None:
        await client.get("{x}:one")
        await asyncio.Event().wait()

    for turns in range(TURNS):
        task = asyncio.create_task(asks())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        _, going = await asyncio.wait([task], timeout=5)
        assert not going, f"the cancellation was lost after {turns} turns of the event loop"
        assert await client.get("{x}:other") == b"2"


async def test_after_a_handler_timed_out_in_a_command_the_next_command_gets_its_own_answer(
    bus: TestBus,
) -> None:
    consumer, answers = Consumer("mood", max_attempts=1), []
    await bus.bus.redis.set("{x}:other", "2")

    @consumer.on(UserTurnEnded, timeout_s=0.05)
    async def hang(event: UserTurnEnded) -> None:
        await bus.bus.redis.blpop("{x}:nobody", 0)

    @consumer.on(TurnCompleted)
    async def ask(event: TurnCompleted) -> None:
        answers.append(await bus.bus.redis.get("{x}:other"))

    async with bus.run(consumer):
        call = bus.call()
        await bus.publish(UserTurnEnded(call=call, text=""), TurnCompleted(call=call, agent="a"))
        await bus.settled(allow_dead=True)
        (letter,) = await bus.dead()
    assert "took longer than 0.05 s" in letter.error
    assert answers == [b"2"]


async def test_a_worker_ends_even_if_a_handler_swallows_its_first_cancellation(bus: TestBus) -> None:
    consumer, begun, lost = Consumer("mood"), asyncio.Event(), []

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:  # as `asyncio.wait_for` may, up to Python 3.11
            lost.append(event.turn)
        await asyncio.Event().wait()

    async with bus.run(consumer):
        await bus.publish(UserTurnEnded(call=bus.call(), turn=1, text=""))
        await begun.wait()
    assert lost == [1]


@pytest.mark.parametrize("how", ["at once", "behind its call's earlier event", "taken over"])
@pytest.mark.parametrize("concurrent", [False, True])
async def test_a_handler_runs_in_one_task_from_its_first_step_to_its_last(
    bus: TestBus, how: str, concurrent: bool
) -> None:
    call, tasks, begun, goes_on = bus.call(), [], asyncio.Event(), asyncio.Event()

    def consumer() -> Consumer:
        made = Consumer("mood")

        @made.on(CallStarted)
        async def first(event: CallStarted) -> None:
            for _ in range(50 if how == "behind its call's earlier event" else 0):
                await asyncio.sleep(0)  # the others, which were read with it, are put behind it

        @made.on(UserTurnEnded, concurrent=concurrent)
        async def handle(event: UserTurnEnded) -> None:
            before = asyncio.current_task()
            begun.set()
            await asyncio.sleep(0)
            await goes_on.wait()
            tasks.append((before, asyncio.current_task()))

        return made

    events = (CallStarted(call=call), UserTurnEnded(call=call, text="one"), UserTurnEnded(call=call, text="two"))
    if how == "taken over":
        async with bus.run(consumer()):
            await bus.publish(*events)
            await asyncio.wait_for(begun.wait(), 30)
    goes_on.set()
    async with bus.run(consumer()):
        if how != "taken over":
            await bus.publish(*events)
        await bus.settled()
    assert len(tasks) == 2
    assert all(before is after for before, after in tasks)
