"""The engines under test: each loaded as the edge loads it, the vendors' against their protocol servers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np
import pytest
from pydantic import SecretStr

from orchestra.settings import Settings
from orchestra.voice.engines.deepgram.engine import FluxEngine, NovaEngine
from orchestra.voice.engines.elevenlabs.engine import ElevenLabsEngine
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local import LocalSpeech
from orchestra.voice.engines.local.engine import LocalEngine
from orchestra.voice.engines.port import STTEngine, TTSEngine
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from tests.servers.deepgram import DeepgramServer
from tests.servers.elevenlabs import ElevenLabsServer
from tests.servers.server import NO_FAULTS, Faults

QUESTION = "What are your opening hours on Saturday?"


@dataclass(frozen=True)
class Vendors:
    """Both vendors' servers, speaking and hearing with the local models."""

    deepgram: DeepgramServer
    elevenlabs: ElevenLabsServer

    def misbehave(self, faults: Faults) -> None:
        self.deepgram.faults = faults
        self.elevenlabs.faults = faults


@pytest.fixture
async def vendors(speech: LocalSpeech) -> AsyncIterator[Vendors]:
    def synthesize(text: str, rate: int) -> bytes:
        return speech.synthesize(text, rate)[0]

    deepgram = DeepgramServer([QUESTION], key="deepgram-key", faults=NO_FAULTS)
    elevenlabs = ElevenLabsServer(synthesize, key="elevenlabs-key", faults=NO_FAULTS)
    async with deepgram, elevenlabs:
        yield Vendors(deepgram, elevenlabs)


@pytest.fixture
def vendor_settings(vendors: Vendors) -> Settings:
    return Settings(
        stt="deepgram",
        tts="elevenlabs",
        deepgram_url=vendors.deepgram.ws_url,
        deepgram_api_key=SecretStr("deepgram-key"),
        elevenlabs_url=vendors.elevenlabs.ws_url,
        elevenlabs_api_key=SecretStr("elevenlabs-key"),
        elevenlabs_voice="test-voice",
    )


@pytest.fixture
async def local(speech: LocalSpeech) -> AsyncIterator[LocalEngine]:
    engine = LocalEngine(speech)
    yield engine
    await engine.close()


@pytest.fixture(params=["local", "vendors"])
async def engines(
    request: pytest.FixtureRequest, listening: TurnDetectionModels, local: LocalEngine, vendor_settings: Settings
) -> AsyncIterator[Engines]:
    stt: STTEngine = local
    tts: TTSEngine = local
    if request.param == "vendors":
        stt, tts = NovaEngine(vendor_settings), ElevenLabsEngine(vendor_settings)
    yield Engines(stt, tts, listening)
    await tts.close()


@pytest.fixture(params=["local", "nova", "flux"])
def ears(
    request: pytest.FixtureRequest, listening: TurnDetectionModels, local: LocalEngine, vendor_settings: Settings
) -> Engines:
    """Each engine that hears, with the local voice."""
    stt: STTEngine = local
    if request.param == "nova":
        stt = NovaEngine(vendor_settings)
    elif request.param == "flux":
        stt = FluxEngine(vendor_settings.model_copy(update={"deepgram_model": "flux-general-en"}))
    return Engines(stt, local, listening)


@pytest.fixture(scope="session")
def question(speech: LocalSpeech) -> bytes:
    """A caller's question as 16 kHz audio, with a quiet line around it."""
    return quiet(0.5) + speech.synthesize(QUESTION, 16_000)[0] + quiet(1.0)


def quiet(seconds: float) -> bytes:
    """The faint noise of an open line, 16 kHz."""
    noise = np.random.default_rng(1).normal(0, 15, int(16_000 * seconds))
    return noise.astype("<i2").tobytes()
