import asyncio

from orchestra.bus.keys import started_ms
from orchestra.storage.callers import Callers, as_context
from orchestra.storage.calls import CallRecord
from orchestra.testing import TestBus
from schemas import AgentChanged, CallEnded, CallStarted, UserTurnEnded
from workers.persistence import consumer

NUMBER = "+15550001"


async def ended_call(bus: TestBus, words: str, number: str = NUMBER) -> str:
    call = bus.call()
    await bus.publish(
        CallStarted(call=call, from_number=number),
        AgentChanged(call=call, turn=1, agent="tracking"),
        UserTurnEnded(call=call, turn=1, text=words),
        CallEnded(call=call, reason="caller_hung_up", duration_s=10.0),
    )
    while started_ms(bus.call()) <= started_ms(call):  # nobody calls twice in a millisecond  # noqa: ASYNC110
        await asyncio.sleep(0)
    return call


def callers(bus: TestBus) -> Callers:
    key = (bus.bus.settings.data_dir / "keys" / "number").read_bytes()
    return Callers(bus.bus, key)


async def test_a_callers_earlier_calls_are_found_by_the_number_newest_first(bus: TestBus) -> None:
    async with bus.run(consumer):
        first, second = await ended_call(bus, "where is my parcel"), await ended_call(bus, "it is broken")
        await ended_call(bus, "another caller", "+15559999")
        running = bus.call()
        await bus.publish(CallStarted(call=running, from_number=NUMBER))
        await bus.settled()
    past = await callers(bus).recent("+1 555 0001", before=running)
    assert [(each.call, each.last_words) for each in past] == [(second, "it is broken"), (first, "where is my parcel")]
    assert await callers(bus).recent(NUMBER, before=first) == []


async def test_the_index_of_callers_holds_no_number(bus: TestBus) -> None:
    async with bus.run(consumer):
        await ended_call(bus, "hello")
        await bus.settled()
    keys = [key.decode() async for key in bus.bus.redis.scan_iter(match="orchestra:caller:*")]
    assert len(keys) == 1
    assert "5550001" not in keys[0]
    assert await bus.bus.redis.ttl(keys[0]) > 0
    assert await Callers(bus.bus, b"another key").recent(NUMBER) == []


async def test_a_hidden_number_is_nobody(bus: TestBus) -> None:
    async with bus.run(consumer):
        await ended_call(bus, "who am I", "")
        await bus.settled()
    assert await callers(bus).recent("") == []


def test_an_agent_is_told_of_earlier_calls_without_a_number() -> None:
    record = CallRecord(
        call="07-x", status="ended", from_number=NUMBER, agent="tracking", turns=3, started_at=1000.0,
        first_words="where is my parcel", last_words="good-bye", transferred_to="+1555",
    )  # fmt: skip
    told = as_context([record], now=1000.0 + 2 * 86400 + 5)
    assert told.splitlines()[1] == (
        '- 2 days ago, 3 turns; last with tracking; asked: "where is my parcel"; last said: "good-bye";'
        " handed over to a person"
    )
    assert "555" not in told
    assert as_context([], now=1.0) == ""
