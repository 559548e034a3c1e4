"""What the author of a consumer can rely on."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from orchestra.bus import Consumer, Context
from orchestra.errors import ConsumerError
from orchestra.testing import TestBus
from orchestra_schemas import AudioChunk, CallStarted, PromptRequested, ReplyChunk, TurnCompleted, UserTurnEnded


@pytest.fixture(scope="module")
def redis_url(every_server: str) -> str:
    return every_server


async def test_a_returned_event_is_published_with_its_header_filled_in(bus: TestBus) -> None:
    consumer = Consumer("desk")

    @consumer.on(UserTurnEnded)
    async def prompt(event: UserTurnEnded) -> PromptRequested:
        return PromptRequested(call=event.call, turn=event.turn, agent="reception")

    call = bus.call()
    async with bus.run(consumer):
        (ended,) = await bus.publish(UserTurnEnded(call=call, turn=1, text="hello"))
        await bus.settled()
    (requested,) = await bus.published(PromptRequested)
    assert requested.id == f"{ended.id}.desk.1"
    assert (requested.cause, requested.source, requested.turn) == (ended.id, "desk", 1)
    assert requested.trace.split("-")[1] == call[3:].replace("-", "") == ended.trace.split("-")[1]
    assert requested.at >= ended.at > 0


async def test_events_that_a_generator_yields_are_published_in_order(bus: TestBus) -> None:
    consumer = Consumer("speaking")

    @consumer.on(PromptRequested)
    async def sentences(event: PromptRequested):  # noqa: ANN202
        for index in range(3):
            yield ReplyChunk(call=event.call, text=f"sentence {index}", index=index)

    async with bus.run(consumer):
        await bus.publish(PromptRequested(call=bus.call(), agent="a"))
        await bus.settled()
    assert [chunk.index for chunk in await bus.published(ReplyChunk)] == [0, 1, 2]


async def test_handlers_of_one_call_run_one_after_another_and_calls_do_not_wait_for_each_other(bus: TestBus) -> None:
    consumer = Consumer("mood")
    first, second = bus.call(3), bus.call(3)
    gate, seen = asyncio.Event(), []

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None:
        if event.call == first and event.turn == 1:
            await gate.wait()
        seen.append((event.call, event.turn))
        if event.call == second:
            gate.set()

    async with bus.run(consumer):
        await bus.publish(*(UserTurnEnded(call=first, turn=turn, text="") for turn in (1, 2, 3)))
        await bus.publish(UserTurnEnded(call=second, turn=1, text=""))
        await bus.settled()
    assert seen == [(second, 1), (first, 1), (first, 2), (first, 3)]


async def test_a_concurrent_handler_does_not_hold_up_the_next_event_of_its_call(bus: TestBus) -> None:
    consumer = Consumer("mood")
    gate, seen = asyncio.Event(), []

    @consumer.on(UserTurnEnded, concurrent=True)
    async def slow(event: UserTurnEnded) -> None:
        seen.append("started")
        await gate.wait()
        seen.append("ended")

    @consumer.on(TurnCompleted)
    async def release(event: TurnCompleted) -> None:
        seen.append("next")
        gate.set()

    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(UserTurnEnded(call=call, text=""), TurnCompleted(call=call, agent="a"))
        await bus.settled()
    assert seen == ["started", "next", "ended"]


async def test_an_event_published_before_the_ack_is_stored_when_publish_returns(bus: TestBus) -> None:
    consumer = Consumer("speaking")
    seen = []

    @consumer.on(PromptRequested)
    async def speak(event: PromptRequested, context: Context) -> TurnCompleted:
        await context.publish(ReplyChunk(call=event.call, text="one"))
        seen.extend(await bus.published(ReplyChunk))
        return TurnCompleted(call=event.call, agent="a")

    async with bus.run(consumer):
        (asked,) = await bus.publish(PromptRequested(call=bus.call(), agent="a"))
        await bus.settled()
    assert [chunk.id for chunk in seen] == [f"{asked.id}.speaking.1"]
    assert [done.id for done in await bus.published(TurnCompleted)] == [f"{asked.id}.speaking.2"]


async def test_a_second_attempt_publishes_nothing_twice_and_sees_what_the_first_one_published(bus: TestBus) -> None:
    consumer = Consumer("speaking")
    seen = []

    @consumer.on(PromptRequested)
    async def speak(event: PromptRequested, context: Context) -> TurnCompleted:
        seen.append([chunk.text for chunk in await context.published()])
        await context.publish(ReplyChunk(call=event.call, text="one"))
        await context.publish(ReplyChunk(call=event.call, text="two"))
        if context.attempt < 3:
            message = "the model went away"
            raise RuntimeError(message)
        return TurnCompleted(call=event.call, agent="a")

    async with bus.run(consumer):
        await bus.publish(PromptRequested(call=bus.call(), agent="a"))
        await bus.settled()
    assert [chunk.text for chunk in await bus.published(ReplyChunk)] == ["one", "two"]
    assert len(await bus.published(TurnCompleted)) == 1
    assert seen == [[], ["one", "two"], ["one", "two"]]


async def test_a_second_attempt_may_continue_after_the_events_of_the_first(bus: TestBus) -> None:
    consumer = Consumer("speaking")
    resumed = []

    @consumer.on(PromptRequested)
    async def speak(event: PromptRequested, context: Context) -> TurnCompleted:
        resumed.append([chunk.text for chunk in await context.resume()])
        await context.publish(ReplyChunk(call=event.call, text=f"{context.attempt}"))
        if context.attempt < 3:
            message = "the model went away"
            raise RuntimeError(message)
        return TurnCompleted(call=event.call, agent="a")

    async with bus.run(consumer):
        (asked,) = await bus.publish(PromptRequested(call=bus.call(), agent="a"))
        await bus.settled()
    assert resumed == [[], ["1"], ["1", "2"]]
    chunks = await bus.published(ReplyChunk)
    assert [(chunk.text, chunk.id) for chunk in chunks] == [(f"{n}", f"{asked.id}.speaking.{n}") for n in (1, 2, 3)]
    assert [done.id for done in await bus.published(TurnCompleted)] == [f"{asked.id}.speaking.4"]


async def test_an_attempt_that_publishes_before_it_resumes_skips_no_id(bus: TestBus) -> None:
    consumer = Consumer("speaking")

    @consumer.on(PromptRequested)
    async def speak(event: PromptRequested, context: Context) -> TurnCompleted:
        await context.publish(ReplyChunk(call=event.call, text="one"))
        await context.resume()
        if context.attempt < 3:
            await context.publish(ReplyChunk(call=event.call, text=f"{context.attempt}"))
            message = "the model went away"
            raise RuntimeError(message)
        return TurnCompleted(call=event.call, agent="a")

    async with bus.run(consumer):
        await bus.publish(PromptRequested(call=bus.call(), agent="a"))
        await bus.settled()
    assert [chunk.text for chunk in await bus.published(ReplyChunk)] == ["one", "1", "2"]
    assert len(await bus.published(TurnCompleted)) == 1


async def test_state_is_written_with_the_ack_and_read_by_the_next_handler(bus: TestBus) -> None:
    consumer = Consumer("mood", state="moods")
    seen = []

    @consumer.on(UserTurnEnded)
    async def count(event: UserTurnEnded, context: Context) -> None:
        turns = int(await context.state.get("turns") or 0) + 1
        context.state.set("turns", b"%d" % turns)
        assert await context.state.get("turns") == b"%d" % turns
        if event.turn == 3:
            context.state.delete("gone")
        context.state.set("gone" if event.turn == 1 else "stays", b"x")
        seen.append(await context.state.all())

    call = bus.call(7)
    async with bus.run(consumer):
        await bus.publish(*(UserTurnEnded(call=call, turn=turn, text="") for turn in (1, 2, 3)))
        await bus.settled()
    stored = await bus.bus.redis.hgetall(f"orchestra:{{p07}}:moods:{call}")
    assert stored == {b"turns": b"3", b"stays": b"x"}
    assert seen[1] == {"turns": b"2", "gone": b"x", "stays": b"x"}


async def test_an_event_that_fails_every_attempt_is_a_dead_letter_and_the_call_goes_on(bus: TestBus) -> None:
    consumer = Consumer("mood", max_attempts=2)
    seen = []

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded, context: Context) -> None:
        seen.append((event.turn, context.attempt))
        if event.turn == 1:
            message = "no mood at all"
            raise ValueError(message)

    call = bus.call()
    async with bus.run(consumer):
        await bus.publish(*(UserTurnEnded(call=call, turn=turn, text="") for turn in (1, 2)))
        await bus.settled(allow_dead=True)
        (letter,) = await bus.dead()
    assert seen == [(1, 1), (1, 2), (2, 1)]
    assert (letter.type, letter.call, letter.attempts) == ("user.turn.ended", call, 2)
    assert "no mood at all" in letter.error
    assert "test_consumer.py" in letter.traceback


async def test_a_handler_that_takes_too_long_is_cancelled_and_counted(bus: TestBus) -> None:
    consumer = Consumer("mood", max_attempts=1, handler_timeout_s=0.05)

    @consumer.on(UserTurnEnded)
    async def hang(event: UserTurnEnded) -> None:
        await asyncio.Event().wait()

    async with bus.run(consumer):
        await bus.publish(UserTurnEnded(call=bus.call(), text=""))
        await bus.settled(allow_dead=True)
        (letter,) = await bus.dead()
    assert "took longer than 0.05 s" in letter.error


async def test_an_entry_handler_gets_entries_of_every_type_undecoded(bus: TestBus) -> None:
    consumer = Consumer("keeping", streams=("events", "media"))
    seen = []

    @consumer.on_entry()
    async def keep(entry, context):  # noqa: ANN001, ANN202
        seen.append((entry.stream, entry.type, entry.audio))

    call = bus.call(2)
    async with bus.run(consumer):
        await bus.publish(CallStarted(call=call), AudioChunk(call=call, speaker="caller", offset_ms=0, audio=b"\1\2"))
        await bus.bus.redis.xadd(
            "orchestra:{p02}:events", {"type": "of.tomorrow", "call": call, "id": "x", "body": "{}"}
        )
        await bus.settled()
    assert set(seen) == {
        ("events", "call.started", None),
        ("media", "audio.chunk", b"\1\2"),
        ("events", "of.tomorrow", None),
    }


async def test_an_entry_that_is_not_json_is_a_dead_letter_at_once(bus: TestBus) -> None:
    consumer, seen = Consumer("mood"), []

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None:
        seen.append(event)

    async with bus.run(consumer):
        await bus.bus.redis.xadd(
            "orchestra:{p02}:events", {"type": "user.turn.ended", "call": bus.call(2), "id": "x", "body": "{oops"}
        )
        await bus.settled(allow_dead=True)
        (letter,) = await bus.dead()
    assert (letter.attempts, seen) == (1, [])
    assert "DecodeError" in letter.error


async def test_resources_are_open_while_events_are_handled(bus: TestBus) -> None:
    consumer = Consumer("mood")
    seen = []

    @consumer.lifespan
    @asynccontextmanager
    async def resources(_bus):  # noqa: ANN001, ANN202
        seen.append("open")
        yield
        seen.append("closed")

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None:
        seen.append("handled")

    async with bus.run(consumer):
        await bus.publish(UserTurnEnded(call=bus.call(), text=""))
        await bus.settled()
    assert seen == ["open", "handled", "closed"]


async def test_a_handler_may_use_timeouts_and_task_groups_of_asyncio(bus: TestBus) -> None:
    consumer = Consumer("mood", max_attempts=1)
    seen = []

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            seen.append(f"timeout {event.turn}")
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))

    async with bus.run(consumer):
        call = bus.call()
        await bus.publish(*(UserTurnEnded(call=call, turn=turn, text="") for turn in (1, 2)))
        await bus.publish(UserTurnEnded(call=bus.call(), turn=1, text=""))
        await bus.settled()
    assert sorted(seen) == ["timeout 1", "timeout 1", "timeout 2"]


def test_a_handler_that_the_bus_cannot_run_is_refused_when_it_is_defined() -> None:
    consumer = Consumer("mood")
    with pytest.raises(ConsumerError, match="async def"):
        consumer.on(UserTurnEnded)(print)  # type: ignore[arg-type,return-value]
    with pytest.raises(ConsumerError, match="media stream"):

        @consumer.on(AudioChunk)
        async def listen(event: AudioChunk) -> None: ...

    with pytest.raises(ConsumerError, match="arguments"):

        @consumer.on(UserTurnEnded)
        async def many(event: UserTurnEnded, context: Context, more: int) -> None: ...

    with pytest.raises(ConsumerError, match="name"):
        Consumer("a mood")
