"""A poisoned event becomes a dead letter, or is not published; the next event is handled."""

import math
from collections.abc import Sequence
from typing import Any

import pytest

from orchestra import Consumer, Context
from orchestra.bus.group.dead_letters import dead_letters
from orchestra.testing import TestBus
from orchestra_schemas import CallStarted, DigitPressed, Event, PromptCompleted, ReplyChunk, UserTurnEnded, tag_of

DEEP = b"[" * 100_000 + b"]" * 100_000
POISONS = [
    b'{"type":"prompt.completed","call":"%s","request":"r","completion_tokens":null}',
    b'{"type":"prompt.completed","call":"%s","request":"r","completion_tokens":3.5}',
    b'{"type":"prompt.completed","call":"%s","request":"r","parameters":{"a":' + DEEP + b"}}",
    b'{"type":"prompt.completed","call":"%s","request":"r","later":' + DEEP + b"}",
    b'{"type":"prompt.completed","call":"%s","request":"\xff"}',
    b'{"type":"prompt.completed","call":"%s","request":"\\ud800"}',
    b'{"type":"prompt.completed","call":"%s","request":"r","at":1e999}',
    b"",
    b"null",
    DEEP,
]


@pytest.mark.parametrize("takes_context", [False, True], ids=["direct", "context"])
async def test_unreadable_entries_of_another_producer_become_dead_letters_one_by_one(
    bus: TestBus, *, takes_context: bool
) -> None:
    consumer = Consumer("reader", max_attempts=2)
    handled: list[str] = []

    async def read(event: PromptCompleted) -> None:
        handled.append(event.request)

    async def read_with_context(event: PromptCompleted, context: Context) -> None:
        assert context.attempt == 1
        handled.append(event.request)

    consumer.on(PromptCompleted)(read_with_context if takes_context else read)
    call = bus.call()
    key = bus.bus.key(int(call[:2]), "events")
    async with bus.run(consumer):
        for number, poison in enumerate(POISONS):
            body = poison.replace(b"%s", call.encode())
            fields: dict[Any, Any] = {"type": "prompt.completed", "call": call, "id": f"poison.{number}", "body": body}
            await bus.bus.redis.xadd(key, fields)
            await bus.publish(PromptCompleted(call=call, request=str(number)))
        await bus.settled(allow_dead=True)
    assert handled == [str(number) for number in range(len(POISONS))]
    assert [letter.id for letter in await dead_letters(bus.bus, "reader")] == [
        f"poison.{number}" for number in range(len(POISONS))
    ]


@pytest.mark.parametrize("way", ["returned", "published"])
async def test_an_event_that_cannot_be_encoded_fails_its_handler_and_nothing_else(bus: TestBus, way: str) -> None:
    consumer = Consumer("maker", max_attempts=2)
    wrong = ReplyChunk(call=bus.call(), text=5)  # type: ignore[arg-type]

    @consumer.on(DigitPressed)
    async def make(event: DigitPressed, context: Context) -> Sequence[Event]:
        made = [ReplyChunk(call=event.call, text=event.digit), *([wrong] if event.digit == "5" else [])]
        made = [ReplyChunk(call=event.call, text=each.text) for each in made]
        if way == "returned":
            return made
        await context.publish(*made)
        return ()

    call = bus.call()
    async with bus.run(consumer):
        for digit in "456":
            await bus.publish(DigitPressed(call=call, digit=digit))
        await bus.settled(allow_dead=True)
    assert [chunk.text for chunk in await bus.published(ReplyChunk, call)] == ["4", "6"]
    (letter,) = await dead_letters(bus.bus, "maker")
    assert "ReplyChunk cannot be published: text" in letter.error


@pytest.mark.parametrize(
    "event",
    [
        lambda call: PromptCompleted(call=call, request="r", completion_tokens=None, prompt_tokens=3.0, text="a\x00b"),
        lambda call: CallStarted(call=call, at=1e30, from_number="+1555\x00\ud800"),
        lambda call: UserTurnEnded(call=call, text="hi \ud83d", speech_ended_at=math.nan),
    ],
    ids=["counts", "time", "text"],
)
async def test_an_event_that_can_be_repaired_reaches_every_reader(bus: TestBus, event: Any) -> None:
    consumer, seen = Consumer("reader"), []
    made = event(bus.call())

    @consumer.on(type(made))
    async def read(event: Event) -> None:
        seen.append(event)

    async with bus.run(consumer):
        await bus.publish(made)
        await bus.settled(allow_dead=True)
    assert [tag_of(type(each)) for each in seen] == [tag_of(type(made))]
    assert await dead_letters(bus.bus, "reader") == []
