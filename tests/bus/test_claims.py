"""A producer that was cut off has less to say of a call than the one that has it now."""

from orchestra.bus.stream.publisher import CLOSED
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, CallResumed, CallStarted, SentenceSpoken, SpeechMetered


async def test_what_a_replaced_edge_says_of_its_call_is_dropped_but_for_what_is_true_all_the_same(bus: TestBus) -> None:
    call = bus.call(3)
    one, other = bus.bus.publisher("edge-1"), bus.bus.publisher("edge-2")
    one.claim(call, 0)
    one.publish(CallStarted(call=call))
    await one.flush(5)
    other.claim(call, 1)
    other.publish(CallResumed(call=call, stream_number=1))
    await other.flush(5)
    one.publish(SentenceSpoken(call=call, text="nobody has heard this"))
    one.publish(SpeechMetered(call=call, tts_characters=7), even_if_replaced=True)
    one.publish(CallEnded(call=call, reason="silence"))
    await one.flush(5)
    other.publish(SentenceSpoken(call=call, text="this was heard"))
    await other.flush(5)
    stored = [(type(event).__name__, event.source) for event in await bus.bus.journal(call)]
    assert stored == [
        ("CallStarted", "edge-1"), ("CallResumed", "edge-2"), ("SpeechMetered", "edge-1"), ("SentenceSpoken", "edge-2"),
    ]  # fmt: skip


async def test_a_call_that_was_closed_is_over_for_whoever_has_it(bus: TestBus) -> None:
    call = bus.call(3)
    edge, closer = bus.bus.publisher("edge"), bus.bus.publisher("persistence")
    edge.claim(call, 4)
    edge.publish(CallStarted(call=call))
    await edge.flush(5)
    closer.claim(call, CLOSED)
    closer.publish(CallEnded(call=call, reason="failed"))
    await closer.flush(5)
    edge.publish(CallEnded(call=call, reason="caller_hung_up"))
    await edge.flush(5)
    assert [event.source for event in await bus.published(CallEnded, call)] == ["persistence"]


async def test_a_claim_that_comes_late_takes_no_call_back(bus: TestBus) -> None:
    call = bus.call(3)
    late, other = bus.bus.publisher("edge-1"), bus.bus.publisher("edge-2")
    other.claim(call, 1)
    other.publish(CallResumed(call=call, stream_number=1))
    await other.flush(5)
    late.claim(call, 0)
    late.publish(CallStarted(call=call))
    await late.flush(5)
    late.release(call, 0)
    late.publish(SentenceSpoken(call=call, text="of nobody in particular"))
    await late.flush(5)
    assert [type(event).__name__ for event in await bus.bus.journal(call)] == ["CallResumed", "SentenceSpoken"]


async def test_a_stream_that_ends_after_the_next_one_has_begun_at_the_same_edge_leaves_that_its_claim(
    bus: TestBus,
) -> None:
    call = bus.call(3)
    edge, other = bus.bus.publisher("edge-1"), bus.bus.publisher("edge-2")
    edge.claim(call, 0)
    edge.publish(CallStarted(call=call))
    edge.claim(call, 1)
    edge.publish(CallResumed(call=call, stream_number=1))
    edge.release(call, 0)
    await edge.flush(5)
    other.claim(call, 2)
    other.publish(CallResumed(call=call, stream_number=2))
    await other.flush(5)
    edge.publish(SentenceSpoken(call=call, text="nobody has heard this"))
    edge.release(call, 1)
    await edge.flush(5)
    assert await bus.published(SentenceSpoken, call) == []
