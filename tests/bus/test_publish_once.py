"""A request that is repeated is one event on the journal, whoever repeats it."""

from orchestra.bus.stream.publish_once import publish_once, was_published
from orchestra.testing import TestBus
from orchestra_schemas import DigitPressed


async def test_a_request_that_is_repeated_is_stored_once(bus: TestBus) -> None:
    event = DigitPressed(call=bus.call(), digit="1")
    stored = [await publish_once(bus.bus, event, source="console", request="one") for _ in range(2)]
    (found,) = await bus.published(DigitPressed)
    assert stored == [True, False]
    assert (found.source, found.id) == ("console", f"{event.call}:console-one.1")


async def test_requests_of_other_calls_and_other_requests_are_events_of_their_own(bus: TestBus) -> None:
    calls = bus.call(), bus.call()
    for call in calls:
        for request in ("one", "two"):
            assert await publish_once(bus.bus, DigitPressed(call=call, digit="1"), source="console", request=request)
    assert [len(await bus.published(DigitPressed, call)) for call in calls] == [2, 2]


async def test_it_is_known_whether_a_request_was_stored(bus: TestBus) -> None:
    event = DigitPressed(call=bus.call(), digit="1")
    assert not await was_published(bus.bus, event.call, source="console", request="one")
    await publish_once(bus.bus, event, source="console", request="one")
    assert await was_published(bus.bus, event.call, source="console", request="one")
    assert not await was_published(bus.bus, event.call, source="console", request="two")


async def test_events_of_an_edge_keep_their_numbers_beside_those_of_requests(bus: TestBus) -> None:
    call = bus.call()
    await bus.publish(DigitPressed(call=call, digit="1"))
    await publish_once(bus.bus, DigitPressed(call=call, digit="2"), source="console", request="one")
    await bus.publish(DigitPressed(call=call, digit="3"))
    assert [each.digit for each in await bus.published(DigitPressed)] == ["1", "2", "3"]
