"""How long published events wait for more when their group has a linger."""

import asyncio

from orchestra.bus import Consumer, keys
from orchestra.testing import TestBus
from orchestra_schemas import TurnCompleted, UserTurnEnded


async def test_events_published_within_the_linger_share_one_commit(bus: TestBus) -> None:
    consumer, handled = Consumer("slow", linger_ms=1_500), asyncio.Event()

    @consumer.on(UserTurnEnded)
    async def answer(event: UserTurnEnded) -> TurnCompleted:
        handled.set()
        return TurnCompleted(call=event.call, turn=event.turn, agent="desk", text="")

    call = bus.call(3)
    async with bus.run(consumer):
        for turn in range(1, 61):
            await bus.publish(UserTurnEnded(call=call, turn=turn, text=""))
            await handled.wait()
            handled.clear()
        await bus.settled()
    stored = await bus.bus.redis.xrange(keys.key(3, keys.JOURNAL))
    moments = {place.split(b"-")[0] for place, fields in stored if fields[b"type"] == b"turn.completed"}
    assert len(await bus.published(TurnCompleted)) == 60
    assert len(moments) == 1, "Redis gives all that one script adds the same millisecond"
