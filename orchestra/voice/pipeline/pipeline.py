"""The Pipecat pipeline of one call."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import structlog
from pipecat.audio.utils import create_stream_resampler
from pipecat.frames.frames import ErrorFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.workers.runner import WorkerRunner

from orchestra.clock import SYSTEM_CLOCK, Clock
from orchestra.errors import EngineError
from orchestra.voice.audio.noise_suppression import Strength
from orchestra.voice.call.call import Call
from orchestra.voice.carriers.port import MediaStream
from orchestra.voice.engines.failover import AnswerTimeout, RetirableService, StandbyService
from orchestra.voice.engines.word_timestamps import WordCountingTTS
from orchestra.voice.pipeline.agent_speech import AgentSpeechProcessor, FindPhrase, SpeechQueue
from orchestra.voice.pipeline.failover_policy import FailoverPolicy
from orchestra.voice.pipeline.thinking_sound import Samples, ThinkingSound
from orchestra.voice.pipeline.transport import LISTENING_RATE, StreamInput, StreamOutput
from orchestra.voice.pipeline.user_turns import UserTurnAggregator

if TYPE_CHECKING:
    from orchestra.voice.engines.factory import Engines

_LOG = structlog.get_logger("orchestra.voice")

#: text counts as lost if the TTS engine sends no audio for this long and there is a fallback, in seconds
_SPEECH_WITHIN_S = 2.0
#: the same without a fallback: late audio is better than none
_LATE_SPEECH_WITHIN_S = 5.0
#: the same for text that was given to the engine a second time
_SECOND_SPEECH_WITHIN_S = 1.5
_LOOK_EVERY_S = 0.25
#: Pipecat's error when an engine has sent no audio for 3 s; it may still come
_SILENT = "no audio"


class CallPipeline:
    """``[input, speech-to-text, user turns, agent speech, text-to-speech, output]`` of one call.

    An engine's fallback follows it in the pipeline, ready to take over. Each call has its own runner: a `WorkerRunner`
    keeps every worker it ever ran (Pipecat 1.14), so a shared one would keep every call's pipeline in memory.

    Args:
        call: whose pipeline it is.
        speech: what the call says.
        find_phrase: the synthesized audio of a text in a voice, if it is cached.
        engines: the process's speech engines.
        stream: the call's audio, to the carrier.
        thinking: what is heard while agents are at work and nothing is said, mono at the stream's rate; None: no app
            of this edge has such a sound.
        noise: how much noise is taken out of the caller's audio.
        clock: the time; tests pass their own.

    """

    def __init__(
        self,
        call: Call,
        speech: SpeechQueue,
        find_phrase: FindPhrase,
        engines: "Engines",
        stream: MediaStream,
        *,
        thinking: Callable[[], Samples] | None = None,
        noise: Strength = "off",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._call = call
        self._engines = engines
        conversation = call.conversation
        self._stt = engines.stt(call.heard_language, call.keyterms)
        self._stt_fallback = engines.stt_fallback(call.heard_language)
        self._tts = engines.tts(language=call.language, speed=call.speed)
        self._tts_fallback = engines.tts_fallback(call.language, call.speed)
        for tts in (self._tts, self._tts_fallback):
            if isinstance(tts, WordCountingTTS):
                tts.pronounce(lambda: call.pronunciations)
        stt_name, _, tts_name = engines.name.partition("/")
        self._stt_policy = FailoverPolicy("stt", stt_name, _name_of(self._stt_fallback))
        self._tts_policy = FailoverPolicy("tts", tts_name, _name_of(self._tts_fallback))
        self._respoken = False  # text was given to the engine a second time
        self._clock = clock
        self._started = clock.monotonic()
        self._sample_rate = stream.sample_rate
        self._operator_rate, self._resampler = 0, create_stream_resampler(clear_after_secs=None)
        self._input = StreamInput(stream.sample_rate, call.audio, noise)
        self._has_sound = thinking is not None
        sound = thinking or (lambda: np.zeros(0, np.int16))
        self._thinking = ThinkingSound(sound, stream.sample_rate, lambda: conversation.silent_s)
        self._output = StreamOutput(
            stream,
            call.audio,
            self._thinking,
            on_speech=conversation.on_tts_audio,
            on_held=conversation.on_speech_ready,
            on_sound=conversation.on_audio_sent,
            on_mark=call.on_mark_sent,
            on_clear=conversation.cleared,
        )
        self._user_turns = UserTurnAggregator(conversation, engines, self._stt, call.endpointing)
        self._agent_speech = AgentSpeechProcessor(
            conversation,
            speech,
            find_phrase,
            lambda: call.pronunciations,
            language=call.language,
            speed=call.speed,
            on_tts_text=call.on_tts_text,
            on_wasted_text=call.on_wasted_text,
        )
        parts: list[FrameProcessor | None] = [self._input, self._stt, self._stt_fallback, self._user_turns]
        parts += [self._agent_speech, self._tts, self._tts_fallback, self._output]
        self._worker = PipelineWorker(
            Pipeline([part for part in parts if part is not None]),
            params=PipelineParams(audio_in_sample_rate=LISTENING_RATE, audio_out_sample_rate=stream.sample_rate),
            name=f"call-{call.id}",
            conversation_id=call.id,
            enable_rtvi=False,
            enable_turn_tracking=False,
            idle_timeout_secs=None,  # the call itself limits silence and length
            cancel_runner_on_idle_timeout=False,
        )
        self._listens_for = call.heard_language
        self._language_frames: set[asyncio.Task[None]] = set()
        call.on_language_changed = self._change_language
        self._worker.add_event_handler("on_pipeline_started", self._ready)
        self._worker.add_event_handler("on_pipeline_error", self._failed)

    async def run(self) -> None:
        """Run until `stop`, or until the pipeline fails."""
        runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
        await runner.add_workers(self._worker)
        tasks = [asyncio.create_task(self._watch_tts(), name=f"speech {self._call.id}")]
        if self._has_sound:
            sound = self._output.play_while_waiting()
            tasks.append(asyncio.create_task(sound, name=f"thinking sound {self._call.id}"))
        try:
            await runner.run()
        finally:
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def push_audio(self, samples: bytes) -> None:
        """Take a frame of the caller's audio."""
        await self._input.push_audio(samples)

    async def play(self, samples: bytes, sample_rate: int, *, beside: bool = False) -> None:
        """Have the caller hear an operator's voice, past the TTS engine: 16-bit mono samples of any rate.

        ``beside``: it is that of a person on the line with the agents, and is heard at the same time as theirs.
        """
        if sample_rate != self._operator_rate:  # a resampler has one rate for life
            self._operator_rate, self._resampler = sample_rate, create_stream_resampler(clear_after_secs=None)
        audio = await self._resampler.resample(samples, sample_rate, self._sample_rate)
        if audio and beside:
            await self._output.play_beside(audio)
        elif audio:
            await self._output.queue_frame(OutputAudioRawFrame(audio, self._sample_rate, 1))

    async def stop(self) -> None:
        """End the pipeline now; speech stops."""
        await self._worker.cancel(reason="call over")

    def _change_language(self) -> None:
        """The call is in another language: let its turns be judged, and its words be recognized, in that one."""
        self._user_turns.use_language()
        if self._call.heard_language == self._listens_for:
            return  # to every language
        self._listens_for = self._call.heard_language
        frames = self._engines.change_language(self._listens_for)
        task = asyncio.create_task(self._worker.queue_frames(frames), name=f"language {self._call.id}")
        self._language_frames.add(task)
        task.add_done_callback(self._language_frames.discard)

    async def _ready(self, _worker: object, _frame: object) -> None:
        await self._call.first_words.wait()
        self._call.greet()

    async def _watch_tts(self) -> None:
        conversation = self._call.conversation
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._respoken = self._respoken and conversation.tts_audio_missing(0)
            if self._tts_fallback is not None and not self._tts_policy.switched:
                within_s = _SPEECH_WITHIN_S
            else:
                within_s = _SECOND_SPEECH_WITHIN_S if self._respoken else _LATE_SPEECH_WITHIN_S
            if not conversation.tts_audio_missing(within_s):
                continue
            if self._respoken:
                self._agent_speech.on_tts_lost()
                self._call.on_tts_lost()
                return
            await self._tts_failed(f"no speech came within {within_s:.0f} s", unanswered=True)

    async def _failed(self, _worker: object, frame: ErrorFrame) -> None:
        if frame.processor is self._stt:
            await self._stt_failed(frame.error, unanswered=isinstance(frame.exception, EngineError))
        elif frame.processor is self._tts and not (_SILENT in frame.error and self._tts_fallback is None):
            await self._tts_failed(frame.error, unanswered=False)
        else:
            _LOG.warning("call.engine_failed", call=self._call.id, where=str(frame.processor), error=frame.error)

    async def _stt_failed(self, error: str, *, unanswered: bool) -> None:
        if unanswered and await self._only_noise():
            _LOG.info("call.noise_unanswered", call=self._call.id, provider=self._stt_policy.name)
            return
        decision = self._stt_policy.on_failure(self._clock.monotonic() - self._started, unanswered=unanswered)
        if decision == "nothing":
            return
        standby = self._stt_fallback if decision == "fallback" else None
        self._report_failure(self._stt_policy, error, fallback=standby is not None)
        if standby is not None:
            if isinstance(self._stt, RetirableService):
                await self._stt.retire()
            await self._user_turns.switch_engine(standby)
            await standby.activate()

    async def _only_noise(self) -> bool:
        """Whether the only unanswered speech is noise, which is not the engine's fault the first time."""
        if not isinstance(self._stt, AnswerTimeout) or self._stt.unanswered != 1 or self._stt.has_transcript:
            return False
        return self._stt_fallback is None or await self._stt_fallback.holds_only_noise()

    async def _tts_failed(self, error: str, *, unanswered: bool) -> None:
        decision = self._tts_policy.on_failure(self._clock.monotonic() - self._started, unanswered=unanswered)
        if decision == "nothing":
            return
        standby = self._tts_fallback if decision == "fallback" else None
        self._report_failure(self._tts_policy, error, fallback=standby is not None)
        lost = self._call.conversation.tts_failed()
        self._respoken = self._respoken or (lost and standby is None)
        if standby is not None:
            if isinstance(self._tts, RetirableService):
                await self._tts.retire()
            await standby.activate()
        if lost:
            await self._agent_speech.interrupt()

    def _report_failure(self, policy: FailoverPolicy, error: str, *, fallback: bool) -> None:
        self._call.provider_failed(policy.kind, policy.name, error, policy.fallback if fallback else "")


def _name_of(fallback: StandbyService | None) -> str:
    return "" if fallback is None else fallback.engine_name
