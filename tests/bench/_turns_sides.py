"""The two sides of the benchmark of turns, in one process with the caller: our edge's call, and stock Pipecat."""

import asyncio
import base64
import itertools
import json
import math
import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
import numpy as np
from fastapi import WebSocket
from pipecat.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService

from orchestra.settings import Settings
from orchestra.voice.audio import mulaw
from orchestra.voice.call.call import Call
from orchestra.voice.call.script import Script
from orchestra.voice.carriers.port import AudioReceived, MarkReturned, Parties, Received
from orchestra.voice.edge import call_session
from orchestra.voice.engines.deepgram.engine import NovaEngine
from orchestra.voice.engines.factory import Engines
from orchestra.voice.engines.local.engine import LocalEngine
from orchestra.voice.engines.synthesized_speech import SynthesizedSpeech
from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra.voice.engines.word_timestamps import WordCountingTTS
from orchestra.voice.pipeline.agent_speech import SpeechQueue
from orchestra.voice.pipeline.pipeline import CallPipeline
from orchestra_schemas import (
    CallEnded,
    Event,
    ReplyChunk,
    TurnCompleted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)
from tests.bench import _stock_pipecat
from tests.bench._turns_line import Caller
from tests.bench._turns_nova import NovaServer
from tests.bench._turns_speech import RATE, Library, Recording

#: published first token of a model, and first byte of a voice (see `_vendors.py`): median and 95 % in seconds
_MODEL_S, _VOICE_S = (0.420, 0.900), (0.138, 0.250)
_P95 = 1.6449
_CHUNK = RATE  # bytes: half a second
_SHOWN = ("TranscriptFinal", "UserSpeechStarted", "UserTurnPredicted", "UserTurnResumed", "ReplyInterrupted",
          "SentenceSpoken", "ReplySpoken", "TranscriptPartial", "ProviderFailed")  # fmt: skip


@dataclass
class Speeds:
    """How long the model and the voice take, the same for both sides."""

    seed: str
    _stages: dict[str, random.Random] = field(default_factory=dict)

    def draw(self, stage: str) -> float:
        """The next time of this stage, in seconds."""
        median, p95 = _MODEL_S if stage == "model" else _VOICE_S
        rng = self._stages.setdefault(stage, random.Random(f"{self.seed} {stage}"))
        return median * math.exp(rng.gauss(0, math.log(p95 / median) / _P95))


class KnownTTS(TTSService):
    """Says what Piper has said before, at a vendor's speed."""

    def __init__(self, *, library: Library, speeds: Speeds, **options: Any) -> None:
        settings = TTSSettings(model="known", voice="known", language=None)
        options |= {"push_start_frame": True, "push_stop_frames": True, "push_text_frames": False}
        super().__init__(settings=settings, **options)
        self._library, self._speeds = library, speeds
        self._said_s: dict[str, float] = {}

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """The sentence after the vendor's time, faster than it plays."""
        await asyncio.sleep(self._speeds.draw("voice"))
        spoken = self._library.piper(text)
        before_s = self._said_s.get(context_id, 0.0)
        self._said_s[context_id] = before_s + spoken.seconds
        audio = spoken.samples.tobytes()
        for start in range(0, len(audio), _CHUNK):
            yield TTSAudioRawFrame(audio[start : start + _CHUNK], RATE, 1, context_id=context_id)
        await self.add_word_timestamps([(word.text, before_s + word.start_s) for word in spoken.words], context_id)


class OwnKnownTTS(WordCountingTTS, KnownTTS):
    """The same with the edge's own word counting."""


@dataclass
class KnownVoice:
    """Our port of a text-to-speech engine."""

    library: Library
    speeds: Speeds
    name: str = "known"

    def tts(self, *_: Any, **__: Any) -> OwnKnownTTS:
        return OwnKnownTTS(library=self.library, speeds=self.speeds)

    def ipa(self, *_: Any) -> str:
        return ""

    def voice_key(self, *_: Any) -> str:
        return "known"

    async def render(self, text: str, *_: Any) -> SynthesizedSpeech:
        spoken: Recording = self.library.piper(text)
        return SynthesizedSpeech(spoken.samples.tobytes(), tuple((word.text, word.start_s) for word in spoken.words))

    async def close(self) -> None:
        """Nothing to close."""


