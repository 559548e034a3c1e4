"""Text to speech by ElevenLabs: the multi-context WebSocket in calls, the SDK for phrases outside of them."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import httpx
from pipecat.frames.frames import Frame, TTSStoppedFrame
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from websockets.protocol import State

from orchestra.errors import EngineError, SettingError
from orchestra.settings import Settings
from orchestra.voice.engines.failover import RetirableService
from orchestra.voice.engines.synthesized import SynthesizedSpeech, place_words_in_text
from orchestra.voice.engines.word_timestamps import LATEST_AUDIO_S, WordCountingTTS

if TYPE_CHECKING:
    from elevenlabs.client import AsyncElevenLabs

_PHRASE_TIMEOUT_S = 10.0
_RETRY_S = 0.5


class ReconnectingElevenLabsTTS(RetirableService, WordCountingTTS, ElevenLabsTTSService):
    """ElevenLabs' service, in order when its socket breaks in the middle of a reply.

    The stock service reconnects without a word, never ends the reply's audio, counts its unsaid words as said, and
    loses a sentence that comes while it reconnects.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(stop_frame_timeout_s=LATEST_AUDIO_S, **options)
        self._reconnecting = asyncio.Lock()
        self._broken: set[str] = set()  # contexts whose audio ends too early

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Send ``text`` once the connection stands; audio and word times come as they are made."""
        async with self._reconnecting:
            pass
        async for frame in super().run_tts(text, context_id):
            yield frame

    async def _reconnect_websocket(self, attempt_number: int) -> bool:
        async with self._reconnecting:
            if self._websocket is not None and self._websocket.state is State.OPEN:
                return True  # a sentence that was to be sent has already connected again
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


class ElevenLabsTTS:
    """Makes ElevenLabs services; one WebSocket per call to ``settings.elevenlabs_url``.

    Raises:
        SettingError: the key is missing.

    """

    name = "elevenlabs"

    def __init__(self, settings: Settings) -> None:
        self._key = settings.elevenlabs_api_key.get_secret_value()
        self._url = settings.elevenlabs_url
        self._model = settings.elevenlabs_model
        self._voice = settings.elevenlabs_voice
        self._client: AsyncElevenLabs | None = None
        self._http: httpx.AsyncClient | None = None
        if not self._key:
            msg = "ORCHESTRA_TTS=elevenlabs needs a key: set ORCHESTRA_ELEVENLABS_API_KEY, or ORCHESTRA_TTS=local"
            raise SettingError(msg)

    def tts(self, voice: str) -> ReconnectingElevenLabsTTS:
        """A service for ``voice`` (a voice id), or for the setting's when it is ""."""
        return ReconnectingElevenLabsTTS(
            api_key=self._key,
            url=self._url,
            reconnect_backoff_min_wait=_RETRY_S,
            settings=ElevenLabsTTSService.Settings(voice=voice or self._voice, model=self._model),
        )

    def voice_key(self, voice: str) -> str:
        """The voice's id and the model."""
        return f"{voice or self._voice}/{self._model}"

    async def render(self, text: str, voice: str, rate: int) -> SynthesizedSpeech:
        """``text`` spoken at ``rate`` Hz (8,000, 16,000, 22,050, 24,000).

        Raises:
            EngineError: ElevenLabs refused or did not answer.

        """
        from elevenlabs.core import ApiError  # noqa: PLC0415 - 1.5 s to import, and only phrases need it

        client = self._client or self._connect()
        try:
            spoken = await client.text_to_speech.convert_with_timestamps(
                voice or self._voice, text=text, model_id=self._model, output_format=f"pcm_{rate}"
            )
            pcm16 = base64.b64decode(spoken.audio_base_64, validate=True)
        except ApiError as error:
            msg = f"ElevenLabs refused {text!r} with status {error.status_code}"
            raise EngineError(msg) from error
        except httpx.HTTPError as error:
            msg = f"ElevenLabs did not answer: {error!r}"
            raise EngineError(msg) from error
        except ValueError as error:
            msg = f"ElevenLabs' answer to {text!r} is no audio: {error}"
            raise EngineError(msg) from error
        characters = spoken.alignment.characters if spoken.alignment else []
        starts = spoken.alignment.character_start_times_seconds if spoken.alignment else []
        return SynthesizedSpeech(pcm16, tuple(place_words_in_text(text, characters, starts, len(pcm16) / 2 / rate)))

    async def close(self) -> None:
        """Close the connections of the SDK."""
        if self._http is not None:
            await self._http.aclose()

    def _connect(self) -> "AsyncElevenLabs":
        from elevenlabs.client import AsyncElevenLabs  # noqa: PLC0415 - 1.5 s to import, and only phrases need it

        url = self._url.replace("wss://", "https://", 1).replace("ws://", "http://", 1)
        self._http = httpx.AsyncClient(timeout=_PHRASE_TIMEOUT_S)
        self._client = AsyncElevenLabs(base_url=url, api_key=self._key, httpx_client=self._http)
        return self._client
