"""What ElevenLabs is told about how to speak: voice, model, language, pace, steadiness."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pipecat.services.elevenlabs.tts import ElevenLabsTTSSettings

from orchestra.settings import Settings
from orchestra.voice.engines.elevenlabs.languages import language_code, model_for

#: the paces that ElevenLabs accepts: https://elevenlabs.io/docs/api-reference/text-to-speech/convert
_SLOWEST: Final = 0.7
_FASTEST: Final = 1.2


@dataclass(frozen=True)
class Speaker:
    """One wanted way of speaking, and what the settings say about all of them.

    Attributes:
        voice: the id of the voice; empty: ``own_voice``.
        language: BCP 47.
        speed: 1.0 is the voice's own pace.
        own_voice: for agents that name none.
        own_model: for languages that ``models`` does not name.
        models: the model by language code.
        stability: 0 (lively) to 1 (steady); None: as the voice itself is set.

    """

    voice: str
    language: str
    speed: float
    own_voice: str
    own_model: str
    models: Mapping[str, str]
    stability: float | None

    @classmethod
    def of(cls, settings: Settings, voice: str, language: str, speed: float) -> "Speaker":
        """How this voice speaks with these settings."""
        return cls(
            voice,
            language,
            speed,
            settings.elevenlabs_voice,
            settings.elevenlabs_model,
            settings.elevenlabs_models,
            settings.elevenlabs_stability,
        )

    @property
    def voice_id(self) -> str:
        """The voice that speaks."""
        return self.voice or self.own_voice

    @property
    def model(self) -> str:
        """The model that speaks this language."""
        return model_for(self.language, self.own_model, self.models)

    @property
    def code(self) -> str | None:
        """``language_code``; None: the model finds the language in the text."""
        return language_code(self.model, self.language)

    @property
    def pace(self) -> float | None:
        """``speed``, as near to the wanted one as ElevenLabs accepts; None: the voice's own."""
        return None if self.speed == 1.0 else min(max(self.speed, _SLOWEST), _FASTEST)

    @property
    def key(self) -> str:
        """Identifies this way of speaking; English at its own pace as before there were others."""
        extra = (self.code if self.code != "en" else None, self.pace, self.stability)
        return "/".join([self.voice_id, self.model, *(str(value) for value in extra if value is not None)])

    @property
    def voice_settings(self) -> dict[str, float]:
        """``voice_settings`` of a single request."""
        given = {"speed": self.pace, "stability": self.stability}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def settings(self) -> ElevenLabsTTSSettings:
        """All of it for a call's service."""
        return ElevenLabsTTSSettings(
            voice=self.voice_id, model=self.model, language=self.code, speed=self.pace, stability=self.stability
        )
