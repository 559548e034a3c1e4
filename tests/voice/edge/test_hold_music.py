"""What a caller hears who waits for a person: which piece, and at which address a carrier finds it."""

import io
import threading
import wave
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from orchestra import Line, Lines
from orchestra.app_phrases import edge_lines
from orchestra.errors import AppError, SettingError
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra.voice.edge import hold_music
from orchestra.voice.edge.answering import Answering
from orchestra.voice.edge.hold_music import HoldMusicShelf, melody, read_music
from tests.voice.edge.test_lines import BANK, CLINIC
from tests.voice.edges import running_edge


def write_wav(path: Path, seconds: float, rate: int = 44_100, channels: int = 2, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(b"\x11\x22" * (round(seconds * rate) * channels * width // 2))
    return path


def told(wav: bytes) -> tuple[int, int, int, float]:
    with wave.open(io.BytesIO(wav), "rb") as file:
        rate = file.getframerate()
        return file.getnchannels(), file.getsampwidth(), rate, file.getnframes() / rate


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_file_of_any_rate_becomes_what_every_carrier_plays(tmp_path: Path, rate: int, channels: int) -> None:
    music = read_music(str(write_wav(tmp_path / "music.wav", 0.5, rate, channels)))
    assert told(music.wav) == (1, 2, 8000, pytest.approx(0.5, abs=0.01))


def test_the_melody_is_quiet_and_repeats_without_a_click() -> None:
    samples = np.frombuffer(melody().wav[44:], "<i2")
    assert 500 < np.abs(samples).max() < 4000
    assert abs(samples[0]) < 50
    assert abs(samples[-1]) < 50


@pytest.mark.parametrize("wrong", ["absent", "text", "8 bit", "empty", "too long"])
def test_a_file_that_cannot_be_played_is_named(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "music.wav"
    match wrong:
        case "text":
            path.write_text("la la la")
        case "8 bit":
            write_wav(path, 0.5, width=1)
        case "empty":
            write_wav(path, 0.0)
        case "too long":
            write_wav(path, 601, rate=4000, channels=1)
    with pytest.raises(SettingError, match=r"the hold music .*music\.wav"):
        read_music(str(path))


def test_a_line_has_its_own_music_and_may_have_none(tmp_path: Path) -> None:
    own = str(write_wav(tmp_path / "own.wav", 0.1))
    lines = Lines({"a": Line(app=BANK, hold_music=own), "b": Line(app=BANK, hold_music=""), "*": CLINIC})
    edge = Answering(Settings(hold_music="melody"), edge_lines(lines).apps, lines.plan)
    assert [edge.hold_music_of(line) for line in ("a", "b", "*", "gone")] == [own, "", "melody", "melody"]
    assert edge.hold_music == {own, "", "melody"}


def test_the_file_of_a_line_is_found_wherever_the_edge_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rule = Line(app=BANK, hold_music="own.wav").rule
    assert rule.hold_music == str(tmp_path / "own.wav")
    with pytest.raises(AppError, match="Line: hold_music"):
        Line(app=BANK, hold_music=3)  # type: ignore[arg-type]


def test_a_piece_keeps_its_address_and_an_unknown_one_has_none() -> None:
    shelf = HoldMusicShelf()
    shelf.load({"melody", ""})
    assert shelf.path_of("melody") == melody().path
    assert shelf.path_of("") == shelf.path_of("other.wav") == ""


def test_a_file_that_is_gone_takes_nothing_away_that_was_loaded() -> None:
    shelf = HoldMusicShelf()
    shelf.load({"melody"})
    with pytest.raises(SettingError, match=r"the hold music /nowhere\.wav cannot be read"):
        shelf.load({"melody", "/nowhere.wav"})
    assert shelf.path_of("melody")


def test_a_file_that_has_changed_is_read_again_and_its_old_music_can_still_be_fetched(tmp_path: Path) -> None:
    named, shelf, app = str(tmp_path / "music.wav"), HoldMusicShelf(), FastAPI()
    app.include_router(shelf.routes())
    paths = []
    for seconds in (0.1, 0.2):
        write_wav(Path(named), seconds)
        shelf.load({named})
        paths.append(shelf.path_of(named))
    assert len({*paths}) == 2
    with TestClient(app) as client:
        assert [told(client.get(path).content)[3] for path in paths] == pytest.approx([0.1, 0.2], abs=0.01)


async def test_an_edge_with_calls_reads_the_music_beside_its_event_loop(
    bus: TestBus, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_edge(bus, settings, hold_music="melody") as running:
        readers: list[int] = []
        monkeypatch.setattr(hold_music, "read_music", lambda _: readers.append(threading.get_ident()) or melody())
        await running.edge.use_app(edge_lines(Lines({"*": CLINIC})))
    assert len(readers) == 1
    assert threading.get_ident() not in readers


async def test_an_edge_serves_the_music_and_nothing_else(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, hold_music="melody") as running, httpx.AsyncClient() as http:
        answer = await http.get(running.url + melody().path)
        assert (answer.headers["content-type"], answer.content) == ("audio/wav", melody().wav)
        for other in ("x.wav", "..%2f..%2fetc%2fpasswd", "melody"):
            assert (await http.get(f"{running.url}/hold-music/{other}")).status_code == 404
