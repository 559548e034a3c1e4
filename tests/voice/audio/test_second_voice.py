"""A second voice on the line, in samples, and how late it is heard."""

import asyncio
import time

import numpy as np
import pytest
from pipecat.frames.frames import TTSAudioRawFrame

from orchestra.voice.audio.second_voice import PersonsEar, WaitingVoice, mixed
from tests.voice.audio.test_paused_output import Output, Stream
from tests.voice.engines.line import Line

RATE = 8000


def pcm(*samples: int) -> bytes:
    return np.array(samples, np.int16).tobytes()


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (pcm(1, 2), pcm(10, 20), pcm(11, 22)),
        (pcm(1, 2), pcm(10), pcm(11, 2)),
        (b"", pcm(10), pcm(10)),
        (pcm(30000, -30000), pcm(30000, -30000), pcm(32767, -32768)),
    ],
)
def test_two_voices_are_heard_at_once(first: bytes, second: bytes, both: bytes) -> None:
    assert mixed(first, second) == both


def test_what_waits_too_long_is_dropped_from_its_beginning() -> None:
    voice = WaitingVoice(RATE, most_ms=1)
    voice.put(pcm(*range(10)))
    assert voice.take(4) == pcm(2, 3)
    voice.put(pcm(10))
    assert voice.take() == pcm(4, 5, 6, 7, 8, 9, 10)
    voice.put(pcm(1))
    voice.clear()
    assert voice.take() == b""


def test_silence_is_left_out_where_it_would_make_a_voice_late() -> None:
    voice = WaitingVoice(RATE)
    voice.put(pcm(*[0] * 500), quiet=True)
    voice.put(pcm(*[0] * 500), quiet=True)
    assert len(voice.take()) == 1000
    voice.put(pcm(*[9] * 500))
    voice.put(pcm(*[9] * 500))
    assert len(voice.take()) == 2000


def test_what_was_taken_and_is_not_heard_yet_counts_like_what_waits() -> None:
    voice = WaitingVoice(RATE)
    voice.put(pcm(*[0] * 80), quiet=True, ahead_ms=61)
    assert voice.take() == b""
    voice.put(pcm(*range(160)), ahead_ms=230)
    assert voice.take() == pcm(*range(80, 160))
    voice.put(pcm(1), ahead_ms=1000)
    assert voice.take() == b""


class Playing(Stream):
    """A carrier's stream that plays what it gets, and knows until when."""

    plays_until = 0.0

    async def send_audio(self, samples: bytes) -> bool:
        self.plays_until = max(self.plays_until, time.monotonic()) + len(samples) / 2 / RATE
        return await super().send_audio(samples)


@pytest.mark.parametrize(("level", "most_s"), [(0, 0.15), (8_000, 0.28)])
async def test_the_agents_sentences_do_not_make_a_second_voice_later_and_later(level: int, most_s: float) -> None:
    stream, over = Playing(), asyncio.Event()
    output = Output(stream)
    sentence = np.full(RATE * 15 // 100, 8_000, np.int16).tobytes()
    piece = np.full(RATE // 25, level, np.int16).tobytes()

    async def speak_beside() -> None:
        at = time.monotonic()
        while not over.is_set():
            await output.play_beside(piece)
            at += 0.04
            await asyncio.sleep(max(0.0, at - time.monotonic()))

    async with Line(output) as line:
        speaking = asyncio.create_task(speak_beside())
        for _ in range(7):
            await line.push(TTSAudioRawFrame(sentence, RATE, 1))
            await asyncio.sleep(0.35)  # the sentence, and a pause after it
        over.set()
        await speaking
        assert stream.plays_until - time.monotonic() < most_s


def test_the_person_hears_the_agents_when_the_caller_does_and_nothing_that_was_cleared() -> None:
    ear, frame = PersonsEar(RATE), 160
    ear.put_agents(pcm(*[5] * frame))
    assert ear.put_caller(pcm(*[1] * frame)) == b""
    assert ear.put_caller(pcm(*[2] * frame)) == pcm(*[6] * frame, *[2] * frame)
    ear.put_agents(pcm(*[5] * 2 * frame))
    ear.put_caller(pcm(*[1] * frame))
    ear.clear_agents()
    assert ear.put_caller(pcm(*[1] * frame)) == pcm(*[6] * frame, *[1] * frame)
