import asyncio
import json
from pathlib import Path

import msgspec
import pytest
from rich.text import Text
from typer.testing import CliRunner, Result

from orchestra.archive.archive import Archive
from orchestra.bus import Entry
from orchestra.bus.keys import started_ms
from orchestra.cli import app
from orchestra.cli.calls.show import latency_bar
from orchestra.errors import UsageError
from orchestra.storage.call_records import index_call
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    LanguageChanged,
    PromptCompleted,
    ReplyInterrupted,
    ReplySpoken,
    SpeechMetered,
    ToolRequested,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
    tag_of,
)

CALL = "07-0199a0b4-c0de-7000-8000-00000000aaaa"
EVENTS = (
    CallStarted(call=CALL, at=1000.0, from_number="+15550001"),
    ReplySpoken(call=CALL, text="Welcome.", at=1001.0),
    UserTurnEnded(call=CALL, turn=1, text="where is it", at=1003.0, speech_ended_at=1002.5),
    ToolRequested(call=CALL, turn=1, agent="tracking", name="find", at=1003.1),
    PromptCompleted(call=CALL, turn=1, request="r", model="big", prompt_tokens=50, completion_tokens=7, at=1003.2),
    SpeechMetered(call=CALL, turn=1, stt="deepgram", stt_s=3.0, tts="elevenlabs", tts_characters=40, at=1003.4),
    TurnMeasured(call=CALL, turn=1, turn_end_ms=500, routing_ms=100, first_token_ms=200, tts_ms=200, total_ms=1000),
    ReplyInterrupted(call=CALL, turn=1, heard="It is", at=1004.0),
    UserTurnEnded(call=CALL, turn=2, text="never mind", at=1006.0, speech_ended_at=1005.5),
    TurnMeasured(call=CALL, turn=2, turn_end_ms=500, total_ms=500),
    ReplySpoken(call=CALL, turn=2, text="Good-bye.", at=1008.0),
    CallEnded(call=CALL, turn=2, reason="agent_hung_up", duration_s=9.0, at=1009.0),
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    run = tmp_path / "demo-runs" / "2026-11-22-100000"
    run.mkdir(parents=True)
    (run / "journal.jsonl").write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in EVENTS))
    return tmp_path


def test_a_kept_demo_call_is_listed_without_a_server(home: Path) -> None:
    told = CliRunner().invoke(app, ["calls", "list", "--json"])
    (record,) = [json.loads(line) for line in told.stdout.splitlines()]
    assert (record["call"], record["turns"], record["mean_ms"], record["prompt_tokens"]) == (CALL, 2, 750.0, 50)
    table = CliRunner().invoke(app, ["calls", "list"]).stdout
    assert CALL in table
    assert "750 ms" in table


def archived(home: Path, call: str, text: str) -> None:
    """Put a call into the archive only."""
    events = [
        CallStarted(call=call, id=f"{call}:e.1", at=started_ms(call) / 1000, from_number="+15550002"),
        UserTurnEnded(call=call, id=f"{call}:e.2", turn=1, text=text, at=2001.0),
        CallEnded(call=call, id=f"{call}:e.3", turn=1, reason="caller_hung_up", duration_s=4.0, at=2004.0),
    ]
    entries = [
        Entry(f"{started_ms(call) + n}-0", int(call[:2]), "events", tag_of(type(event)), call, event.id,
              msgspec.json.encode(event))
        for n, event in enumerate(events)
    ]  # fmt: skip
    Archive(str(home / "archive")).write("j", entries)


def test_calls_of_which_only_the_archive_knows_are_listed_too_the_latest_first(home: Path) -> None:
    day, first = 86_400_000, started_ms(CALL)
    later = [
        f"03-{(first + n * day) >> 16:08x}-{(first + n * day) & 0xFFFF:04x}-7000-8000-00000000000{n}" for n in (1, 2)
    ]
    for call in later:
        archived(home, call, f"words of {call[-1]}")
    told = CliRunner().invoke(app, ["calls", "list", "--json"])
    records = [json.loads(line) for line in told.stdout.splitlines()]
    assert [record["call"] for record in records] == [later[1], later[0], CALL]
    assert [record["from_number"] for record in records] == ["+15550002", "+15550002", "+15550001"]
    limited = CliRunner().invoke(app, ["calls", "list", "--json", "--limit", "1"])
    (record,) = [json.loads(line) for line in limited.stdout.splitlines()]
    assert (record["call"], record["status"], record["turns"]) == (later[1], "ended", 1)
    shown = CliRunner().invoke(app, ["calls", "show", later[0]]).stdout
    assert "words of 1" in shown


