import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.errors import ConsumerError, ServerError, UsageError
from orchestra.history.reduce import history_of
from orchestra.history.views.timeline import timeline
from orchestra.history.views.transcript import json_lines
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    Event,
    ReplyInterrupted,
    ReplySpoken,
    ToolCompleted,
    ToolRequested,
    TurnMeasured,
    UserSpeechStarted,
    UserTurnEnded,
)
from tests.replay.scratch_consumers import mood_consumer, turns_of

CALL = "07-0199a0b4-c0de-7000-8000-00000000aaaa"
OTHER = "07-0199a0b4-c0de-7000-8000-00000000bbbb"


def call_of(call: str, began_at: float = 1000.0) -> list[Event]:
    at = began_at
    return [
        CallStarted(call=call, id=f"{call}:e.1", at=at, from_number="+15550001"),
        AgentChanged(call=call, id=f"{call}:e.1.orchestration.1", cause=f"{call}:e.1", at=at + 0.1, agent="desk"),
        ReplySpoken(call=call, id=f"{call}:e.2", text="Welcome.", at=at + 1),
        UserSpeechStarted(call=call, id=f"{call}:e.3", turn=1, at=at + 2),
        UserTurnEnded(call=call, id=f"{call}:e.4", turn=1, text="where is it", at=at + 3.5, speech_ended_at=at + 3),
        ToolRequested(call=call, id="t", turn=1, agent="desk", name="find", arguments='{"number":"4"}', at=at + 3.6),
        ToolCompleted(call=call, turn=1, request="t", name="find", result="It is here.", duration_ms=8, at=at + 3.7),
        TurnMeasured(call=call, id=f"{call}:e.5", turn=1, total_ms=1000, at=at + 4.1),
        ReplyInterrupted(call=call, id=f"{call}:e.6", turn=1, heard="It is", at=at + 5),
        CallEnded(call=call, id=f"{call}:e.7", reason="caller_hung_up", duration_s=6.0, at=at + 6),
    ]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    return tmp_path


def file_of(folder: Path, *events: Event) -> str:
    path = folder / "calls.jsonl"
    path.write_bytes(json_lines(events))
    return str(path)


def replay(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["replay", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_a_conversation_is_shown_in_the_order_in_which_it_was_heard() -> None:
    assert [(line.at_s, line.who, line.what) for line in timeline(history_of(call_of(CALL)))] == [
        (0.0, "", f"call {CALL} from +15550001"),
        (0.0, "greeting", "Welcome."),
        (pytest.approx(0.1), "", "desk takes the call"),
        (2.0, "caller", "where is it"),
        (pytest.approx(3.7), "", 'find(number="4") → It is here. [8 ms]'),
        (4.0, "desk", "It is"),
        (5.0, "", "interrupted after “… It is”"),
        (6.0, "", "call ended after 6.0 s: caller hung up"),
    ]


def test_calls_are_printed_one_after_the_other(home: Path) -> None:
    mixed = [event for pair in zip(call_of(CALL), call_of(OTHER, 1000.5), strict=True) for event in pair]
    code, told, _ = replay("--source", file_of(home, *mixed))
    first, second = told.split("\n\n")
    assert code == 0
    assert (CALL in first, OTHER in second, CALL in second) == (True, True, False)
    assert "where is it" in first


def test_a_conversation_can_start_after_a_second(home: Path) -> None:
    _, told, _ = replay("--source", file_of(home, *call_of(CALL)), "--from", f"{CALL}@3.9")
    assert "where is it" not in told
    assert "interrupted after" in told


def test_printed_lines_can_be_replayed(home: Path) -> None:
    source = file_of(home, *call_of(CALL))
    _, lines, _ = replay("--source", source, "--json")
    (home / "again.jsonl").write_text(lines)
    assert replay("--source", str(home / "again.jsonl"), "--json")[1] == lines
    events = [json.loads(line)["event"]["type"] for line in lines.splitlines()]
    assert (len(events), events[0], events[-1]) == (10, "call.started", "call.ended")


def test_a_gap_is_reported_where_it_is_and_the_rest_is_replayed(home: Path) -> None:
    events = call_of(CALL)
    del events[0]
    source = file_of(home, *events)
    code, told, _ = replay("--source", source)
    assert code == 0
    assert told.index("its beginning is missing") < told.index("where is it")
    code, lines, said = replay("--source", source, "--json")
    assert (code, len(lines.splitlines())) == (0, 9)
    assert "its beginning is missing; the first event that is left is agent.changed" in said


def test_a_running_call_is_replayed_up_to_its_last_event(home: Path) -> None:
    _, told, _ = replay("--source", file_of(home, *call_of(CALL)[:-1]))
    assert told.rstrip().endswith("still running, or its end is missing")


def test_an_event_type_of_a_later_version_is_named_and_kept(home: Path) -> None:
    later = b'{"type":"sky.painted","call":"%s","id":"x","at":1002.5,"hue":"blue"}\n' % CALL.encode()
    path = home / "later.jsonl"
    path.write_bytes(json_lines(call_of(CALL)[:5]) + later + json_lines(call_of(CALL)[5:]))
    assert "not known here: sky.painted" in replay("--source", str(path))[1]
    assert '"hue":"blue"' in replay("--source", str(path), "--json")[1]


def test_a_damaged_line_is_named_by_its_number(home: Path) -> None:
    path = home / "damaged.jsonl"
    lines = json_lines(call_of(CALL)).splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b"\x00\xff{half\n", *lines[3:]]))
    code, told, said = replay("--source", str(path))
    assert code == 0
    assert "line 4 is not an event and is left out" in said
    assert "where is it" in told


