import shutil
from pathlib import Path

import pytest

from orchestra.bus import Consumer, Entry
from orchestra.bus.stream.encode import encode_event
from orchestra.cli.replay.run import ReplayRun
from orchestra.cli.replay.run_target import replay_into_open
from orchestra.replay.checkpoint import Checkpoint
from orchestra.replay.selection import Selection
from orchestra.replay.targets.consumer import consumer_target
from orchestra.replay.targets.output_diff import IGNORED, Change, OutputDiffs, cause_of, compare
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import Event, Message, PromptRequested, RecordingSaved, ReplyChunk, TurnCompleted
from tests.replay.scratch_consumers import mood_consumer, turns_of

CALL = "07-0199a0b4-c0de-7000-8000-00000000aaaa"
ASKED = f"{CALL}:edge.1"
OUTPUT = f"{ASKED}.mood.1"


def by_id(*events: Event) -> dict[str, Entry]:
    found = {}
    for event in events:
        encoded = encode_event(event)
        found[event.id] = Entry("1-0", 7, encoded.stream, encoded.type.decode(), CALL, encoded.id, encoded.body)
    return found


def compared(recorded: dict[str, Entry], candidate: dict[str, Entry], *more: str) -> OutputDiffs:
    return compare(recorded, candidate, asked=lambda cause: cause == ASKED, group="mood", ignored=IGNORED | set(more))


@pytest.mark.parametrize(
    ("event_id", "cause"),
    [
        (OUTPUT, ASKED),
        (f"{CALL}:edge-1.2.orchestration.3.mood.12", f"{CALL}:edge-1.2.orchestration.3"),
        (f"{CALL}:edge.1.moody.1", None),
        (f"{CALL}:edge.1.mood", None),
        (f"{CALL}:mood-1a2b.4", None),  # a producer of that name, not its handlers
        ("", None),
    ],
)
def test_an_event_id_tells_the_group_and_the_cause(event_id: str, cause: str | None) -> None:
    assert cause_of(event_id, "mood") == cause


def test_the_location_and_length_of_a_recording_are_not_compared() -> None:
    recorded = RecordingSaved(call=CALL, id=OUTPUT, url="s3://bucket/calls/a.wav", duration_s=12.5)
    candidate = RecordingSaved(call=CALL, id=OUTPUT, url="file:///scratch/a.wav", duration_s=0.0, missing_ms=12_500)
    assert compared(by_id(recorded), by_id(candidate)).agree
    other = RecordingSaved(call=CALL, id=OUTPUT, url="file:///scratch/a.wav", duration_s=0.0, sample_rate=16_000)
    assert not compared(by_id(recorded), by_id(other)).agree


def test_fields_that_differ_are_named_by_their_path() -> None:
    said = [Message(role="system", content="Be brief."), Message(role="user", content="hello")]
    recorded = PromptRequested(
        call=CALL, id=OUTPUT, agent="desk", messages=tuple(said), at=1.0, deadline=9.0, version="1"
    )
    candidate = PromptRequested(
        call=CALL, id=OUTPUT, agent="desk", messages=(said[0],), at=5.0, deadline=3.0, version="2"
    )
    (output,) = compared(by_id(recorded), by_id(candidate)).all
    assert output.verdict == "changed"
    assert output.changes == (Change("messages[1]", '{"role":"user","content":"hello"}', ""),)
    assert compared(by_id(recorded), by_id(candidate), "messages").agree


def test_an_event_of_another_type_is_one_difference() -> None:
    recorded, candidate = (
        TurnCompleted(call=CALL, id=OUTPUT, agent="a", text="x"),
        ReplyChunk(call=CALL, id=OUTPUT, text="y"),
    )
    (output,) = compared(by_id(recorded), by_id(candidate)).all
    assert output.changes == (Change("type", "turn.completed", "reply.chunk"),)


def test_an_output_without_a_recorded_cause_is_not_missing() -> None:
    elsewhere = ReplyChunk(call=CALL, id=f"{CALL}:edge.7.mood.1", text="x")
    found = compared(by_id(elsewhere), {})
    assert (found.all, found.unasked, found.agree) == ([], 1, True)


def test_a_recorded_output_that_is_damaged_differs_as_a_whole() -> None:
    recorded = {OUTPUT: Entry("1-0", 7, "events", "reply.chunk", CALL, OUTPUT, b'{"type":"rep')}
    (output,) = compared(recorded, by_id(ReplyChunk(call=CALL, id=OUTPUT, text="y"))).all
    assert [change.field for change in output.changes] == ["body"]


async def test_differences_are_printed_and_decide_the_exit_code(
    bus: TestBus, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with bus.run(mood_consumer("a long way down, and then some more, and more: good")):
        await bus.publish(*turns_of(bus.call()))
        await bus.settled()
    run = ReplayRun(
        settings=settings, selection=Selection(), source="journal", speed=None, token="",
        checkpoint=Checkpoint(tmp_path, {}),
    )  # fmt: skip

    async def compared(candidate: Consumer, *ignored: str) -> int:
        shutil.rmtree(tmp_path / "scratch", ignore_errors=True)
        fields = IGNORED | set(ignored)
        target = consumer_target(candidate, settings, tmp_path / "scratch", patience_s=2.0, ignored=fields)
        return await replay_into_open(run, target, durable=False)

    assert await compared(mood_consumer("a long way down, and then some more, and more: good")) == 0
    assert "= temper.summed" in capsys.readouterr().out
    other = mood_consumer("a long way down, and then some more, and more: bad")
    assert await compared(other) == 1
    told = capsys.readouterr().out
    assert told.count("≠ temper.scored") == 3
    assert "recorded   …ome more, and more: good" in told
    assert await compared(other, "mood") == 0
    capsys.readouterr()
    other.name = other.state = "newcomer"
    assert await compared(other) == 0
    assert "there is nothing to compare with" in capsys.readouterr().err
