"""A server that took another one's place may lack the events that were stored last: whoever published them has them."""

import time

import pytest

from orchestra.bus import keys
from orchestra.bus.stream import publisher as publishing
from orchestra.testing import TestBus
from orchestra_schemas import AudioChunk, DigitPressed

PARTITION = 3


async def lose_all_but(bus: TestBus, call: str, count: int) -> None:
    """Make the server one that got so many events before it took the place of another, and end the connection."""
    journal, numbers = keys.key(PARTITION, keys.JOURNAL), keys.key(PARTITION, "numbers", call)
    for entry_id, _ in (await bus.bus.redis.xrange(journal))[count:]:
        await bus.bus.redis.xdel(journal, entry_id)
    (producer,) = [name for name in await bus.bus.redis.hkeys(numbers) if name != b"claim"]
    await bus.bus.redis.hset(numbers, producer, count)
    bus.bus.connection(PARTITION).drop()


async def pressed(bus: TestBus) -> str:
    return "".join([each.digit for each in await bus.published(DigitPressed)])


async def test_what_a_server_lacks_that_took_the_place_of_another_is_sent_again_in_order_and_once(bus: TestBus) -> None:
    publisher, call = bus.bus.publisher("edge"), bus.call(PARTITION)
    for digit in "1234":
        publisher.publish(DigitPressed(call=call, digit=digit))
        await publisher.flush(5)
    await lose_all_but(bus, call, 2)
    publisher.publish(DigitPressed(call=call, digit="5"))
    await publisher.flush(5)
    assert await pressed(bus) == "12345"
    await lose_all_but(bus, call, 5)  # nothing
    publisher.publish(AudioChunk(call=call, speaker="caller", offset_ms=0, audio=b"00"))
    await publisher.flush(5)
    assert await pressed(bus) == "12345"
    assert publisher.buffered == 0


async def test_what_was_stored_long_ago_is_not_sent_again(bus: TestBus, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher, call = bus.bus.publisher("edge"), bus.call(PARTITION)
    publisher.publish(DigitPressed(call=call, digit="1"))
    await publisher.flush(5)
    await lose_all_but(bus, call, 0)
    later = time.monotonic() + 2 * publishing._SENT_AGAIN_WITHIN_S
    monkeypatch.setattr(publishing.time, "monotonic", lambda: later)
    publisher.publish(DigitPressed(call=call, digit="2"))
    await publisher.flush(5)
    assert await pressed(bus) == "2"
