"""What a caller hears while agents are at work: a quiet sound, which is not taken for an answer."""

import wave
from pathlib import Path

import numpy as np
import pytest

from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.edge.hold_music import HoldMusicShelf
from orchestra.voice.pipeline.thinking_sound import STARTS_AFTER_S, ThinkingSound
from orchestra_schemas import AudioChunk, PromptRequested, ReplyChunk, ReplySpoken, TurnCompleted, UserTurnEnded
from tests.voice.edges import Greeting, running_edge, tone

_RATE = 8000
_FRAME = 320


class Wait:
    """How long a caller has waited in silence."""

    silent_s = 0.0

    def __call__(self) -> float:
        return self.silent_s


def sound(wait: Wait, *levels: int) -> ThinkingSound:
    """One that is another each time it begins."""
    following = iter(levels or [1000])
    return ThinkingSound(lambda: np.full(500, next(following), np.int16), _RATE, wait)


def frames(thinking: ThinkingSound, count: int) -> np.ndarray:
    return np.concatenate([np.frombuffer(thinking.alone(_FRAME), np.int16) for _ in range(count)])


def test_it_begins_after_a_while_and_comes_and_goes_without_a_click() -> None:
    wait = Wait()
    thinking = sound(wait)
    wait.silent_s = STARTS_AFTER_S - 0.01
    assert thinking.alone(_FRAME) == b""
    wait.silent_s = STARTS_AFTER_S
    coming = frames(thinking, 20)
    assert coming[0] < 5
    assert coming[-1] == 1000
    assert np.abs(np.diff(coming.astype(int))).max() < 5
    wait.silent_s = 0.0
    going = frames(thinking, 10)
    assert going[-1] == 0
    assert np.abs(np.diff(going.astype(int))).max() < 5
    assert thinking.alone(_FRAME) == b""


def test_speech_is_heard_over_the_rest_of_it_and_then_alone() -> None:
    wait = Wait()
    wait.silent_s = 2.0
    thinking = sound(wait)
    frames(thinking, 20)
    speech = np.full(_FRAME, 32_600, np.int16).tobytes()
    first = np.frombuffer(thinking.under(speech), np.int16)
    assert 32_600 < first.max() <= 32_767
    for _ in range(10):
        last = thinking.under(speech)
    assert last == speech


def test_a_caller_who_speaks_ends_it_at_once() -> None:
    wait = Wait()
    wait.silent_s = 2.0
    thinking = sound(wait)
    frames(thinking, 20)
    wait.silent_s = 0.0
    thinking.clear()
    assert thinking.alone(_FRAME) == b""


def test_it_is_that_of_the_app_that_has_the_call_when_it_begins() -> None:
    wait = Wait()
    wait.silent_s = 2.0
    thinking = sound(wait, 1000, 500)
    assert frames(thinking, 20)[-1] == 1000
    thinking.clear()
    assert frames(thinking, 20)[-1] == 500


def test_a_sound_is_short_and_shared_by_all_calls(tmp_path: Path) -> None:
    shelf, path = HoldMusicShelf(), tmp_path / "sound.wav"
    for seconds in (2, 61):
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(_RATE)
            file.writeframes(tone(float(seconds)).tobytes())
        if seconds == 2:
            shelf.load([], sounds=[str(path)])
        else:
            with pytest.raises(SettingError, match="longer than 60 s"):
                shelf.load([], sounds=[str(path)])
    assert [shelf.sound(str(path), rate).size for rate in (8_000, 16_000)] == [16_000, 32_000]
    assert shelf.sound(str(path), 8_000) is shelf.sound(str(path), 8_000)
    assert shelf.sound("", 8_000).size == 0
    assert shelf.path_of(str(path)) == ""


@pytest.mark.integration
async def test_a_caller_hears_it_while_agents_work_and_it_counts_as_nothing_that_they_said(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "at-work.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(tone(1.0, 1500).tobytes())

    async def talk(line: PhoneLine) -> None:
        await running.event(ReplySpoken, turn=0)
        said = line.say(tone(0.4))
        turn = await running.event(UserTurnEnded, turn=1)
        before_s = line.now_s
        await bus.publish(PromptRequested(call=turn.call, turn=1, agent="a"))
        assert await line.until(lambda: line.now_s > before_s + 3.0, 30)
        reply = ReplyChunk(call=turn.call, turn=1, text="In Denver it is.")
        await bus.publish(reply, TurnCompleted(call=turn.call, turn=1, agent="a"))
        assert (await running.event(ReplySpoken, turn=1)).text == "In Denver it is."
        assert await line.until(lambda: line.now_s > before_s + 6.0, 30)
        for start_s, end_s in (
            (said.end_s, said.end_s + 0.6),
            (before_s + 2, before_s + 3),
            (line.now_s - 1, line.now_s),
        ):
            heard.append(np.abs(line.tracks.agent[round(start_s * _RATE) : round(end_s * _RATE)]).max())

    heard: list[int] = []
    app = Greeting(thinking_sound=str(path))
    async with running_edge(bus, settings, "where is my parcel", app=app, bridge_after_s=0) as running:
        await running.call(talk)
    silent, at_work, after = heard
    assert silent < 100
    assert 1000 < at_work < 2000
    assert after < 100
    chunks = [chunk for chunk in await bus.published(AudioChunk) if chunk.speaker == "caller"]
    caller = np.concatenate([np.frombuffer(chunk.audio, np.int16) for chunk in chunks])
    assert (np.abs(caller) > 100).sum() == pytest.approx(0.4 * _RATE, rel=0.1)
