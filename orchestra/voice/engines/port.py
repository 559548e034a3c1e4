"""The port: what the edge asks of a speech engine.

An engine is a folder beside this file. ``engine.py`` defines ``async def open_engine(settings)``; a file ``stt.py``
says that the engine recognizes speech, a file ``tts.py`` that it speaks. Nothing else has to be edited for a new one:
`orchestra.engine_names` finds the folder, and the settings accept its name.
"""

from typing import Protocol, runtime_checkable

from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.turns.user_start import BaseUserTurnStartStrategy
from pipecat.turns.user_stop import BaseUserTurnStopStrategy

from orchestra.voice.engines.failover import StandbyService
from orchestra.voice.engines.synthesized_speech import SynthesizedSpeech
from orchestra.voice.engines.turn_detection.endpointing import Endpointer
from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer


class Engine(Protocol):
    """What every engine has."""

    name: str

    async def close(self) -> None:
        """Release threads and connections."""


class STTEngine(Engine, Protocol):
    """Makes one speech-to-text service per call.

    Attributes:
        punctuation_tells: whether it writes full stops and question marks only where a sentence is probably over.

    """

    punctuation_tells: bool

    def stt(self, language: str, keyterms: tuple[str, ...]) -> STTService:
        """A new service, fed with 16 kHz audio; what is heavy is shared by all calls of the process.

        ``language`` is a BCP 47 code, or `AUTO` for whatever the caller speaks; ``keyterms`` are names
        and products that callers say. An `STTUpdateSettingsFrame` with another language changes it during a call.
        """

    def turn_start(self, barge_in_words: int) -> BaseUserTurnStartStrategy | None:
        """The strategy that starts the caller's turn; ``barge_in_words`` interrupt the agent. None: any voice does."""

    def turn_prediction(self, analyzer: SmartTurnAnalyzer, endpointer: Endpointer) -> BaseUserTurnStopStrategy | None:
        """The strategy that predicts the end of the caller's turn. None: the service does, or nobody."""

    def turn_stop(self, analyzer: SmartTurnAnalyzer, endpointer: Endpointer) -> BaseUserTurnStopStrategy:
        """The strategy that ends the caller's turn with this engine's transcripts, as ``endpointer`` decides."""


class TTSEngine(Engine, Protocol):
    """Makes one text-to-speech service per call, and synthesizes phrases outside of calls."""

    def ipa(self, language: str) -> str:
        """How the voice of a language takes IPA in a text, as a format; empty: it does not."""

    def tts(self, voice: str, language: str, speed: float) -> TTSService:
        """A new service with word timestamps; ``voice`` "" is the engine's own choice, ``speed`` 1.0 its own pace.

        A `TTSUpdateSettingsFrame` with `VoiceSettings` changes all three during a call.
        """

    def voice_key(self, voice: str, language: str, speed: float) -> str:
        """Identifies voice, model, language and pace: the same text under another key is other audio."""

    async def render(self, text: str, voice: str, language: str, speed: float, rate: int) -> SynthesizedSpeech:
        """``text`` spoken at ``rate`` Hz, whole. Raises EngineError."""


@runtime_checkable
class FallbackEngine(STTEngine, TTSEngine, Protocol):
    """An engine that can take over a call from another one."""

    def standby_stt(self, language: str) -> StandbyService:
        """A new speech-to-text service that waits until it is activated."""

    def standby_tts(self, language: str, speed: float) -> StandbyService:
        """A new text-to-speech service that waits until it is activated."""
