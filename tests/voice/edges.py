"""An edge in this process, with engines that know beforehand what they hear and speak in tones: tests are quick."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import numpy as np
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    STTUpdateSettingsFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601

from orchestra.app_phrases import EdgePhrases
from orchestra.endpointing import Endpointing
from orchestra.settings import Settings
from orchestra.simulator.caller import Caller, CallOutcome
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.relay_session import RelayVoice
from orchestra.spoken_languages import SpokenLanguages
from orchestra.testing import TestBus
from orchestra.voice.audio.mulaw import Samples
from orchestra.voice.edge.edge import Edge, open_edge
from orchestra.voice.edge.http import create_app
from orchestra.voice.engines.factory import Engines
from orchestra.voice.pipeline.pipecat_logging import redirect_pipecat_log
from orchestra.web_server.server import listen, serving
from orchestra_schemas import Event

redirect_pipecat_log()

AUTH_TOKEN = "account token"
WORD_S = 0.1
#: ten times what the slowest event takes, for machines that others load too
_PUBLISHED_WITHIN_S = 45.0

E = TypeVar("E", bound=Event)


class LevelVAD(VADAnalyzer):
    """Takes any sound for speech."""

    short_sound_ended = False  # there is none: any sound is speech
    voice_possible = False  # it is sure at once

    def __init__(self) -> None:
        super().__init__(params=VADParams(start_secs=0.1, stop_secs=0.2, min_volume=0.0))

    def num_frames_required(self) -> int:
        return self.sample_rate // 50

    def voice_confidence(self, buffer: bytes) -> float:
        return float(np.abs(np.frombuffer(buffer, np.int16)).mean() > 300)

    @property
    def voice_starting(self) -> bool:
        return self._vad_state in {VADState.STARTING, VADState.SPEAKING}

    async def analyze_audio(self, buffer: bytes) -> VADState:
        return self._run_analyzer(buffer)


class ScriptedSTT(SegmentedSTTService):
    """Hears in each stretch of speech the next words of its script."""

    def __init__(self, words: deque[str]) -> None:
        super().__init__(ttfs_p99_latency=0.3, settings=STTSettings(model="script", language=None))
        self._words = words

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:  # noqa: ARG002 - it knows
        text = self._words.popleft() if self._words else ""
        if text:
            first, _, _ = text.partition(" ")
            yield InterimTranscriptionFrame(first, "", time_now_iso8601())
            yield TranscriptionFrame(text, "", time_now_iso8601(), finalized=True)


class ToneTTS(TTSService):
    """Says each word as 100 ms of a tone, and knows when it says it."""

    def __init__(self) -> None:
        settings = TTSSettings(model="tone", voice="tone", language=None)
        super().__init__(push_start_frame=True, push_stop_frames=True, push_text_frames=False, settings=settings)
        self._said_s: dict[str, float] = {}

    async def on_audio_context_completed(self, context_id: str) -> None:
        self._said_s.pop(context_id, None)

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        self._said_s.pop(context_id, None)

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        words = text.split()
        start = self._said_s.get(context_id, 0.0)
        self._said_s[context_id] = start + len(words) * WORD_S
        yield TTSAudioRawFrame(tone(len(words) * WORD_S).tobytes(), 8000, 1, context_id=context_id)
        times = [(word, start + place * WORD_S) for place, word in enumerate(words)]
        await self.add_word_timestamps(times, context_id)


@dataclass
class ScriptedEngines:
    """The engines' port, as far as an edge uses it."""

    hears: Iterable[str] = ()
    name: str = "script/tone"
    words: deque[str] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.words.extend(self.hears)

    def stt(self, *_: Any, **__: Any) -> ScriptedSTT:
        return ScriptedSTT(self.words)

    def tts(self, *_: Any, **__: Any) -> ToneTTS:
        return ToneTTS()

    def stt_fallback(self, *_: Any) -> None:
        return None

    def ipa(self, language: str) -> str:  # noqa: ARG002 - it has tones
        return ""

    def tts_fallback(self, *_: Any, **__: Any) -> None:
        return None

    def change_language(self, language: str) -> list[Frame]:
        return [STTUpdateSettingsFrame(delta=STTSettings(language=language))]

    def vad(self) -> LevelVAD:
        return LevelVAD()

    def are_busy(self) -> bool:
        return False

    @property
    def looks(self) -> dict[str, int]:
        return {"sure": 0}

    def user_turn_strategies(self, stt: Any, endpointer: Any) -> UserTurnStrategies:  # noqa: ARG002 - the port's
        return UserTurnStrategies(stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.2)])