def test_a_call_of_ten_thousand_turns_is_replayed(home: Path) -> None:
    events: list[Event] = [CallStarted(call=CALL, id=f"{CALL}:e.0", at=1000.0)]
    for turn in range(1, 10_001):
        at, ident = 1000.0 + turn * 5, f"{CALL}:e.{turn}"
        events.append(UserTurnEnded(call=CALL, id=ident, turn=turn, text=f"words {turn}", at=at, speech_ended_at=at))
        events.append(ReplySpoken(call=CALL, id=f"{ident}r", turn=turn, text="Yes.", at=at + 2))
    lines = timeline(history_of(events))
    assert [line.what for line in lines if line.who == "caller"] == [f"words {turn}" for turn in range(1, 10_001)]
    assert len(replay("--source", file_of(home, *events), "--json")[1].splitlines()) == 20_001


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["--speed", "fast"], UsageError, "is not a valid speed"),
        (["--speed", "0"], UsageError, "is not a valid speed"),
        (["--since", "soon"], UsageError, "is not a valid time"),
        (["--from", "there", "--json"], UsageError, "is not a position in a replay"),
        (["--from", "there"], UsageError, "is not a position in a conversation"),
        (["--from", f"{OTHER}@1"], UsageError, "is not among the selected ones"),
        (["--call", "nobody"], UsageError, "no recorded call matches 'nobody'"),
        (["--type", "SkyPainted", "--json"], UsageError, "no recorded event is selected"),
        (["--into", "nothing.here:consumer"], ConsumerError, "there is no module 'nothing.here'"),
        (["--into", "orchestra.settings:Settings"], ConsumerError, "must be an orchestra.Consumer"),
        (["--into", "redis://127.0.0.1:1"], ServerError, "cannot be used"),
        (["--into", "gopher://there"], ServerError, "cannot read the Redis URL"),
        (["--resume", "--from", "1-0@07:events"], UsageError, "use one of them"),
    ],
)
def test_a_wrong_option_is_explained_in_one_line(
    home: Path, arguments: list[str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as told:
        replay("--source", file_of(home, *call_of(CALL)), *arguments)
    assert "\n" not in str(told.value)


@pytest.mark.integration
async def test_a_replay_through_a_consumer_has_an_exit_code_for_ci(bus: TestBus, settings: Settings) -> None:
    async with bus.run(mood_consumer()):
        await bus.publish(*turns_of(bus.call()))
        await bus.settled()
    place = "tests.replay.scratch_consumers"
    same, changed = await asyncio.gather(
        command(settings, "replay", "--into", f"{place}:consumer"),
        command(settings, "replay", "--into", f"{place}:grumpy", "--json"),
    )
    assert (same[0], changed[0]) == (0, 1)
    assert [line.split() for line in same[1].splitlines()[-2:]] == [
        ["temper.scored", "3", "0", "0", "0"],
        ["temper.summed", "1", "0", "0", "0"],
    ]
    verdicts = [json.loads(line) for line in changed[1].splitlines()]
    assert [line["verdict"] for line in verdicts] == ["changed", "changed", "changed", "same"]
    assert verdicts[0]["changes"] == [{"field": "mood", "recorded": '"good"', "candidate": '"bad"'}]
    assert not list((settings.data_dir / "replay").iterdir())  # nothing is left of a run that is finished


@pytest.mark.integration
async def test_ctrl_c_stops_a_replay_and_resume_continues_it(bus: TestBus, settings: Settings) -> None:
    call = bus.call()
    for event in turns_of(call, turns=30):
        await bus.publish(event)
    first = await started(settings, "replay", "--json", "--speed", "0.005")
    assert first.stdout is not None
    printed = [await asyncio.wait_for(first.stdout.readline(), 30)]
    first.send_signal(signal.SIGINT)
    rest, said = await asyncio.wait_for(first.communicate(), 30)
    printed += rest.splitlines()
    assert first.returncode == 130
    assert b"continue with --resume, or --from " in said
    assert 0 < len(printed) < 32
    code, lines, _ = await command(settings, "replay", "--json", "--resume", "--speed", "max")
    assert code == 0
    _, whole, _ = await command(settings, "replay", "--json", "--resume")  # it was finished: from the beginning
    assert (
        b"\n".join(line.rstrip() for line in printed).decode().splitlines() + lines.splitlines() == whole.splitlines()
    )


async def started(settings: Settings, *arguments: str) -> asyncio.subprocess.Process:
    environment = {
        **os.environ,
        "ORCHESTRA_DATA_DIR": str(settings.data_dir),
        "ORCHESTRA_REDIS_URL": settings.redis_url or "",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestra.cli", *arguments, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def command(settings: Settings, *arguments: str) -> tuple[int | None, str, str]:
    process = await started(settings, *arguments)
    out, said = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), said.decode()