class Journal:
    """Takes the place of the bus: notes what the edge publishes, and answers as the agents do."""

    connected, unanswered_s = True, 0.0

    def __init__(self, caller: Caller, speeds: Speeds) -> None:
        self._caller, self._speeds = caller, speeds
        self._replies: dict[int, asyncio.Task[None]] = {}
        self._numbers = itertools.count(1)
        self.call: Call | None = None

    def publish(self, event: Event) -> Event:
        """Note the event and let the agents act on it."""
        match event:
            case UserTurnPredicted():
                self._prompt(event.turn)
            case UserTurnResumed():
                self._cancel(event.turn)
            case UserTurnEnded():
                self._caller.note("turn ended", event.text)
                if not (event.predicted and event.turn in self._replies):
                    self._cancel(event.turn)
                    self._prompt(event.turn)
            case CallEnded():
                for turn in list(self._replies):
                    self._cancel(turn)
            case _:
                pass
        if type(event).__name__ in _SHOWN:
            self._caller.note(type(event).__name__, getattr(event, "text", getattr(event, "heard", "")))
        return msgspec.structs.replace(event, id=f"bench.{next(self._numbers)}")

    def forget(self, call: str) -> None:
        """Nothing is kept."""

    def _prompt(self, turn: int) -> None:
        reply = self._caller.reply
        self._replies[turn] = asyncio.create_task(self._answer(turn, reply, self._speeds.draw("model")))

    def _cancel(self, turn: int) -> None:
        if (task := self._replies.pop(turn, None)) is not None:
            task.cancel()

    async def _answer(self, turn: int, reply: str, after_s: float) -> None:
        await asyncio.sleep(after_s)
        assert self.call is not None
        call = self.call
        call.take_event(ReplyChunk(call=call.id, turn=turn, text=reply, agent="desk", id=f"chunk.{turn}.{reply}"))
        call.take_event(TurnCompleted(call=call.id, turn=turn, agent="desk", text=reply, id=f"done.{turn}.{reply}"))


class LineStream:
    """Our carrier's port on the caller's line."""

    sample_rate = RATE

    def __init__(self, caller: Caller) -> None:
        self._line = caller.line
        self._line.stream = cast("Any", _Sent(self))
        self.received: asyncio.Queue[Received] = asyncio.Queue()

    async def receive(self) -> Received:
        return await self.received.get()

    async def send_audio(self, samples: bytes) -> bool:
        self._line.playout.put(mulaw.encode(np.frombuffer(samples, np.int16)))
        return True

    async def send_mark(self, name: str) -> None:
        self._line.playout.mark(name)

    async def clear(self) -> None:
        await self._line.clear()


class _Sent:
    """What the line sends, as the edge's carrier hands it on."""

    def __init__(self, stream: LineStream) -> None:
        self._stream = stream

    async def send_audio(self, frame: bytes) -> None:
        self._stream.received.put_nowait(AudioReceived(mulaw.decode(frame).tobytes()))

    async def send_mark(self, name: str) -> None:
        self._stream.received.put_nowait(MarkReturned(name))


class Ours:
    """The edge's call with its pipeline and its engines, from the carrier's port on."""

    def __init__(self, library: Library, nova: NovaServer, settings: Settings) -> None:
        self._library, self._nova = library, nova
        self._models = TurnDetectionModels.load()
        self._engines = {
            "nova": NovaEngine(settings.model_copy(update={"deepgram_url": nova.ws_url})),
            "local": LocalEngine(library.speech),
        }
        self._settings = settings

    def start(self, engine: str, caller: Caller) -> asyncio.Task[None]:
        """Answer the caller until cancelled."""
        self._nova.ear, self._nova.seed = caller.ear, caller.conversation.name
        return asyncio.create_task(self._run(engine, caller))

    async def _run(self, engine: str, caller: Caller) -> None:
        speeds = Speeds(caller.conversation.name)
        stt: Any = self._engines[engine]
        engines = Engines(stt, cast("Any", KnownVoice(self._library, speeds)), self._models,
                          barge_in_words=self._settings.barge_in_words)  # fmt: skip
        stream, journal, speech = LineStream(caller), Journal(caller, speeds), SpeechQueue()
        script = Script("bench", caller.conversation.greeting, "", 3600.0, 600.0)
        call = Call(Parties("bench", "CA0"), script, engines.name, cast("Any", journal), speech.put)
        journal.call = call
        call.started()
        pipeline = CallPipeline(call, speech, lambda _phrase: None, engines, stream)
        try:
            listening = call_session._read_all(call, pipeline, stream)
            parts = call_session.CallParts(pipeline.run(), listening, call.watch(), pipeline.stop)
            await call_session._run_call(call, parts)
        finally:
            call.ended("caller_hung_up")


