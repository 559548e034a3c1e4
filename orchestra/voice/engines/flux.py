"""Speech to text by Deepgram Flux, whose server also tells when the caller's turn begins and ends.

https://developers.deepgram.com/docs/flux
"""

import asyncio
from typing import Any

from pipecat.frames.frames import TranscriptionFrame
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService
from pipecat.turns.user_start import BaseUserTurnStartStrategy, ExternalUserTurnStartStrategy
from pipecat.turns.user_stop import BaseUserTurnStopStrategy, ExternalUserTurnStopStrategy

from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.voice.engines.deepgram import CONNECT_S, AnswerTimeout
from orchestra.voice.engines.turn_detection.barge_in import ServerBargeIn
from orchestra.voice.engines.turn_detection.models import SmartTurnAnalyzer

_RETRY_S = 0.5


def is_flux(model: str) -> bool:
    """Whether a model of Deepgram's is served as Flux is."""
    return model.startswith("flux")


class FluxSTT(AnswerTimeout, DeepgramFluxSTTService):
    """Flux's service; the call neither waits long for its connection nor goes unheard without a word of it.

    When its socket breaks it connects again at once, and then each half second.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._reconnect_backoff_min_wait = _RETRY_S

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


class ServerTurnStop(ExternalUserTurnStopStrategy):
    """Ends the turn when the server does, at once, whichever of its end and its words comes first."""

    async def _handle_transcription(self, frame: TranscriptionFrame) -> None:
        await super()._handle_transcription(frame)
        if self._turn_open:
            await self._maybe_trigger_user_turn_stopped()  # type: ignore[no-untyped-call]


class DeepgramFlux:
    """Makes Flux services; one WebSocket per call to ``settings.deepgram_url``.

    Raises:
        SettingError: the key is missing.

    """

    name = "deepgram"

    def __init__(self, settings: Settings) -> None:
        self._key = settings.deepgram_api_key.get_secret_value()
        self._url = f"{settings.deepgram_url.rstrip('/')}/v2/listen"
        self._model = settings.deepgram_model
        self._eager = settings.deepgram_eager
        if not self._key:
            msg = "ORCHESTRA_STT=deepgram needs a key: set ORCHESTRA_DEEPGRAM_API_KEY, or ORCHESTRA_STT=local"
            raise SettingError(msg)

    def stt(self) -> FluxSTT:
        """A service with interim results, punctuation and numbers in digits, that tells of turns."""
        return FluxSTT(
            api_key=self._key,
            url=self._url,
            enable_eager_end_of_turn=bool(self._eager),
            settings=DeepgramFluxSTTService.Settings(
                model=self._model, numerals=True, eager_eot_threshold=self._eager or None
            ),
        )

    def turn_start(self, barge_in_words: int) -> BaseUserTurnStartStrategy:
        """The server begins a turn with its first word; while the agent speaks, so many words do."""
        return ServerBargeIn(min_words=barge_in_words) if barge_in_words > 1 else ExternalUserTurnStartStrategy()

    def turn_stop(self, analyzer: SmartTurnAnalyzer) -> BaseUserTurnStopStrategy:  # noqa: ARG002 - the server hears it itself
        """Ends the turn when the server does."""
        return ServerTurnStop()
