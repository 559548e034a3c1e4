"""Speech to text by Deepgram Flux, whose server also reports when the caller's turn begins and ends.

https://developers.deepgram.com/docs/flux
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pipecat.frames.frames import ControlFrame, Frame, InterimTranscriptionFrame, TranscriptionFrame
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService, DeepgramFluxSTTSettings
from pipecat.transcriptions.language import Language
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_stop import ExternalUserTurnStopStrategy
from pipecat.utils.types import is_given

from orchestra.language.tags import base_of
from orchestra.language.utterance_state import UtteranceState
from orchestra.spoken_languages import AUTO
from orchestra.voice.engines.deepgram.languages import FLUX_MULTILINGUAL, flux_model, flux_numerals
from orchestra.voice.engines.deepgram.one_in_words import OneInWords
from orchestra.voice.engines.deepgram.stt import CONNECT_S
from orchestra.voice.engines.failover import AnswerTimeout
from orchestra.voice.engines.turn_detection.endpointing import Endpointer, allowed_pause_s

_RETRY_S = 0.5
#: how sure the server must be of a turn's end, 0.5 to 0.9; its own default is 0.7
#: https://developers.deepgram.com/docs/flux/configuration
_THRESHOLDS: Final[Mapping[UtteranceState, float]] = {
    UtteranceState.ANSWER: 0.6,
    UtteranceState.QUESTION: 0.65,
    UtteranceState.COMPLETE: 0.7,
    UtteranceState.PREAMBLE: 0.75,
    UtteranceState.OPEN: 0.75,
    UtteranceState.UNFINISHED: 0.9,
    UtteranceState.DICTATION: 0.9,
    UtteranceState.THINKING: 0.9,
}
#: the shortest silence that the server takes for the end of a turn of which it is not sure, in ms
_SHORTEST_TIMEOUT_MS: Final = 500


@dataclass
class TurnBoundsFrame(ControlFrame):
    """How sure the server must be that a turn is over, and after how much silence it is over in any case."""

    threshold: float
    timeout_ms: int


class FluxSTT(AnswerTimeout, OneInWords, DeepgramFluxSTTService):
    """Flux's service; a connection that takes long neither delays the call nor fails silently.

    If its socket breaks, it reconnects at once, and then every half second. A language that ``model`` does not know is
    heard by the multilingual one.
    """

    vendor = "Deepgram"

    def __init__(self, model: str, language: str, *, settings: DeepgramFluxSTTSettings, **options: Any) -> None:
        settings.apply_update(_in_language(model, language))
        super().__init__(settings=settings, **options)
        self._reconnect_backoff_min_wait = _RETRY_S
        self._model, self.hears = model, language

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        if is_given(delta.language):
            self.hears = str(delta.language)
            own = _in_language(self._model, self.hears)
            known: Any = self._settings
            known.numerals = own.numerals  # the server reads it when it is connected to
            if own.model != known.model:
                known.language_hints = own.language_hints  # as the new connection has to say; the old one refuses them
            delta = DeepgramFluxSTTSettings(model=own.model, language_hints=own.language_hints)
        changed: dict[str, Any] = await super()._update_settings(delta)
        return changed

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass new bounds on to the server, which applies them at once."""
        if isinstance(frame, TurnBoundsFrame):
            if not self._retired:
                await self._apply(frame)
            return
        await super().process_frame(frame, direction)

    async def _apply(self, bounds: TurnBoundsFrame) -> None:
        known: Any = self._settings
        threshold = max(bounds.threshold, known.eager_eot_threshold or 0.0)  # the server refuses a smaller one
        await self._update_settings(DeepgramFluxSTTSettings(eot_threshold=threshold, eot_timeout_ms=bounds.timeout_ms))

    async def _handle_turn_info(self, data: dict[str, Any]) -> None:
        await self._answered()
        if not self._retired:
            await super()._handle_turn_info(data)

    async def _connect_websocket(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                await super()._connect_websocket()  # type: ignore[no-untyped-call]
        except TimeoutError:
            await self._report_unanswered(f"Deepgram did not answer within {CONNECT_S:.0f} s")


def _in_language(model: str, language: str) -> DeepgramFluxSTTSettings:
    chosen = flux_model(model, language)
    hinted = chosen == FLUX_MULTILINGUAL and language != AUTO
    return DeepgramFluxSTTSettings(
        model=chosen, language_hints=[Language(base_of(language))] if hinted else [], numerals=flux_numerals(language)
    )


class ServerTurnStop(ExternalUserTurnStopStrategy):
    """Ends the turn as soon as the server has reported both its end and its words, in either order.

    How sure and how patient the server has to be follows the words so far, the agent's question and the app's options.
    """

    def __init__(self, endpointer: Endpointer, **options: Any) -> None:
        super().__init__(**options)
        self._endpointer = endpointer
        self._bounds = (0.0, 0)

    async def handle_user_turn_started(self) -> None:
        """Begin a turn: what it answers is known now."""
        self._endpointer.turn_started()
        await super().handle_user_turn_started()  # type: ignore[no-untyped-call]

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Follow the caller's words."""
        if isinstance(frame, InterimTranscriptionFrame):
            await self._bound(frame.text)
        return await super().process_frame(frame)

    async def _bound(self, text: str) -> None:
        state = self._endpointer.state_of(text)
        longest_s = allowed_pause_s(state, 0.0, self._endpointer.chosen)
        bounds = (_THRESHOLDS[state], max(_SHORTEST_TIMEOUT_MS, round(longest_s * 10) * 100))
        if bounds != self._bounds:
            self._bounds = bounds
            self._endpointer.pause_s(text)  # reports what the caller may take
            await self.push_frame(TurnBoundsFrame(*bounds), FrameDirection.UPSTREAM)

    async def _handle_transcription(self, frame: TranscriptionFrame) -> None:
        await super()._handle_transcription(frame)
        if self._turn_open:
            await self._maybe_trigger_user_turn_stopped()  # type: ignore[no-untyped-call]
