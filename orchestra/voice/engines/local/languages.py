"""Which languages the local models know: English, and many more with the extra `local-multilingual`."""

import importlib.util

from orchestra.language.tags import base_of
from orchestra.settings import Settings
from orchestra.voice.engines.local.espeak import espeak_voice
from orchestra.voice.engines.local.pico import pico_voice
from orchestra.voice.engines.local.whisper_base import PARTS


def hears(_settings: Settings, language: str) -> bool:
    """Whether Whisper recognizes this language."""
    from faster_whisper.tokenizer import _LANGUAGE_CODES  # noqa: PLC0415 - the extra `local` may be missing

    known = language == "auto" or base_of(language) in _LANGUAGE_CODES
    return base_of(language) == "en" or (known and is_multilingual())


def speaks(_settings: Settings, language: str) -> bool:
    """Whether there is a voice for this language."""
    return base_of(language) == "en" or bool(pico_voice(language) or espeak_voice(language))


def is_multilingual() -> bool:
    """Whether the packages of Whisper base are installed."""
    return all(importlib.util.find_spec(part.package) is not None for part in PARTS)


def understands_itself(language: str) -> bool:
    """Whether the local recognition understands the local voice on a telephone line: measured for es and de."""
    return base_of(language) == "en" or (is_multilingual() and bool(pico_voice(language)))
