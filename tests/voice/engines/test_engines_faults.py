"""Engines whose vendor misbehaves: the fault becomes an ErrorFrame, and the call continues."""

from collections.abc import AsyncIterator

import pytest
from pipecat.frames.frames import ErrorFrame, TranscriptionFrame, TTSAudioRawFrame, TTSStoppedFrame, TTSTextFrame
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.services.stt_service import STTService

from orchestra.errors import EngineError
from orchestra.settings import Settings
from orchestra.voice.engines.deepgram.engine import NovaEngine
from orchestra.voice.engines.elevenlabs.engine import ElevenLabsEngine
from orchestra.voice.engines.local.piper import SpokenPiece
from orchestra.voice.engines.local.stt import LocalSTT
from orchestra.voice.engines.local.tts import LocalTTS
from orchestra.voice.engines.turn_detection.frames import SegmentTranscribedFrame
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from tests.servers.server import Faults
from tests.voice.engines.conftest import QUESTION, Vendors, quiet
from tests.voice.engines.line import Line

REPLY = "Your parcel is on its way to Denver."


class BrokenEngine:
    """A local engine whose models fail."""

    async def transcribe(self, pcm16: bytes, rate: int, language: str) -> str:  # noqa: ARG002
        msg = "Whisper failed"
        raise EngineError(msg)

    async def speak(self, text: str, rate: int, language: str, speed: float) -> AsyncIterator[SpokenPiece]:  # noqa: ARG002
        msg = "Piper failed"
        raise EngineError(msg)
        yield


def listening_line(listening: TurnDetectionModels, stt: STTService) -> Line:
    return Line(VADProcessor(vad_analyzer=listening.vad()), stt)


async def test_a_local_stt_failure_is_an_error_frame_and_the_segment_is_done(
    listening: TurnDetectionModels, question: bytes
) -> None:
    async with listening_line(listening, LocalSTT(BrokenEngine())) as line:
        await line.hear(question)
        await line.until_any(SegmentTranscribedFrame)
        errors = await line.until_any(ErrorFrame)
    assert "Whisper failed" in errors[0].error


async def test_a_local_tts_failure_is_an_error_frame() -> None:
    async with Line(LocalTTS(BrokenEngine())) as line:
        await line.say(REPLY)
        errors = await line.until_any(ErrorFrame)
    assert "Piper failed" in errors[0].error


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_a_refusal_by_deepgram_is_an_error_frame(
    vendors: Vendors, vendor_settings: Settings, listening: TurnDetectionModels, status: int
) -> None:
    vendors.misbehave(Faults(status=status))
    async with listening_line(listening, NovaEngine(vendor_settings).stt()) as line:
        errors = await line.until_any(ErrorFrame)
    assert str(status) in errors[0].error


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_a_refusal_by_elevenlabs_is_an_error_frame(
    vendors: Vendors, vendor_settings: Settings, status: int
) -> None:
    vendors.misbehave(Faults(status=status))
    async with Line(ElevenLabsEngine(vendor_settings).tts("")) as line:
        errors = await line.until_any(ErrorFrame)
    assert str(status) in errors[0].error


async def test_a_refused_phrase_is_an_engine_error(vendors: Vendors, vendor_settings: Settings) -> None:
    vendors.misbehave(Faults(status=401))
    engine = ElevenLabsEngine(vendor_settings)
    with pytest.raises(EngineError, match="401"):
        await engine.render(REPLY, "", "en", 1.0, 8_000)
    await engine.close()


async def test_deepgrams_late_final_still_arrives(
    vendors: Vendors, vendor_settings: Settings, listening: TurnDetectionModels, question: bytes
) -> None:
    vendors.misbehave(Faults(slow_s=0.5))
    async with listening_line(listening, NovaEngine(vendor_settings).stt()) as line:
        await line.hear(question)
        transcripts = await line.until_any(TranscriptionFrame)
    assert transcripts[0].text == QUESTION


