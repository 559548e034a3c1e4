"""A lag that the server cannot tell is told to nobody as 0."""

from orchestra.bus import Consumer
from orchestra.bus.keys import JOURNAL, key
from orchestra.telemetry.otlp import totals
from orchestra.testing import TestBus
from orchestra_schemas import UserTurnEnded


async def test_a_group_whose_lag_the_server_does_not_know_has_no_lag_in_the_metrics(bus: TestBus) -> None:
    consumer, call, stream = Consumer("mood"), bus.call(3), key(3, JOURNAL)

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None:
        pass

    async with bus.run(consumer):
        await bus.settled()
    await bus.publish(*(UserTurnEnded(call=call, turn=turn, text="") for turn in range(10)))
    known = totals(await bus.bus.groups(), "lag")
    entries = await bus.bus.redis.xrange(stream)
    await bus.bus.redis.xdel(stream, entries[5][0])  # from here on the server cannot count what lies behind the group
    groups = await bus.bus.groups()
    assert known == {"mood": 10}
    assert [each.lag for each in groups if each.partition == 3] == [None]
    assert (totals(groups, "lag"), totals(groups, "pending")) == ({}, {"mood": 0})
