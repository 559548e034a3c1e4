"""Speech to text by Deepgram's streaming API."""

import asyncio
import time
from typing import Any

from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.turns.user_stop import BaseUserTurnStopStrategy

from orchestra.errors import EngineError, SettingError
from orchestra.settings import Settings
from orchestra.voice.engines.failover import RetirableService
from orchestra.voice.engines.frames import SegmentTranscribedFrame
from orchestra.voice.engines.turn_detection.barge_in import BargeIn
from orchestra.voice.engines.turn_detection.endpointing import SmartTurnStop
from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer

#: how often a broken connection is replaced without waiting, in seconds
_REPLACE_EVERY_S = 10.0
#: how long a call may wait for the connection before it begins without, in seconds
CONNECT_S = 2.0
#: after the end of speech Deepgram is asked for what it has, and answers within tenths of a second, in seconds
_ANSWER_WITHIN_S = 3.0


class AnswerTimeout(RetirableService):
    """What reports a service of Deepgram's that stays silent: mix it in before the service's own class."""

    _timer: asyncio.Task[None] | None = None
    unanswered = 0  # stretches of speech that were not answered, one after another
    has_transcript = False  # some words of this stretch of speech were told

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Wait for an answer to each stretch of speech."""
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self.has_transcript = False
            await self._stop_timer()
        elif isinstance(frame, VADUserStoppedSpeakingFrame) and not self._retired:
            await self._stop_timer()
            self._timer = self.create_task(self._await_answer(), "deepgram-answer")

    async def _await_answer(self) -> None:
        await asyncio.sleep(_ANSWER_WITHIN_S)
        self._timer = None
        self.unanswered += 1
        await self._report_unanswered(
            f"Deepgram did not answer within {_ANSWER_WITHIN_S:.0f} s after the end of speech"
        )
        await self.push_frame(SegmentTranscribedFrame())  # a turn without words is over, whoever is to answer

    async def _report_unanswered(self, text: str) -> None:
        await self.push_error(text, exception=EngineError(text))

    async def _answered(self) -> None:
        self.unanswered = 0
        await self._stop_timer()

    async def _stop_timer(self) -> None:
        waiting, self._timer = self._timer, None
        if waiting is not None:
            await self.cancel_task(waiting)

    async def retire(self) -> None:
        """Leave the call to another engine."""
        await self._stop_timer()
        await super().retire()

    async def cleanup(self) -> None:
        """Release what the service holds."""
        await self._stop_timer()
        await super().cleanup()  # type: ignore[no-untyped-call]

    async def push_frame(self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM) -> None:
        """Pass on, noting whether words come."""
        if isinstance(frame, InterimTranscriptionFrame | TranscriptionFrame):
            self.has_transcript = True
        await super().push_frame(frame, direction)


class ReconnectingDeepgramSTT(AnswerTimeout, DeepgramSTTService):
    """Deepgram's service, back at once when its socket breaks in mid-call.

    The stock service waits 4 s before it connects again, and the caller is not heard meanwhile. Here the connection is
    replaced immediately and gets the audio that came in between; one that breaks again soon is left to the stock
    service's backing off.
    """

    _replaced_at = float("-inf")
    _replacing: asyncio.Task[None] | None = None

    async def _on_message(self, message: Any) -> None:
        await self._answered()
        if self._retired:
            return
        await super()._on_message(message)  # type: ignore[no-untyped-call]
        if getattr(message, "is_final", False) and getattr(message, "from_finalize", False):
            await self.push_frame(SegmentTranscribedFrame())

    async def _connect(self) -> None:
        # the stock service keeps the whole call waiting, unheard, until it has connected or given up
        try:
            async with asyncio.timeout(CONNECT_S):
                await super()._connect()  # type: ignore[no-untyped-call]
        except TimeoutError:
            await self._report_unanswered(f"Deepgram did not answer within {CONNECT_S:.0f} s")

    async def retire(self) -> None:
        """Leave the call to another engine."""
        if self._replacing is not None:
            await self.cancel_task(self._replacing)
        await super().retire()

    async def _on_error(self, error: Exception) -> None:
        await super()._on_error(error)  # type: ignore[no-untyped-call]
        now = time.monotonic()
        if now - self._replaced_at >= _REPLACE_EVERY_S:
            self._replaced_at = now
            self._connection = None
            self._replacing = self.create_task(self._reconnect(), "deepgram-reconnect")  # type: ignore[no-untyped-call]

    async def cleanup(self) -> None:
        """Release the connection."""
        if self._replacing is not None:
            await self.cancel_task(self._replacing)
        await super().cleanup()


class DeepgramSTT:
    """Makes Deepgram services; one WebSocket per call to ``settings.deepgram_url``.

    Raises:
        SettingError: the key is missing.

    """

    name = "deepgram"

    def __init__(self, settings: Settings) -> None:
        self._key = settings.deepgram_api_key.get_secret_value()
        self._url = settings.deepgram_url
        self._model = settings.deepgram_model
        if not self._key:
            msg = "ORCHESTRA_STT=deepgram needs a key: set ORCHESTRA_DEEPGRAM_API_KEY, or ORCHESTRA_STT=local"
            raise SettingError(msg)

    def stt(self) -> ReconnectingDeepgramSTT:
        """A service with interim results, punctuation and numbers in digits; finals are asked for at each pause."""
        return ReconnectingDeepgramSTT(
            api_key=self._key,
            base_url=self._url,
            settings=DeepgramSTTService.Settings(
                model=self._model, language="en", interim_results=True, punctuate=True, numerals=True
            ),
        )

    def turn_start(self, barge_in_words: int) -> BargeIn | None:
        """Any voice begins a turn; while the agent speaks, so many words do."""
        return BargeIn(min_words=barge_in_words) if barge_in_words > 1 else None

    def turn_stop(self, analyzer: SmartTurnAnalyzer) -> BaseUserTurnStopStrategy:
        """Ends the turn when smart-turn says so and Deepgram has confirmed the final transcript."""
        return SmartTurnStop(analyzer)
