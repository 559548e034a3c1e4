"""A call that nobody has any more is closed once, however many find out, and not where somebody has it after all."""

import asyncio
from typing import Any

from orchestra.bus import keys
from orchestra.history.call_record import CallRecord
from orchestra.storage.calls_of_lost_edges import end_of_lost
from orchestra.testing import TestBus
from orchestra.voice.call.call import Call
from orchestra.voice.edge.calls_without_stream import LostCalls, close_call
from orchestra_schemas import AudioChunk, CallEnded, CallResumed, CallStarted


def nowhere(call: str) -> Call | None:
    del call
    return None


async def test_all_edges_that_waited_for_a_call_close_it_once(bus: TestBus) -> None:
    call = bus.call()
    await bus.publish(CallStarted(call=call))
    edges = [LostCalls(bus.bus, bus.bus.publisher(name), nowhere, 0.05) for name in ("edge-1", "edge-2")]
    for edge in edges:
        for _ in range(3):  # its stream broke, the carrier asked what is next, and said that the call is over
            edge.wait_for(call)
    await asyncio.gather(*(task for edge in edges for task in edge._tasks))
    for edge in edges:
        await edge._publisher.flush(30)
    assert len(await bus.published(CallEnded)) == 1


async def test_an_edge_and_the_watch_over_lost_calls_close_it_once(bus: TestBus) -> None:
    call = bus.call()
    await bus.publish(CallStarted(call=call))
    publisher = bus.bus.publisher("edge-1")
    closed, end = await asyncio.gather(
        close_call(bus.bus, publisher, call, "caller_hung_up"), end_of_lost(bus.bus, CallRecord(call=call))
    )
    assert closed is (end is None)


async def test_a_call_that_is_resumed_while_its_audio_is_read_is_not_closed(bus: TestBus) -> None:
    call = bus.call()
    await bus.publish(CallStarted(call=call), AudioChunk(call=call, speaker="caller", offset_ms=0, audio=bytes(3200)))
    publisher, read = bus.bus.publisher("edge-1"), bus.bus.entries

    async def entries(partition: int, stream: str, **how: Any):  # noqa: ANN202
        async for entry in read(partition, stream, **how):
            yield entry
        if stream == keys.MEDIA:
            await bus.publish(CallResumed(call=call))

    bus.bus.entries = entries  # type: ignore[method-assign]
    lost = LostCalls(bus.bus, publisher, nowhere, 0.05)
    lost.wait_for(call)
    await asyncio.gather(*lost._tasks)
    await publisher.flush(30)
    assert await bus.published(CallEnded) == []
    bus.bus.entries = read  # type: ignore[method-assign]
    assert await close_call(bus.bus, publisher, call, "caller_hung_up")  # it was given back


async def test_an_edge_that_notices_late_that_its_stream_broke_leaves_the_call_to_the_edge_that_has_it(
    bus: TestBus,
) -> None:
    resumed, lost_again = bus.call(), bus.call()
    for call in (resumed, lost_again):
        await bus.publish(CallStarted(call=call), CallResumed(call=call, stream_number=1))
    publisher = bus.bus.publisher("edge-1")
    lost = LostCalls(bus.bus, publisher, nowhere, 0.05)
    lost.wait_for(resumed, stream=0)  # after a cut: it was resumed meanwhile
    lost.wait_for(lost_again, stream=1)
    await asyncio.gather(*lost._tasks)
    await publisher.flush(30)
    assert [event.call for event in await bus.published(CallEnded)] == [lost_again]


async def test_a_call_with_audio_since_it_was_found_silent_is_not_lost(bus: TestBus) -> None:
    call = bus.call()
    await bus.publish(CallStarted(call=call), CallResumed(call=call))
    record = CallRecord(call=call)
    assert await end_of_lost(bus.bus, record, 60.0) is None
    assert await end_of_lost(bus.bus, record) is not None
