"""Which languages ElevenLabs' models know, and what a request has to say for each.

https://elevenlabs.io/docs/models, read in November 2026; the codes are those that Pipecat found to be accepted.
"""

from collections.abc import Mapping
from typing import Final

from pipecat.services.elevenlabs.tts import ELEVENLABS_MODEL_LANGUAGES

from orchestra.language.tags import base_of
from orchestra.settings import Settings

_ENGLISH_ONLY: Final = frozenset({"eleven_flash_v2", "eleven_turbo_v2", "eleven_monolingual_v1"})
#: finds the language in the text, and takes no code
_MULTILINGUAL_V2: Final = "eleven_multilingual_v2"
_MULTILINGUAL_V2_LANGUAGES: Final = ELEVENLABS_MODEL_LANGUAGES["eleven_flash_v2_5"] - {"hu", "no", "vi"}
_OTHER_NAMES: Final = {"nb": "no", "nn": "no", "tl": "fil", "iw": "he", "cmn": "zh"}


def language_code(model: str, language: str) -> str | None:
    """The parameter ``language_code`` of a BCP 47 code; None if this model does not take it."""
    code = _OTHER_NAMES.get(base_of(language), base_of(language))
    return code if code in ELEVENLABS_MODEL_LANGUAGES.get(model, ()) else None


def model_for(language: str, model: str, models: Mapping[str, str]) -> str:
    """The model that speaks this language: that of ``models`` by code or by language, else ``model``."""
    return models.get(language) or models.get(base_of(language)) or model


def knows(model: str, language: str) -> bool:
    """Whether this model speaks this language; of a model that is not known here nothing is known but yes."""
    if model in _ENGLISH_ONLY:
        return base_of(language) == "en"
    if model == _MULTILINGUAL_V2:
        return language_code("eleven_flash_v2_5", language) in _MULTILINGUAL_V2_LANGUAGES
    return model not in ELEVENLABS_MODEL_LANGUAGES or language_code(model, language) is not None


def speaks(settings: Settings, language: str) -> bool:
    """Whether the model that the settings name for this language speaks it."""
    return knows(model_for(language, settings.elevenlabs_model, settings.elevenlabs_models), language)
