"""Text to speech with SVOX Pico in German, Spanish, French and Italian: a machine's voice that is well understood.

The package ``py-nanotts`` (Apache-2.0) carries engine and voices, for Linux on x86-64. A second of speech takes about
5 ms, during which no other Python code of the process runs.
https://github.com/rhasspy/py-nanotts
"""

import importlib
import importlib.util
import threading
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from orchestra.errors import EngineError, MissingExtraError
from orchestra.language.tags import base_of
from orchestra.voice.engines.local.espeak import timed_pieces
from orchestra.voice.engines.local.pcm import resampled, to_pcm16
from orchestra.voice.engines.local.piper import SpokenPiece

_RATE: Final = 16_000
#: below full scale, so that a change of the rate does not clip it
_VOLUME: Final = 0.7
_VOICES: Final = {"de": "de-DE", "es": "es-ES", "fr": "fr-FR", "it": "it-IT"}
#: Pico takes tags, and has some that play and write files; a text has none
_NO_TAGS: Final = str.maketrans({"<": " ", ">": " ", "\0": " "})


def pico_voice(language: str) -> str:
    """Pico's name of the voice for this language (BCP 47); empty: it has none, or is not installed."""
    installed = importlib.util.find_spec("py_nanotts") is not None
    return _VOICES.get(base_of(language), "") if installed else ""


class PicoVoice:
    """Pico of a process; safe to call from several threads, which wait for each other.

    Raises:
        MissingExtraError: the package is not installed, or does not load here.

    """

    def __init__(self) -> None:
        try:
            nanotts: Any = importlib.import_module("py_nanotts")
        except ImportError as error:
            msg = f"Pico does not load: {error}; install the extra `local-multilingual` again"
            raise MissingExtraError(msg) from error
        self._nanotts = nanotts.NanoTTS()
        self._lock = threading.Lock()

    def speak(self, text: str, rate: int, language: str, speed: float) -> Iterator[SpokenPiece]:
        """``text`` at ``rate`` Hz as one piece; where each word starts is estimated from the number of its characters.

        Nothing if nothing of the text can be said.

        Raises:
            EngineError: Pico has no voice of this language, or failed.

        """
        voice = pico_voice(language)
        if not voice:
            msg = f"Pico has no voice for the language {language!r}"
            raise EngineError(msg)
        sayable = text.translate(_NO_TAGS).encode("utf-8", "replace").decode()
        try:
            with self._lock:
                audio = self._nanotts.speak(sayable, voice=voice, speed=speed, volume=_VOLUME) if text.strip() else b""
        except (RuntimeError, ValueError) as error:
            msg = f"Pico failed in the voice {voice}: {error}"
            raise EngineError(msg) from error
        samples = np.frombuffer(audio, "<i2").astype(np.float32) / np.float32(32_768)
        if samples.size:
            pieces = timed_pieces(text, [], samples.size / _RATE)
            yield SpokenPiece(to_pcm16(resampled(samples, _RATE, rate)), rate, pieces)