@dataclass(frozen=True)
class Greeting:
    """An app as the edge sees it."""

    name: str = "test"
    version: str = "0"
    greeting: str = "Hello there."
    holding: str = ""  # on a machine that others load too it would be said in any call
    apology: str = "Sorry, say that again."
    still_there: str = ""
    transfer_failed: str = "Nobody is there."
    transfer_target: str = ""
    three_way: bool = False
    reads_out: bool = True
    voicemail: str = ""
    introduction: str = ""
    consent: str | None = None
    asks_consent: bool | None = None
    records: bool = True
    endpointing_by_agent: Mapping[str, Endpointing] = field(default_factory=dict)
    thinking_sound: str = ""
    speed: float = 1.0
    pronunciations: Mapping[str, str] = field(default_factory=dict)
    every_keyterm: tuple[str, ...] = ()
    asks_variables: bool = False
    fillers: tuple[tuple[str, str, float, str], ...] = ()
    speaks: SpokenLanguages = field(default_factory=SpokenLanguages)
    other_languages: Mapping[str, EdgePhrases] = field(default_factory=dict)

    def said_in(self, language: str) -> EdgePhrases:
        own = {name: getattr(self, name) for name in EdgePhrases.__struct_fields__}
        return self.other_languages.get(language) or EdgePhrases(**own)


@dataclass
class RunningEdge:
    """An edge that takes calls, and its journal."""

    edge: Edge
    url: str
    bus: TestBus
    lines: list[PhoneLine] = field(default_factory=list)
    patience_s: float = 90.0  # no call takes longer, on however busy a machine

    async def call(self, talk: Callable[[PhoneLine], Awaitable[None]], **caller: Any) -> CallOutcome:
        """Make a call and talk in it."""
        line = PhoneLine()
        self.lines.append(line)
        async with asyncio.timeout(self.patience_s):
            return await Caller(self.url, AUTH_TOKEN, **caller).call(line, talk)

    async def event(self, event_type: type[E], **fields: Any) -> E:
        """Wait until there is such an event on the journal."""
        following = self.bus.bus.follow(streams=(event_type.stream,), since="0")
        async with asyncio.timeout(_PUBLISHED_WITHIN_S), aclosing(following) as entries:
            async for entry in entries:
                event = entry.event()
                if isinstance(event, event_type) and all(
                    getattr(event, name) == value for name, value in fields.items()
                ):
                    return event
        raise AssertionError  # it is followed until it is closed


@asynccontextmanager
async def running_edge(
    bus: TestBus, settings: Settings, *hears: str, app: Greeting | None = None, engines: Any = None, **changed: Any
) -> AsyncIterator[RunningEdge]:
    """An edge on a free port whose callers say these words, one stretch of speech after another."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    tokens = {"twilio_auth_token": AUTH_TOKEN, "plivo_auth_token": AUTH_TOKEN}
    unset = {name: token for name, token in tokens.items() if not getattr(settings, name).get_secret_value()}
    update = {"port": port, "prerender": False} | unset | changed
    chosen = Settings.model_validate(settings.model_dump() | update)
    edge = open_edge(chosen, bus.bus, cast("Engines", engines or ScriptedEngines(hears)), app or Greeting())
    async with serving(create_app(edge), listener):
        yield RunningEdge(edge, f"http://127.0.0.1:{port}", bus)
    listener.close()


def relay_voice(running: RunningEdge, **changed: Any) -> RelayVoice:
    """A carrier that hears what the edge's own engine would hear, and speaks like it."""
    words = cast("ScriptedEngines", running.edge.engines).words
    given = {"hear": lambda: words.popleft() if words else "", "speak": lambda text: tone(WORD_S * len(text.split()))}
    return RelayVoice(**(given | changed))


def tone(seconds: float, amplitude: int = 8000) -> Samples:
    """A sound."""
    time = np.arange(round(seconds * 8000)) / 8000
    return cast("Samples", (amplitude * np.sin(2 * np.pi * 440 * time)).astype(np.int16))