@pytest.mark.parametrize("wanted", [CALL, "07-0199", "aaaa"])
def test_a_call_is_told_with_a_bar_for_every_turn(home: Path, wanted: str) -> None:
    told = CliRunner().invoke(app, ["calls", "show", wanted]).stdout
    assert "where is it" in told
    assert "interrupted by the caller" in told
    assert "50 + 7 tokens" in told
    bars = [line.strip() for line in told.splitlines() if line.strip().startswith("eee")]
    assert bars[0].endswith("1,000 ms")
    assert bars[1].endswith("500 ms")
    assert bars[0].count("e") == bars[1].count("e") == 24


def test_a_call_tells_which_version_and_model_answered_and_where_a_reload_came(tmp_path: Path) -> None:
    old, new = "0.1.0+aaaaaaaaaaaa", "0.1.0+bbbbbbbbbbbb"
    journal = tmp_path / "journal.jsonl"
    reloaded = (
        CallStarted(call=CALL, at=1000.0, version=old),
        TurnCompleted(call=CALL, turn=1, agent="a", text="One.", model="offline", version=old, at=1001.0),
        TurnCompleted(
            call=CALL,
            turn=2,
            agent="a",
            text="Two.",
            model="gpt",
            parameters={"temperature": 0.2},
            version=new,
            at=1002.0,
        ),
    )
    journal.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in reloaded))
    told = CliRunner().invoke(app, ["calls", "show", str(journal)]).stdout
    assert f"version {old}, model offline\n" in told
    assert f"from turn 2 on version {new}, model gpt (temperature=0.2)\n" in told


def test_what_a_call_has_used_and_cost_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = " ".join(CliRunner().invoke(app, ["calls", "show", CALL]).stdout.split())
    assert "used: big 50 + 7 tokens, stt deepgram 3.0 s, tts elevenlabs 40 characters, line 9.0 s" in plain
    assert "cost:" not in plain
    monkeypatch.setenv("ORCHESTRA_PRICES", '{"stt_per_minute": {"deepgram": 0.6}, "call_per_minute": 0.2}')
    priced = " ".join(CliRunner().invoke(app, ["calls", "show", CALL]).stdout.split())
    assert "cost: 0.0600 USD (models 0.0000, stt 0.0300, tts 0.0000, line 0.0300; without a price: big," in priced


def test_a_call_is_told_in_which_languages_it_was_held_whatever_stands_for_one(home: Path) -> None:
    (journal,) = home.glob("demo-runs/*/journal.jsonl")
    codes = ["es-MX", "pl", "x" * 30_000, "[red]<b>", "", "\x1b[31m"]
    changes = [LanguageChanged(call=CALL, language=code, at=1002.0 + n) for n, code in enumerate(codes)]
    events = [*EVENTS[:2], *changes, *EVENTS[2:]]
    journal.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    told = CliRunner().invoke(app, ["calls", "show", CALL])
    assert told.exit_code == 0, told.output
    written = " ".join(told.stdout.split())
    assert f"in English, then Spanish, then Polish, then {'x' * 40}…, then [red]<b>, then , then" in written
    assert "\x1b" not in told.stdout
    assert "where is it" in written


def test_a_call_that_is_not_kept_is_a_clear_error(home: Path) -> None:
    with pytest.raises(UsageError, match="no recorded call matches '07-nothing'"):
        CliRunner().invoke(app, ["calls", "show", "07-nothing"], catch_exceptions=False, standalone_mode=False)


def test_the_stages_of_a_bar_are_as_long_as_their_share() -> None:
    bar = latency_bar(TurnMeasured(call=CALL, turn_end_ms=250, routing_ms=250, first_token_ms=500), 2000.0, width=40)
    assert isinstance(bar, Text)
    assert bar.plain == "eeeee" + "rrrrr" + "mmmmmmmmmm"


async def test_a_call_whose_journal_is_gone_is_shown_by_its_record(
    bus: TestBus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ORCHESTRA_REDIS_URL", bus.bus.url)
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    calls = [bus.call(7), bus.call(7)]
    for call in calls:
        await index_call(bus.bus, call, 3600)
        await bus.bus.redis.hset(bus.bus.key(call, "call", call), mapping={"from_number": "+15550001", "turns": 3})

    async def orchestra(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, arguments)

    listed = (await orchestra("calls", "list")).stdout
    assert all(call in listed for call in calls)
    for named in (calls[0], calls[0][-12:]):
        told = (await orchestra("calls", "show", named)).stdout
        assert "from +15550001" in told
        assert "the conversation is gone with the journal" in told
    assert "2 calls begin or end with '07-'" in str((await orchestra("calls", "show", "07-")).exception)
