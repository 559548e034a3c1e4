import asyncio
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestra import Consumer, Context
from orchestra.bus import Bus, Entry
from orchestra.recordings import recorder
from orchestra.replay.checkpoint import parse_position
from orchestra.replay.pace import Pace
from orchestra.replay.replay import Replay
from orchestra.replay.selection import Selection
from orchestra.replay.targets.consumer import ConsumerResult, consumer_target
from orchestra.replay.targets.stream_writer import StreamWriter
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import (
    AgentChanged,
    AudioChunk,
    CallEnded,
    CallStarted,
    Event,
    PromptCompleted,
    ReplyInterrupted,
    ToolCompleted,
    TurnMeasured,
    UserTurnEnded,
    tag_of,
)
from orchestra_workers.persistence import consumer as persistence
from tests.replay.scratch_consumers import TemperScored, mood_consumer, turns_of


async def record(bus: TestBus, consumer: Consumer, *events: Event) -> None:
    """A live run of the consumer, event by event as they come from an edge."""
    async with bus.run(consumer):
        for event in events:
            await bus.publish(event)
            await bus.settled()


def replay(settings: Settings, selection: Selection | None = None, source: str = "auto") -> Replay:
    said: list[str] = []
    return Replay(
        settings=settings,
        selection=selection or Selection(),
        source=source,
        pace=Pace(None),
        stop=asyncio.Event(),
        on_warning=said.append,
    )


async def replayed(settings: Settings, consumer: Consumer, folder: Path) -> ConsumerResult:
    async with consumer_target(consumer, settings, folder, patience_s=10.0) as scratch:
        await replay(settings).into(scratch)
        return await scratch.result()


