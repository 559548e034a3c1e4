"""What is asked of Silero and smart-turn, against the stock analyzers; and words that are counted, not looked for."""

from typing import Any

import numpy as np
import pytest
import soxr
from pipecat.audio.turn.smart_turn._whisper_features import compute_whisper_log_mel_features
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADState
from pipecat.frames.frames import AggregatedTextFrame, TTSTextFrame
from pipecat.utils.text.base_text_aggregator import TextType

from orchestra.pronunciations import Pronunciations
from orchestra.simulator.audio_files import to_telephone
from orchestra.voice.audio import mulaw
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra.voice.engines.turn_detection.smart_turn_features import features
from orchestra.voice.engines.word_timestamps import WordCountSequencer

_RATE = 16_000
_FRAME = 640
_SAID = ("Until when is the depot open today?", "No, four two seven one.", "I want to talk to a person, please.")


def _line(speech: LocalSpeech, level: float, noise: float) -> np.ndarray[Any, Any]:
    """Three utterances with pauses, as a telephone line carries them, at 16 kHz."""
    random = np.random.default_rng(7)
    parts = [np.zeros(12_000)]
    for text in _SAID:
        parts += [level * to_telephone(*speech.synthesize(text)).astype(float), np.zeros(16_000)]
    line = np.concatenate(parts)
    carried = mulaw.decode(mulaw.encode((line + random.normal(0, noise, line.size)).astype(np.int16)))
    return soxr.resample(carried, 8_000, _RATE)


def _speech_times(vad: VADAnalyzer, audio: np.ndarray[Any, Any]) -> list[float]:
    """When speech began and ended, in seconds."""
    vad.set_sample_rate(_RATE)
    times, speaks = [], False
    for start in range(0, audio.size - _FRAME, _FRAME):
        state = vad._run_analyzer(audio[start : start + _FRAME].tobytes())
        if state in (VADState.SPEAKING, VADState.QUIET) and speaks != (state is VADState.SPEAKING):
            speaks = not speaks
            times.append(start / _RATE)
    return times


@pytest.mark.parametrize(("level", "noise"), [(1.0, 16.0), (0.3, 16.0), (1.0, 150.0)])
def test_speech_begins_and_ends_when_it_does_for_the_stock_analyzer(
    speech: LocalSpeech, listening: TurnDetectionModels, level: float, noise: float
) -> None:
    audio = _line(speech, level, noise)

    stock, own = _speech_times(SileroVADAnalyzer(), audio), _speech_times(listening.vad(), audio)

    assert len(stock) >= 2 * len(_SAID)
    assert own == pytest.approx(stock, abs=0.16)


def test_of_windows_too_quiet_to_count_the_model_is_not_asked(listening: TurnDetectionModels) -> None:
    vad = listening.vad()
    asked = []
    vad._silero.confidence = lambda window, rate: asked.append((window.size, rate)) or 0.0  # type: ignore[assignment,func-returns-value]
    noise = np.random.default_rng(7).normal(0, 30, 5 * _RATE).astype(np.int16)

    assert _speech_times(vad, noise) == []
    assert asked == []


def test_a_voice_after_a_silent_line_is_noticed_at_once(listening: TurnDetectionModels) -> None:
    vad = listening.vad()
    vad.set_sample_rate(_RATE)
    vad._silero.confidence = lambda _window, _rate: 1.0  # type: ignore[method-assign]
    soft = np.random.default_rng(7).normal(0, 1_000, _RATE).astype(np.int16)  # -30 dBFS
    vad._run_analyzer(np.zeros(_RATE, np.int16).tobytes())

    vad._run_analyzer(soft[: _RATE // 25].tobytes())

    assert vad.voice_starting


def test_a_voice_that_begins_counts_until_its_start_has_been_reported(listening: TurnDetectionModels) -> None:
    vad = listening.vad()
    vad.set_sample_rate(_RATE)
    vad._silero.confidence = lambda _window, _rate: 1.0  # type: ignore[method-assign]
    loud = np.random.default_rng(7).normal(0, 9_000, 2 * _RATE).astype(np.int16)
    audio = np.concatenate([np.zeros(_RATE, np.int16), loud])

    found = {}
    for start in range(0, audio.size, _FRAME):
        state = vad._run_analyzer(audio[start : start + _FRAME].tobytes())
        found.setdefault(state, vad.voice_starting)

    assert found == {VADState.QUIET: False, VADState.STARTING: True, VADState.SPEAKING: True}


@pytest.mark.parametrize("samples", [4_000, 33_762, 127_650, 127_801, 128_000, 140_000])
def test_smart_turn_is_given_the_features_that_pipecat_computes(samples: int) -> None:
    audio = (0.1 * np.random.default_rng(samples).normal(size=samples)).astype(np.float32)
    silence_before = np.pad(audio[-128_000:], (max(0, 128_000 - samples), 0))

    assert features(audio) == pytest.approx(compute_whisper_log_mel_features(silence_before), abs=1e-4)


def test_smart_turn_is_given_the_features_of_silence() -> None:
    silence = np.zeros(20_000, np.float32)

    assert features(silence) == pytest.approx(compute_whisper_log_mel_features(np.zeros(128_000)), abs=1e-4)


async def _spoken(words: WordCountSequencer, text: str, context: str) -> None:
    await words.register_spoken(AggregatedTextFrame(text, TextType.SENTENCE), context, text, append_to_context=True)


def _texts(frames: list[Any]) -> list[tuple[str, int]]:
    assert all(isinstance(frame, TTSTextFrame) for frame in frames)
    return [(frame.text, frame.pts) for frame in frames]


async def test_words_that_the_engine_did_not_time_come_with_the_last_one_that_it_did() -> None:
    words = WordCountSequencer()
    await _spoken(words, "Your parcel is", "a")
    await _spoken(words, "in Denver.", "a")

    assert _texts(words.process_word("Your", 5, "a") + words.process_word("parcel", 9, "a")) == [
        ("Your", 5),
        ("parcel", 9),
    ]
    assert _texts(words.force_complete("a", 9)) == [("is in Denver.", 9)]
    assert words.force_complete("a", 9) == []


async def test_words_that_are_said_otherwise_have_the_time_of_what_is_said() -> None:
    words = WordCountSequencer(Pronunciations({"San José": "san ho zay", "Nguyen": "win"}).pieces)
    await _spoken(words, "In San José, Nguyen lives", "a")

    timed = [words.process_word(word, pts, "a") for pts, word in enumerate(["In", "san", "ho", "zay,", "win"])]

    assert _texts([frame for frames in timed for frame in frames]) == [("In", 0), ("San José,", 1), ("Nguyen", 4)]
    assert _texts(words.force_complete("a", 9)) == [("lives", 9)]


async def test_words_of_a_context_that_was_interrupted_are_not_spoken() -> None:
    words = WordCountSequencer()
    await _spoken(words, "Your parcel", "a")
    await _spoken(words, "One moment.", "b")

    words.clear(keep_contexts={"b"})

    assert words.process_word("parcel", 9, "a") == []
    assert words.force_complete("a", 9) == []
    assert _texts(words.process_word("One", 3, "b")) == [("One", 3)]
