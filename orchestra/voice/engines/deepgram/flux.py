"""Speech to text by Deepgram Flux, whose server also reports when the caller's turn begins and ends.

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
    """Flux's service; a connection that takes long neither delays the call nor fails silently.

    If its socket breaks, it reconnects at once, and then every half second.
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
    """Ends the turn as soon as the server has reported both its end and its words, in either order."""

    async def _handle_transcription(self, frame: TranscriptionFrame) -> None:
        await super()._handle_transcription(frame)
        if self._turn_open:
            await self._maybe_trigger_user_turn_stopped()  # type: ignore[no-untyped-call]
