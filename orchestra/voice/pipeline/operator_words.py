"""What an operator says who has taken a call over: the call's STT engine hears it as a second speaker."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from pipecat.audio.utils import create_stream_resampler
from pipecat.frames.frames import ErrorFrame, Frame, InputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMUserAggregator,
    LLMUserAggregatorParams,
    UserTurnStoppedMessage,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.workers.runner import WorkerRunner

from orchestra.async_tasks import cancel_and_wait
from orchestra.language import find_language
from orchestra.language.registry import DEFAULT_CODE
from orchestra.spoken_languages import AUTO
from orchestra.voice.engines.turn_detection.endpointing import Endpointer
from orchestra.voice.engines.turn_detection.turn_words import JoinedTranscriptionFrame
from orchestra.voice.pipeline.transport import LISTENING_RATE

if TYPE_CHECKING:
    from orchestra.voice.engines.factory import Engines

_LOG = structlog.get_logger("orchestra.voice")

#: silence after the last of the microphone, by which engines know that nothing follows, in seconds
_SILENCE_S = 1.5
_FRAME_S = 0.04
#: words that have not come after this will not, in seconds
_LAST_WORDS_WITHIN_S = 3.0
_STOPS_WITHIN_S = 4.0


class OperatorWords:
    """``[speech-to-text, turns]`` of one take-over, beside the call's pipeline: nothing of it is in the call's way.

    If the engine fails, the rest of what the operator says is not transcribed; the call goes on.

    Args:
        call: its id.
        engines: the process's speech engines.
        on_words: called with what was said between two pauses.
        on_audio: called with the seconds of audio that the engine is given: it costs what the caller's does.
        language: in which the engine hears them, BCP 47 or `AUTO`: that of the call.
        keyterms: names that the engine is told to expect.

    """

    def __init__(
        self,
        call: str,
        engines: "Engines",
        on_words: Callable[[str], None],
        on_audio: Callable[[float], None],
        *,
        language: str = DEFAULT_CODE,
        keyterms: tuple[str, ...] = (),
    ) -> None:
        self._call = call
        self._on_words = on_words
        self._on_audio = on_audio
        self._rate, self._resampler = LISTENING_RATE, create_stream_resampler(clear_after_secs=None)
        stt, vad = engines.stt(language, keyterms), engines.vad()
        spoken = find_language(DEFAULT_CODE if language == AUTO else language)
        endpointer = Endpointer(voice_starting=lambda: vad.voice_starting, language=spoken)
        params = LLMUserAggregatorParams(
            vad_analyzer=vad,
            user_turn_strategies=engines.user_turn_strategies(stt, endpointer),
            user_turn_stop_timeout=_STOPS_WITHIN_S,
            empty_user_turn=None,
        )
        self._context = LLMContext()
        turns = _OperatorTurns(self._context, params=params, name="operator")
        turns.add_event_handler("on_user_turn_started", self._started)
        turns.add_event_handler("on_user_turn_stopped", self._stopped)
        self._silent = asyncio.Event()
        self._silent.set()
        self._worker = PipelineWorker(
            Pipeline([stt, turns]),
            params=PipelineParams(audio_in_sample_rate=LISTENING_RATE),
            name=f"operator-{call}",
            conversation_id=call,
            enable_rtvi=False,
            enable_turn_tracking=False,
            idle_timeout_secs=None,
            cancel_runner_on_idle_timeout=False,
        )
        self._worker.add_event_handler("on_pipeline_error", self._failed)
        self._running = asyncio.create_task(self._run(), name=f"operator's words {call}")
        self._finishing: asyncio.Task[None] | None = None

    async def push(self, samples: bytes, sample_rate: int) -> None:
        """Take audio that the caller hears: 16-bit mono samples."""
        if sample_rate != self._rate:  # a resampler has one rate for life
            self._rate, self._resampler = sample_rate, create_stream_resampler(clear_after_secs=None)
        if sample_rate != LISTENING_RATE:
            samples = await self._resampler.resample(samples, sample_rate, LISTENING_RATE)
        if samples and not self._running.done():
            self._on_audio(len(samples) / 2 / LISTENING_RATE)
            await self._queue(samples)

    def finish(self) -> None:
        """The take-over is over; its last words are still waited for."""
        self._finishing = self._finishing or asyncio.create_task(self._finish(), name=f"last words {self._call}")

    async def close(self) -> None:
        """End at once; safe to repeat."""
        if self._finishing is not None:
            await cancel_and_wait(self._finishing)
        if not self._running.done():
            await self._worker.cancel(reason="call over")
        await asyncio.gather(self._running, return_exceptions=True)

    async def _queue(self, samples: bytes) -> None:
        await self._worker.queue_frame(InputAudioRawFrame(audio=samples, sample_rate=LISTENING_RATE, num_channels=1))

    async def _run(self) -> None:
        runner = WorkerRunner(handle_sigint=False, handle_sigterm=False)
        try:
            await runner.add_workers(self._worker)
            await runner.run()
        except Exception:  # noqa: BLE001 - the call goes on without these words
            _LOG.exception("operator.not_transcribed", call=self._call)

    async def _finish(self) -> None:
        silence = bytes(round(_FRAME_S * LISTENING_RATE) * 2)
        for _ in range(round(_SILENCE_S / _FRAME_S)):
            await self._queue(silence)
        try:
            async with asyncio.timeout(_LAST_WORDS_WITHIN_S):
                await self._worker.flush_pipeline()
                await self._silent.wait()
        except TimeoutError:
            _LOG.warning("operator.last_words_late", call=self._call)
        await self._worker.cancel(reason="handed back")

    def _started(self, _turns: object, _strategy: object) -> None:
        self._silent.clear()

    def _stopped(self, _turns: object, _strategy: object, message: UserTurnStoppedMessage) -> None:
        self._silent.set()
        self._context.set_messages([])  # the journal keeps it
        if text := (message.content or "").strip():
            self._on_words(text)

    def _failed(self, _worker: object, frame: ErrorFrame) -> None:
        _LOG.warning("operator.not_transcribed", call=self._call, error=frame.error)


class _OperatorTurns(LLMUserAggregator):
    """Decides where what the operator says begins and ends, as for the caller; it interrupts nobody."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take words; those of two stretches of speech in one replace the first of them."""
        if isinstance(frame, JoinedTranscriptionFrame):
            del self._aggregation[-1:]
        await super().process_frame(frame, direction)

    async def broadcast_interruption(self) -> None:
        """Nothing: the caller's own words are another pipeline's."""
