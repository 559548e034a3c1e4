"""A server that has lost its data under a running process."""

import asyncio

import structlog

from orchestra.bus import Consumer
from orchestra.testing import TestBus
from orchestra_schemas import TurnCompleted, UserTurnEnded


async def test_the_loss_of_a_journal_is_logged_and_the_new_one_has_another_name(bus: TestBus) -> None:
    before = bus.bus.journal_name
    await bus.bus.redis.flushall()
    with structlog.testing.capture_logs() as logs:
        names = {await bus.bus.journal_now(), await bus.bus.journal_now()}
    assert len(names - {before}) == 1
    assert [log["event"] for log in logs] == ["journal.replaced"]


async def test_after_the_server_has_lost_its_data_workers_handle_new_events_once(bus: TestBus) -> None:
    consumer = Consumer("mood")

    @consumer.on(UserTurnEnded)
    async def answer(event: UserTurnEnded) -> TurnCompleted:
        return TurnCompleted(call=event.call, turn=event.turn, agent="mood", text="")

    calls = [bus.call() for _ in range(32)]  # on most partitions
    async with bus.run(consumer):
        await bus.publish(*(UserTurnEnded(call=call, turn=1, text="") for call in calls))
        await bus.settled()
        await bus.bus.redis.flushall()
        await bus.publish(*(UserTurnEnded(call=call, turn=2, text="") for call in calls))
        async with asyncio.timeout(30):
            while len(await bus.published(TurnCompleted)) < len(calls):  # noqa: ASYNC110 - the worker's progress
                await asyncio.sleep(0.01)
        await bus.settled(30)
    answers = await bus.published(TurnCompleted)
    assert sorted(event.call for event in answers) == sorted(calls)
    assert {event.turn for event in answers} == {2}