async def test_the_caller_is_heard_again_soon_after_deepgrams_socket_broke(
    vendors: Vendors, vendor_settings: Settings, listening: TurnDetectionModels, question: bytes
) -> None:
    vendors.deepgram.faults = Faults(drop_after=0, slow_s=0.6, times=1)
    vendors.deepgram.lines = ["lost with the socket", QUESTION]
    stt = NovaEngine(vendor_settings).stt()
    async with listening_line(listening, stt) as line:
        await line.hear(question)
        await line.until_any(ErrorFrame)
        await line.until(lambda: len(vendors.deepgram.seen) == 2)
        await line.hear(question)
        transcripts = await line.until_any(TranscriptionFrame)
    assert transcripts[-1].text == QUESTION


async def test_a_reply_is_spoken_after_elevenlabs_socket_broke(vendors: Vendors, vendor_settings: Settings) -> None:
    vendors.misbehave(Faults(drop_after=4, times=1))
    async with Line(ElevenLabsEngine(vendor_settings).tts("")) as line:
        await line.say(REPLY)
        errors = await line.until_any(ErrorFrame)
        await line.until_any(TTSStoppedFrame)
        broken = len(line.frames)
        await line.say(REPLY)
        await line.until(lambda: any(isinstance(frame, TTSStoppedFrame) for frame in line.frames[broken:]))
        after = line.frames[broken:]
    assert "broke in the middle of a reply" in errors[0].error
    assert 0 < len(line.all(TTSTextFrame)) - len(REPLY.split()) < len(REPLY.split())
    assert " ".join(frame.text.strip() for frame in after if isinstance(frame, TTSTextFrame)) == REPLY


async def test_words_without_timestamps_are_reported_when_the_audio_ends(
    vendors: Vendors, vendor_settings: Settings
) -> None:
    vendors.misbehave(Faults(no_alignment=True))
    async with Line(ElevenLabsEngine(vendor_settings).tts("")) as line:
        await line.say(REPLY)
        await line.until_any(TTSStoppedFrame)
    assert line.all(TTSAudioRawFrame)
    assert " ".join(frame.text.strip() for frame in line.all(TTSTextFrame)) == REPLY


async def test_a_slow_first_byte_only_delays_the_reply(vendors: Vendors, vendor_settings: Settings) -> None:
    vendors.misbehave(Faults(slow_s=0.5))
    async with Line(ElevenLabsEngine(vendor_settings).tts("")) as line:
        await line.say(REPLY)
        await line.until_any(TTSStoppedFrame)
    assert line.all(TTSAudioRawFrame)
    assert not line.all(ErrorFrame)


async def test_the_vendors_get_key_model_voice_and_rate_as_set(
    vendors: Vendors, vendor_settings: Settings, listening: TurnDetectionModels, question: bytes
) -> None:
    async with listening_line(listening, NovaEngine(vendor_settings).stt()) as line:
        await line.hear(quiet(0.1))
    heard = vendors.deepgram.seen[0]
    assert heard.headers["authorization"] == "Token deepgram-key"
    assert heard.params["model"] == "nova-3-general"
    assert (heard.params["encoding"], heard.params["sample_rate"]) == ("linear16", "16000")
    assert heard.params["interim_results"] == "true"
    assert heard.messages[-1] == {"type": "CloseStream"}
    async with Line(ElevenLabsEngine(vendor_settings).tts("another-voice")) as line:
        await line.say(REPLY)
        await line.until_any(TTSStoppedFrame)
    spoken = vendors.elevenlabs.seen[0]
    assert spoken.headers["xi-api-key"] == "elevenlabs-key"
    assert spoken.params["output_format"] == "pcm_8000"
    assert spoken.params["model_id"] == "eleven_flash_v2_5"
    assert vendors.elevenlabs.said == [("another-voice", REPLY)]
