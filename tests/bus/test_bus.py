"""Publishing, following, the journal, the groups: on every server."""

import asyncio

import pytest

from orchestra.bus import Consumer, partition_of
from orchestra.bus.worker.runtime import ConsumerRuntime
from orchestra.testing import TestBus
from orchestra_schemas import AudioChunk, CallEnded, CallStarted, UserTurnEnded
from tests.bus.test_cancellation import obeys


@pytest.fixture(scope="module")
def redis_url(every_server: str) -> str:
    return every_server


async def test_a_call_id_names_its_partition_and_its_moment(bus: TestBus) -> None:
    call = bus.bus.new_call([5])
    assert call.startswith("05-")
    assert partition_of(call) == 5
    assert bus.bus.new_call([5]) != call
    with pytest.raises(ValueError, match="partition"):
        partition_of("hello")


async def test_the_journal_of_a_call_has_its_events_in_order_and_none_of_other_calls(bus: TestBus) -> None:
    call, other = bus.call(4), bus.call(4)
    for turn in range(1, 4):
        await bus.publish(UserTurnEnded(call=call, turn=turn, text="a"), UserTurnEnded(call=other, turn=turn, text="b"))
    journal = await bus.bus.journal(call)
    assert [(event.call, event.turn) for event in journal] == [(call, 1), (call, 2), (call, 3)]


async def test_a_journal_leaves_out_a_damaged_entry_and_has_the_rest_of_the_call(bus: TestBus) -> None:
    call = bus.call(4)
    await bus.publish(CallStarted(call=call))
    await bus.bus.redis.xadd(
        "orchestra:{p04}:events", {"type": "user.turn.ended", "call": call, "id": "x", "body": "{"}
    )
    await bus.publish(CallEnded(call=call, reason="silence"))
    assert [type(event) for event in await bus.bus.journal(call)] == [CallStarted, CallEnded]


async def test_a_subscription_begins_now_and_misses_nothing_after_that(bus: TestBus) -> None:
    call = bus.call()
    await bus.publish(CallStarted(call=call))
    follow = bus.bus.follow()
    await follow.start()
    await bus.publish(UserTurnEnded(call=call, text="hi"))
    assert (await anext(follow)).type == "user.turn.ended"
    await follow.aclose()


async def test_a_subscription_from_an_id_begins_after_it_and_has_the_chosen_streams(bus: TestBus) -> None:
    call = bus.call(9)
    chunk = AudioChunk(call=call, speaker="caller", offset_ms=0, audio=b"\0\1")
    await bus.publish(CallStarted(call=call), chunk, CallEnded(call=call, reason="silence"))
    follow = bus.bus.follow([9], streams=("events", "media"), since="0")
    seen = [await anext(follow) for _ in range(3)]
    await follow.aclose()
    assert sorted(entry.type for entry in seen) == ["audio.chunk", "call.ended", "call.started"]
    (audio,) = [entry.event() for entry in seen if entry.stream == "media"]
    assert isinstance(audio, AudioChunk)
    assert audio.audio == b"\0\1"


async def test_a_cancelled_command_is_cancelled_and_its_answer_goes_to_nobody_else(bus: TestBus) -> None:
    await obeys(bus.bus.redis)


async def test_the_status_of_a_group_has_owner_lag_and_pending_entries(bus: TestBus) -> None:
    consumer, gate, stop = Consumer("mood"), asyncio.Event(), asyncio.Event()
    started = asyncio.Event()

    @consumer.on(UserTurnEnded)
    async def wait(event: UserTurnEnded) -> None:
        started.set()
        await gate.wait()

    runtime = ConsumerRuntime(consumer, bus.bus, worker="alice")
    running = asyncio.create_task(runtime.run(stop))
    await bus.publish(UserTurnEnded(call=bus.call(6), text=""))
    await started.wait()
    await runtime.rebalancer.owned[6].committer.flush()
    (status,) = [each for each in await bus.bus.groups() if each.partition == 6]
    assert (status.group, status.owner, status.lag, status.pending, status.dead) == ("mood", "alice", 0, 1, 0)
    (pending,) = await bus.bus.redis.xpending_range("orchestra:{p06}:events", "mood", "-", "+", 10)
    assert pending["times_delivered"] == 1
    gate.set()
    stop.set()
    await running
    await bus.publish(UserTurnEnded(call=bus.call(6), text=""))
    (status,) = [each for each in await bus.bus.groups() if each.partition == 6]
    assert (status.owner, status.lag, status.pending) == ("", 1, 0)
