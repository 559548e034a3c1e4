import json
import os
import stat
import wave
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.errors import UsageError
from orchestra.history.reduce import history_of
from orchestra.history.views.transcript import json_lines, webvtt
from orchestra.recordings.locate import recording_file, trim_start
from orchestra.recordings.wav import Recording
from orchestra.replay.search import find_words
from orchestra.replay.selection import Selection
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import (
    AudioChunk,
    CallEnded,
    CallStarted,
    Event,
    RecordingSaved,
    ReplyInterrupted,
    ReplySpoken,
    TurnMeasured,
    UserTurnEnded,
)

CALL = "07-0199a0b4-c0de-7000-8000-00000000aaaa"


def call_of(call: str, *, url: str = "") -> list[Event]:
    events: list[Event] = [
        CallStarted(call=call, at=1000.0, from_number="+15550001"),
        ReplySpoken(call=call, text="Welcome.", at=1001.0),
        UserTurnEnded(call=call, turn=1, text="where's <my> parcel & when", at=1003.0, speech_ended_at=1002.5),
        TurnMeasured(call=call, turn=1, total_ms=700, at=1003.2),
        ReplyInterrupted(call=call, turn=1, heard="Your parcel is", at=1004.0),
        UserTurnEnded(call=call, turn=2, text="never mind", at=1006.0, speech_ended_at=1005.5),
        ReplySpoken(call=call, turn=2, text="Good-bye.", agent="desk", at=1008.0),
        CallEnded(call=call, turn=2, reason="agent_hung_up", duration_s=9.0, at=1009.0),
    ]
    return [*events, RecordingSaved(call=call, url=url)] if url else events


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with one kept demo run and its recording of nine seconds."""
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    run = tmp_path / "demo-runs" / "2026-11-22-100000"
    with Recording(run / "call.wav") as file:
        file.write("caller", 0, b"\1\0" * 8000 * 9, sample_rate=8000)
    (run / "journal.jsonl").write_bytes(json_lines(call_of(CALL, url=(run / "call.wav").as_uri())))
    return tmp_path


def frames(path: Path) -> int:
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 2
        return file.getnframes()


def test_an_exported_call_has_every_format(home: Path, tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["calls", "export", "aaaa", "--to", str(tmp_path / "out")])
    assert told.exit_code == 0
    files = {path.suffix: path for path in (tmp_path / "out").iterdir()}
    assert {path.name for path in files.values()} == {
        f"{CALL}{end}" for end in (".wav", ".txt", ".vtt", ".json", ".csv", ".jsonl")
    }
    assert frames(files[".wav"]) == 9 * 8000
    assert files[".txt"].read_text().splitlines() == [
        "0:00.0  greeting: Welcome.",
        "0:02.5  caller: where's <my> parcel & when",
        "0:03.2  agent: Your parcel is …",
        "0:05.5  caller: never mind",
        "0:05.5  agent: Good-bye.",
    ]
    assert json.loads(files[".json"].read_text())["turns"][2]["said"] == "never mind"
    again = CliRunner().invoke(app, ["calls", "show", str(files[".jsonl"]), "--json"])
    assert json.loads(again.stdout)["call"]["call"] == CALL


def test_captions_are_webvtt_with_voices() -> None:
    captions = webvtt(history_of(call_of(CALL)))
    assert captions.startswith("WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.000\n<v greeting>Welcome.</v>\n")
    assert "<v caller>where's &lt;my&gt; parcel &amp; when</v>" in captions


def test_an_export_without_a_recording_says_so_and_writes_the_rest(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "demo-runs" / "2026-11-22-100000" / "call.wav").unlink()
    told = CliRunner().invoke(app, ["calls", "export", CALL, "--to", str(tmp_path / "out")])
    assert told.exit_code == 1
    assert "no audio of call" in told.stdout
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".csv", ".json", ".jsonl", ".txt", ".vtt"]


async def test_a_missing_recording_is_assembled_from_the_media_stream(bus: TestBus, settings: Settings) -> None:
    call = bus.call()
    for offset_ms in (0, 400):
        await bus.publish(AudioChunk(call=call, speaker="caller", offset_ms=offset_ms, audio=b"\1\0" * 1600))
    async with recording_file(settings, [CallStarted(call=call)]) as path:
        assert frames(path) == 4800
    with pytest.raises(UsageError, match="no audio of call"):
        async with recording_file(settings, [CallStarted(call=bus.call())]):
            pass


def test_a_recording_can_start_at_a_second(tmp_path: Path) -> None:
    with Recording(tmp_path / "call.wav") as file:
        file.write("agent", 0, bytes(16000), sample_rate=8000)
    assert frames(trim_start(tmp_path / "call.wav", 0.25)) == 6000
    assert frames(trim_start(tmp_path / "call.wav", 7.0)) == 0


def test_a_call_can_be_played_from_a_turn_on(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    player = tmp_path / "bin" / "aplay"
    player.parent.mkdir()
    player.write_text(f'#!/bin/sh\ncp "$2" {tmp_path}/played.wav\n')
    player.chmod(player.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{player.parent}{os.pathsep}/bin{os.pathsep}/usr/bin")
    assert CliRunner().invoke(app, ["calls", "play", CALL, "--turn", "2"]).exit_code == 0
    assert frames(tmp_path / "played.wav") == pytest.approx((9 - 5.2) * 8000, abs=100)
    missing = CliRunner().invoke(app, ["calls", "play", CALL, "--turn", "7"])
    assert "the call has no turn 7: its turns are 0, 1, 2" in str(missing.exception)


def test_without_a_player_the_message_says_how_to_get_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    told = CliRunner().invoke(app, ["calls", "play", CALL])
    assert isinstance(told.exception, UsageError)
    assert f"orchestra calls export {CALL} --to DIR" in str(told.exception)


async def test_words_are_found_with_their_call_and_turn(bus: TestBus, settings: Settings) -> None:
    first, second = bus.call(), bus.call()
    await bus.publish(*call_of(first), *call_of(second))
    await bus.publish(UserTurnEnded(call=second, turn=3, text="Where are my other parcels, please?"))
    hits = await find_words(settings, "parcels where", Selection())
    assert {(hit.call, hit.turn, hit.who) for hit in hits} == {
        (first, 1, "caller"), (second, 1, "caller"), (second, 3, "caller"),
    }  # fmt: skip
    assert all("[" in hit.snippet for hit in hits)
    assert [hit.turn for hit in await find_words(settings, '"other parcels"', Selection())] == [3]
    assert not await find_words(settings, '"parcels other"', Selection())
    assert [hit.who for hit in await find_words(settings, "good bye", Selection(calls=(first,)))] == ["desk"]


@pytest.mark.parametrize("words", ["", '"', "AND (", "*", "NEAR(", "a:b", "-", "'"])
async def test_search_words_are_never_query_syntax(settings: Settings, bus: TestBus, words: str) -> None:
    await bus.publish(*call_of(bus.call()))
    assert await find_words(settings, words, Selection()) == []


def test_found_utterances_are_printed_as_lines_and_json(home: Path) -> None:
    table = CliRunner().invoke(app, ["calls", "find", "never"]).stdout
    assert f"{CALL}  turn 2" in table
    assert "[never] mind" in table
    (line,) = CliRunner().invoke(app, ["calls", "find", "never", "--json"]).stdout.splitlines()
    assert json.loads(line)["turn"] == 2
    assert "nobody said that" in CliRunner().invoke(app, ["calls", "find", "zebra"]).stdout
