"""Makes ElevenLabs services for calls, and synthesizes phrases outside of them with the SDK."""

import base64
from typing import TYPE_CHECKING, Any

import httpx

from orchestra.errors import EngineError, SettingError
from orchestra.language.registry import DEFAULT_CODE
from orchestra.settings import Settings
from orchestra.voice.engines.elevenlabs.speaker import Speaker
from orchestra.voice.engines.elevenlabs.tts import ReconnectingElevenLabsTTS
from orchestra.voice.engines.synthesized_speech import SynthesizedSpeech, place_words_in_text

if TYPE_CHECKING:
    from elevenlabs.client import AsyncElevenLabs

_PHRASE_TIMEOUT_S = 10.0
_RETRY_S = 0.5


class ElevenLabsEngine:
    """Makes ElevenLabs services; one WebSocket per call to ``settings.elevenlabs_url``.

    Raises:
        SettingError: the key is missing.

    """

    name = "elevenlabs"

    def __init__(self, settings: Settings) -> None:
        self._key = settings.elevenlabs_api_key.get_secret_value()
        self._url = settings.elevenlabs_url
        self._settings = settings
        self._client: AsyncElevenLabs | None = None
        self._http: httpx.AsyncClient | None = None
        if not self._key:
            msg = "ORCHESTRA_TTS=elevenlabs needs a key: set ORCHESTRA_ELEVENLABS_API_KEY, or ORCHESTRA_TTS=local"
            raise SettingError(msg)

    def tts(self, voice: str, language: str = DEFAULT_CODE, speed: float = 1.0) -> ReconnectingElevenLabsTTS:
        """A service for ``voice`` (a voice id; "": the one in the settings)."""
        return ReconnectingElevenLabsTTS(
            Speaker.of(self._settings, voice, language, speed),
            api_key=self._key,
            url=self._url,
            reconnect_backoff_min_wait=_RETRY_S,
        )

    def ipa(self, language: str) -> str:
        """None: which of its models take it, and what their word times are then, is not known."""
        del language
        return ""

    def voice_key(self, voice: str, language: str = DEFAULT_CODE, speed: float = 1.0) -> str:
        """The voice's id, the model, and what else is not as usual."""
        return Speaker.of(self._settings, voice, language, speed).key

    async def render(self, text: str, voice: str, language: str, speed: float, rate: int) -> SynthesizedSpeech:
        """``text`` spoken at ``rate`` Hz (8,000, 16,000, 22,050, 24,000).

        Raises:
            EngineError: ElevenLabs refused or did not answer.

        """
        from elevenlabs.core import ApiError  # noqa: PLC0415 - 1.5 s to import, and only phrases need it

        client = self._client or self._connect()
        speaker = Speaker.of(self._settings, voice, language, speed)
        said: Any = {"language_code": speaker.code, "voice_settings": speaker.voice_settings}
        try:
            spoken = await client.text_to_speech.convert_with_timestamps(
                speaker.voice_id,
                text=text,
                model_id=speaker.model,
                output_format=f"pcm_{rate}",
                **{name: value for name, value in said.items() if value},
            )
            pcm16 = base64.b64decode(spoken.audio_base_64, validate=True)
        except ApiError as error:
            msg = f"ElevenLabs refused {text!r} with status {error.status_code}"
            raise EngineError(msg) from error
        except httpx.HTTPError as error:
            msg = f"ElevenLabs did not answer: {error!r}"
            raise EngineError(msg) from error
        except ValueError as error:
            msg = f"ElevenLabs' answer to {text!r} is not valid audio: {error}"
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


async def open_engine(settings: Settings) -> ElevenLabsEngine:
    """The engine. Raises SettingError if the key is missing."""
    return ElevenLabsEngine(settings)
