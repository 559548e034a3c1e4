"""Text to speech by ElevenLabs: the multi-context WebSocket in calls, the SDK for phrases outside of them."""

from typing import TYPE_CHECKING

import httpx
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService

from orchestra.errors import EngineError, SettingError
from orchestra.settings import Settings

if TYPE_CHECKING:
    from elevenlabs.client import AsyncElevenLabs

_PHRASE_TIMEOUT_S = 10.0


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
        if not self._key:
            msg = "ORCHESTRA_TTS=elevenlabs needs a key: set ORCHESTRA_ELEVENLABS_API_KEY, or ORCHESTRA_TTS=local"
            raise SettingError(msg)

    def tts(self, voice: str) -> ElevenLabsTTSService:
        """A service for ``voice`` (a voice id), or for the setting's when it is ""."""
        return ElevenLabsTTSService(
            api_key=self._key,
            url=self._url,
            settings=ElevenLabsTTSService.Settings(voice=voice or self._voice, model=self._model),
        )

    async def synthesize(self, text: str, rate: int) -> bytes:
        """``text`` as mono 16-bit PCM at ``rate`` Hz (8,000, 16,000, 22,050, 24,000).

        Raises:
            EngineError: ElevenLabs refused or did not answer.

        """
        from elevenlabs.core import ApiError  # noqa: PLC0415 - 1.5 s to import, and only phrases need it

        client = self._client or self._connect()
        try:
            parts = [
                part
                async for part in client.text_to_speech.convert(
                    self._voice, text=text, model_id=self._model, output_format=f"pcm_{rate}"
                )
            ]
        except ApiError as error:
            msg = f"ElevenLabs refused {text!r} with status {error.status_code}"
            raise EngineError(msg) from error
        except httpx.HTTPError as error:
            msg = f"ElevenLabs did not answer: {error!r}"
            raise EngineError(msg) from error
        return b"".join(parts)

    def _connect(self) -> "AsyncElevenLabs":
        from elevenlabs.client import AsyncElevenLabs  # noqa: PLC0415 - 1.5 s to import, and only phrases need it

        url = self._url.replace("wss://", "https://", 1).replace("ws://", "http://", 1)
        self._client = AsyncElevenLabs(base_url=url, api_key=self._key, timeout=_PHRASE_TIMEOUT_S)
        return self._client
