"""Text to speech by ElevenLabs in a call, over the multi-context WebSocket."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from pipecat.frames.frames import Frame, TTSStoppedFrame
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.utils.types import NOT_GIVEN, is_given
from websockets.protocol import State

from orchestra.voice.engines.elevenlabs.piecewise import PiecewiseMessages
from orchestra.voice.engines.elevenlabs.speaker import Speaker
from orchestra.voice.engines.failover import RetirableService
from orchestra.voice.engines.word_timestamps import LATEST_AUDIO_S, WordCountingTTS

_PHRASE_TIMEOUT_S = 10.0
_RETRY_S = 0.5


class ReconnectingElevenLabsTTS(RetirableService, WordCountingTTS, ElevenLabsTTSService):
    """ElevenLabs' service, which stays consistent if its socket breaks in the middle of a reply.

    The stock service reconnects silently, never ends the reply's audio, counts words as spoken that were not, and loses
    a sentence that arrives while it reconnects.
    """

    def __init__(self, speaker: Speaker, **options: Any) -> None:
        super().__init__(stop_frame_timeout_s=LATEST_AUDIO_S, settings=speaker.settings, **options)
        self._speaker = speaker
        self._reconnecting = asyncio.Lock()
        self._broken: set[str] = set()  # contexts whose audio ends too early

    async def _update_settings(self, delta: Any) -> dict[str, Any]:
        given = {name: getattr(delta, name, NOT_GIVEN) for name in ("voice", "language", "speed")}
        self._speaker = replace(self._speaker, **{name: value for name, value in given.items() if is_given(value)})
        changed: dict[str, Any] = await super()._update_settings(self._speaker.settings)
        return changed

    def _get_websocket(self) -> PiecewiseMessages:
        return PiecewiseMessages(super()._get_websocket())  # type: ignore[no-untyped-call]

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Send ``text`` once connected; audio and word times arrive as they are made."""
        async with self._reconnecting:
            pass
        async for frame in super().run_tts(text, context_id):
            yield frame

    async def _reconnect_websocket(self, attempt_number: int) -> bool:
        async with self._reconnecting:
            if self._websocket is not None and self._websocket.state is State.OPEN:
                return True  # sending a sentence has already reconnected
            await self._end_broken_contexts()
            return await super()._reconnect_websocket(attempt_number)

    async def _end_broken_contexts(self) -> None:
        contexts = self.get_audio_contexts()
        for context_id in contexts:
            self._broken.add(context_id)
            await self.append_to_audio_context(context_id, TTSStoppedFrame(context_id=context_id))
        if contexts:
            await self.push_error("ElevenLabs' connection broke in the middle of a reply")

    async def _apply_force_complete(self, context_id: str) -> None:
        if context_id in self._broken:
            others = {other for other in self.get_audio_contexts() if other != context_id}
            self._aggregated_frame_sequencer.clear(keep_contexts=others)
        else:
            await super()._apply_force_complete(context_id)

    async def on_audio_context_completed(self, context_id: str) -> None:
        """All audio of the context went out."""
        self._broken.discard(context_id)
        await super().on_audio_context_completed(context_id)
