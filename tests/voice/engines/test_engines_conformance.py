"""What every engine must do, whoever makes it."""

import re
import time
from difflib import SequenceMatcher
from typing import Any

from pipecat.audio.vad.vad_analyzer import VADState
from pipecat.frames.frames import (
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.audio.vad_processor import VADProcessor

from orchestra.simulator.transcript_match import compare
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.turn_detection.endpointing import Endpointer
from orchestra.voice.engines.turn_detection.frames import WORDS_BEGAN
from tests.voice.engines.conftest import QUESTION, quiet
from tests.voice.engines.line import Line

FIRST = "Your parcel is on its way to Denver."
SECOND = "It should arrive on Friday afternoon."


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def caller_said(turn: LLMContextFrame) -> str:
    message: Any = turn.context.messages[-1]
    return str(message["content"])


async def test_an_utterance_becomes_a_final_transcript_with_its_words(ears: Engines, question: bytes) -> None:
    before = time.time()
    async with Line(VADProcessor(vad_analyzer=ears.vad()), ears.stt()) as line:
        await line.hear(question)
        transcripts = await line.until_any(TranscriptionFrame)
    assert compare(QUESTION, transcripts[0].text).matches
    assert transcripts[0].finalized
    # if the engine tells; the audio came faster than it was said
    assert before - 10 < transcripts[0].metadata.get(WORDS_BEGAN, before) <= time.time()


async def test_a_silent_line_has_no_transcript(ears: Engines) -> None:
    async with Line(VADProcessor(vad_analyzer=ears.vad()), ears.stt()) as line:
        await line.hear(quiet(3.0))
        await line.push(LLMFullResponseEndFrame())
        await line.until_any(LLMFullResponseEndFrame)
        assert not line.all(TranscriptionFrame)
        assert not line.all(VADUserStoppedSpeakingFrame)


async def test_the_callers_turn_ends_once_with_all_that_was_said(ears: Engines, question: bytes) -> None:
    stt = ears.stt()
    parameters = LLMUserAggregatorParams(
        vad_analyzer=ears.vad(), user_turn_strategies=ears.user_turn_strategies(stt, Endpointer()), empty_user_turn=None
    )
    user, _ = LLMContextAggregatorPair(LLMContext(), user_params=parameters)
    async with Line(stt, user) as line:
        await line.hear(question)
        turns = await line.until_any(LLMContextFrame)
    assert len(turns) == 1
    assert compare(QUESTION, caller_said(turns[0])).matches


async def test_a_reply_is_audio_at_8_khz_whose_words_can_be_understood(engines: Engines, speech: LocalSpeech) -> None:
    async with Line(engines.tts()) as line:
        await line.say(FIRST, SECOND)
        await line.until_any(TTSStoppedFrame)
        audio = line.all(TTSAudioRawFrame)
    assert {frame.sample_rate for frame in audio} == {8_000}
    heard = speech.transcribe(b"".join(frame.audio for frame in audio), 8_000)
    alike = SequenceMatcher(None, words(heard), words(FIRST + " " + SECOND)).ratio()
    assert alike > 0.8, heard  # the voice varies, and Whisper is not perfect


async def test_every_word_of_a_reply_comes_in_order_with_its_time_within_the_audio(engines: Engines) -> None:
    async with Line(engines.tts()) as line:
        await line.say(FIRST, SECOND)
        await line.until_any(TTSStoppedFrame)
        seconds = sum(len(frame.audio) for frame in line.all(TTSAudioRawFrame)) / 2 / 8_000
        spoken = line.all(TTSTextFrame)
    assert " ".join(frame.text.strip() for frame in spoken) == FIRST + " " + SECOND
    times = [frame.pts for frame in spoken]
    assert None not in times
    ordered = [time for time in times if time is not None]
    assert ordered == sorted(ordered)
    assert 0.5 * seconds < (ordered[-1] - ordered[0]) / 1e9 < seconds


async def test_an_interruption_ends_the_audio_and_the_next_reply_is_spoken(engines: Engines) -> None:
    async with Line(engines.tts()) as line:
        await line.say(*[f"{FIRST} {SECOND}"] * 3)
        await line.until_any(TTSAudioRawFrame)
        await line.push(InterruptionFrame())
        await line.until_any(InterruptionFrame)
        interrupted = len(line.frames)
        await line.say("Hello again.")
        await line.until(lambda: any(isinstance(frame, TTSStoppedFrame) for frame in line.frames[interrupted:]))
        after = line.frames[interrupted:]
    text = " ".join(frame.text for frame in after if isinstance(frame, TTSTextFrame))
    assert words(text) == ["hello", "again"]
    assert sum(len(frame.audio) for frame in after if isinstance(frame, TTSAudioRawFrame)) < 3 * 16_000


async def test_a_phrase_is_synthesized_outside_of_a_call(engines: Engines, speech: LocalSpeech) -> None:
    text = "Just a moment, please."
    phrase = await engines.render(text)
    assert compare(text, speech.transcribe(phrase.pcm16, 8_000)).matches
    assert " ".join(word for word, _ in phrase.words) == text
    starts = [at for _, at in phrase.words]
    assert starts == sorted(starts)
    assert 0.4 * len(phrase.pcm16) / 16_000 < starts[-1] < len(phrase.pcm16) / 16_000


async def test_calls_share_the_vad_model_and_not_its_state(engines: Engines, question: bytes) -> None:
    one, other = engines.vad(), engines.vad()
    for vad in (one, other):
        vad.set_sample_rate(16_000)
    speaking = question[: int(1.5 * 32_000)]
    states = [await one.analyze_audio(speaking[at : at + 1024]) for at in range(0, len(speaking), 1024)]
    assert states[-1] is VADState.SPEAKING
    assert await other.analyze_audio(quiet(0.1)) is VADState.QUIET