class _KnownModel(FrameProcessor):
    """Takes the place of the language model in the stock pipeline."""

    def __init__(self, caller: Caller, speeds: Speeds) -> None:
        super().__init__()
        self._caller, self._speeds = caller, speeds
        self._answering: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Answer a turn after the model's time; an interruption cancels it."""
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame) and direction is FrameDirection.DOWNSTREAM:
            said = [message for message in frame.context.get_messages() if message.get("role") == "user"]
            self._caller.note("turn ended", str(said[-1]["content"]) if said else "")
            await asyncio.sleep(self._speeds.draw("model"))
            await self.push_frame(LLMFullResponseStartFrame())
            await self.push_frame(LLMTextFrame(self._caller.reply))
            await self.push_frame(LLMFullResponseEndFrame())
        else:
            await self.push_frame(frame, direction)


class Stock:
    """Stock Pipecat as its examples for Twilio build it, on its own transport."""

    def __init__(self, library: Library, nova: NovaServer) -> None:
        self._library, self._nova = library, nova

    def start(self, _engine: str, caller: Caller) -> asyncio.Task[None]:
        """Answer the caller until cancelled."""
        self._nova.ear, self._nova.seed = caller.ear, caller.conversation.name
        return asyncio.create_task(self._run(caller))

    async def _run(self, caller: Caller) -> None:
        speeds = Speeds(caller.conversation.name)

        def services() -> tuple[FrameProcessor, FrameProcessor, FrameProcessor]:
            stt = DeepgramSTTService(api_key="any", base_url=self._nova.ws_url)
            return stt, _KnownModel(caller, speeds), KnownTTS(library=self._library, speeds=speeds)

        socket = _Socket(caller)
        websocket = WebSocket({"type": "websocket", "headers": []}, socket.receive, socket.send)
        holding = asyncio.create_task(_stock_pipecat.hold(websocket, services, caller.conversation.greeting))
        try:
            await holding
        finally:
            socket.received.put_nowait({"type": "websocket.disconnect", "code": 1000})
            await asyncio.wait([holding], timeout=5.0)
            holding.cancel()


class _Socket:
    """Twilio's media stream, without a network."""

    def __init__(self, caller: Caller) -> None:
        self._line = caller.line
        self._line.stream = cast("Any", self)
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        start = {"streamSid": "MZ0", "callSid": "CA0", "accountSid": "AC0", "customParameters": {}}
        self.received.put_nowait({"type": "websocket.connect"})
        self._hear({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        self._hear({"event": "start", "streamSid": "MZ0", "start": start})

    def _hear(self, message: dict[str, Any]) -> None:
        self.received.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    async def receive(self) -> dict[str, Any]:
        return await self.received.get()

    async def send(self, message: Any) -> None:
        if message["type"] != "websocket.send" or not message.get("text"):
            return
        sent = json.loads(message["text"])
        if sent["event"] == "media":
            self._line.playout.put(base64.b64decode(sent["media"]["payload"]))
        elif sent["event"] == "clear":
            await self._line.clear()

    async def send_audio(self, frame: bytes) -> None:
        payload = base64.b64encode(frame).decode()
        self._hear({"event": "media", "streamSid": "MZ0", "media": {"track": "inbound", "payload": payload}})

    async def send_mark(self, name: str) -> None:
        """Stock Pipecat sends no marks."""