async def test_a_consumer_that_has_not_changed_publishes_the_same(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    for _ in range(3):
        await record(bus, mood_consumer(), *turns_of(bus.call()))
    outcome = await replayed(settings, mood_consumer(), tmp_path / "scratch")
    assert outcome.agrees
    assert len(outcome.outputs.of("same")) == 3 * 4


async def test_a_changed_output_is_shown_by_its_field_and_its_followers_see_what_was_recorded(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    await record(bus, mood_consumer(), *turns_of(bus.call()))
    outcome = await replayed(settings, mood_consumer("bad"), tmp_path / "scratch")
    changed = outcome.outputs.of("changed")
    assert [
        (each.entry.type, each.changes[0].field, each.changes[0].recorded, each.changes[0].candidate)
        for each in changed
    ] == [("temper.scored", "mood", '"good"', '"bad"')] * 3
    assert [each.entry.type for each in outcome.outputs.of("same")] == ["temper.summed"]  # made of the recorded scores
    assert not outcome.agrees


async def test_a_missing_output_is_found_at_once_and_its_followers_see_what_was_recorded(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    await record(bus, mood_consumer(), *turns_of(bus.call(), turns=20))
    outcome = await asyncio.wait_for(replayed(settings, mood_consumer(silent=True), tmp_path / "scratch"), 20)
    assert len(outcome.outputs.of("missing")) == 20
    assert [each.entry.type for each in outcome.outputs.of("same")] == ["temper.summed"]


async def test_a_new_output_is_reported_and_not_handled(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    await record(bus, mood_consumer(), *turns_of(bus.call()))
    outcome = await replayed(settings, mood_consumer(also=True), tmp_path / "scratch")
    assert len(outcome.outputs.of("new")) == 3
    assert [each.entry.type for each in outcome.outputs.of("same")] == ["temper.scored"] * 3 + ["temper.summed"]


async def test_a_failing_handler_leaves_a_dead_letter_in_the_result(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    await record(bus, mood_consumer(), *turns_of(bus.call(), turns=1))
    broken = Consumer("mood", max_attempts=1)

    @broken.on(UserTurnEnded)
    async def score(event: UserTurnEnded) -> TemperScored:
        raise ValueError(event.text)

    outcome = await replayed(settings, broken, tmp_path / "scratch")
    assert [(letter.type, letter.error) for letter in outcome.dead] == [("user.turn.ended", "ValueError('words 1')")]
    assert not outcome.agrees


async def test_a_handler_that_waits_for_a_later_event_gets_it_after_the_patience(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    """The output is recorded before the event that its handler waits for now: patience, then the rest."""
    await record(bus, mood_consumer(), *turns_of(bus.call(), turns=1))
    ended, waiting = asyncio.Event(), Consumer("mood")

    @waiting.on(UserTurnEnded, concurrent=True)
    async def score(event: UserTurnEnded) -> TemperScored:
        await ended.wait()
        return TemperScored(call=event.call, turn=event.turn, mood="good")

    @waiting.on(CallEnded)
    async def end(event: CallEnded) -> None:
        ended.set()

    async with consumer_target(waiting, settings, tmp_path / "scratch", patience_s=0.3) as scratch:
        await replay(settings).into(scratch)
        outcome = await scratch.result()
    assert [each.entry.type for each in outcome.outputs.of("same")] == ["temper.scored"]
    assert outcome.unfinished == 0


async def session(bus: Bus, call: str) -> bytes:
    """Every byte of the record; a hash has no order of its own."""
    fields = await bus.redis.hgetall(bus.key(call, "call", call))
    return b"\n".join(name + b" " + value for name, value in sorted(fields.items()))


def whole_call(call: str) -> list[Event]:
    samples = (700).to_bytes(2, "little") * 1600
    return [
        CallStarted(call=call, from_number="+15550001", app="parcels"),
        AgentChanged(call=call, agent="reception"),
        AudioChunk(call=call, speaker="caller", offset_ms=0, audio=samples),
        UserTurnEnded(call=call, turn=1, text="where is my parcel"),
        PromptCompleted(call=call, turn=1, request="p", prompt_tokens=70, completion_tokens=7, model="offline"),
        ToolCompleted(call=call, turn=1, request="t", name="find_parcel", failed=True),
        ReplyInterrupted(call=call, turn=1, heard="Your parcel"),
        TurnMeasured(call=call, turn=1, total_ms=612.5),
        UserTurnEnded(call=call, turn=2, text="thank you"),
        TurnMeasured(call=call, turn=2, total_ms=433.1),
        CallEnded(call=call, turn=2, reason="caller_hung_up", duration_s=12.0, audio_ms=200),
    ]


async def test_session_records_rebuilt_by_replay_are_byte_identical(
    bus: TestBus, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "_LAST_AUDIO_WITHIN_S", 0.3)  # the archive has no audio to wait for
    calls = [bus.call() for _ in range(3)]
    await record(bus, persistence, *(event for call in calls for event in whole_call(call)))
    live = {call: await session(bus.bus, call) for call in calls}
    assert all(b"\nrecording file://" in record for record in live.values())

    journal_alone, with_audio = Selection(), Selection(streams=("events", "media"))
    for number, selection in enumerate((journal_alone, with_audio)):
        folder = tmp_path / f"scratch{number}"
        async with consumer_target(persistence, settings, folder, clock="then", patience_s=8.0) as scratch:
            await replay(settings, selection).into(scratch)
            assert {call: await session(scratch.bus, call) for call in calls} == live


async def test_a_resumed_replay_reports_on_everything(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    for _ in range(3):
        await record(bus, mood_consumer(), *turns_of(bus.call()))
    first, count = replay(settings), 0

    def stop_within(_: Entry) -> None:
        nonlocal count
        count += 1
        if count == 11:
            first.stop.set()

    async with consumer_target(mood_consumer(), settings, tmp_path / "scratch", patience_s=20.0) as scratch:
        stopped = await dataclasses.replace(first, progress=stop_within).into(scratch)
    assert (stopped.stopped, stopped.entries) == (True, 11)
    rest = dataclasses.replace(replay(settings), after=parse_position(stopped.token))
    async with consumer_target(mood_consumer(), settings, tmp_path / "scratch", patience_s=20.0) as scratch:
        done = await rest.into(scratch)
        outcome = await scratch.result()
    assert done.entries == 3 * 9 - 11
    assert (outcome.agrees, len(outcome.outputs.of("same"))) == (True, 12)


async def test_a_flush_waits_for_entries_that_a_slow_server_has_not_taken_yet(
    bus: TestBus, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = bus.call()
    await record(bus, mood_consumer(), *turns_of(call))
    write = StreamWriter.write
    first = replay(settings)

    async def write_late(writer: StreamWriter, entries: Sequence[Entry]) -> None:
        await asyncio.sleep(0.3)  # the server's answer
        await write(writer, entries)

    def stop_at_first_turn(entry: Entry) -> None:
        if entry.type == tag_of(UserTurnEnded):
            first.stop.set()

    monkeypatch.setattr(StreamWriter, "write", write_late)
    async with consumer_target(mood_consumer(), settings, tmp_path / "scratch", patience_s=20.0) as scratch:
        await dataclasses.replace(first, progress=stop_at_first_turn).into(scratch)
        assert [type(event) for event in await scratch.bus.journal(call)] == [CallStarted, UserTurnEnded, TemperScored]


async def test_a_consumer_of_raw_entries_sees_each_recorded_one_once(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    def counting(seen: list[str]) -> Consumer:
        consumer = Consumer("count")

        @consumer.on_entry()
        async def count(entry: Entry, context: Context) -> TemperScored | None:
            seen.append(entry.id)
            return TemperScored(call=entry.call) if entry.type == "user.turn.ended" else None

        return consumer

    live, again = list[str](), list[str]()
    await record(bus, counting(live), *turns_of(bus.call()))
    outcome = await replayed(settings, counting(again), tmp_path / "scratch")
    assert outcome.agrees
    assert sorted(again) == sorted(live)
    assert len(again) == 5 + 3


async def test_deleted_entries_are_reported_and_the_rest_is_replayed(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    call = bus.call(5)
    await record(bus, mood_consumer(), *turns_of(call, turns=4))
    second = [entry async for entry in bus.bus.entries(5, "events") if entry.type == "user.turn.ended"][1]
    await bus.bus.redis.xdel(bus.bus.key(5, "events"), second.stream_id)
    said: list[str] = []
    async with consumer_target(mood_consumer(), settings, tmp_path / "scratch", patience_s=2.0) as scratch:
        await dataclasses.replace(replay(settings), on_warning=said.append).into(scratch)
        outcome = await scratch.result()
    missed = second.id.removeprefix(f"{call}:")
    assert said == [
        f"{call}: event {missed} is missing before temper.scored",
        f"{call}: turn 2 is missing before turn 3",
    ]
    assert (len(outcome.outputs.of("same")), outcome.outputs.unasked, outcome.agrees) == (4, 1, True)


async def test_only_events_of_the_selected_types_are_fed(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    await record(bus, mood_consumer(), *turns_of(bus.call()))
    folder = tmp_path / "scratch"
    async with consumer_target(mood_consumer(), settings, folder, patience_s=2.0, types=["user.turn.ended"]) as scratch:
        await replay(settings).into(scratch)
        outcome = await scratch.result()
    assert [each.entry.type for each in outcome.outputs.of("same")] == ["temper.scored"] * 3
    assert (outcome.outputs.unasked, outcome.agrees) == (1, True)


async def test_the_position_is_kept_while_a_replay_runs(bus: TestBus, settings: Settings) -> None:
    (*_, before, _) = await bus.publish(*turns_of(bus.call()))
    kept: list[str] = []
    settled: list[str] = []

    class Target:
        async def already_taken(self, entry: Entry) -> None:
            raise AssertionError(entry)

        async def take(self, entry: Entry) -> None:
            settled.append(entry.id)

        async def flush(self) -> None:
            settled.append("settled")

    await dataclasses.replace(replay(settings), keep=kept.append, keep_each_s=0.0).into(Target())
    assert settled[1::2] == ["settled"] * 5
    again = dataclasses.replace(
        replay(settings), after=parse_position(kept[-2]), progress=lambda entry: kept.append(entry.id)
    )
    Target.already_taken = Target.take  # type: ignore[method-assign]
    assert (await again.into(Target())).entries == 1
    assert kept[-1] != before.id
