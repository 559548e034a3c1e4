"""Speech to text by Deepgram Flux, whose server also tells when the caller's turn begins and ends.

https://developers.deepgram.com/docs/flux
"""

import asyncio
from typing import Any

from pipecat.frames.frames import TranscriptionFrame
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService
from pipecat.turns.user_stop import ExternalUserTurnStopStrategy

from orchestra.voice.engines.deepgram.stt import CONNECT_S
from orchestra.voice.engines.failover import AnswerTimeout

_RETRY_S = 0.5


class FluxSTT(AnswerTimeout, DeepgramFluxSTTService):
    """Flux's service; the call neither waits long for its connection nor goes unheard without a word of it.

    When its socket breaks it connects again at once, and then each half second.
    """

    vendor = "Deepgram"

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
