"""Text to speech with espeak-ng in some 100 languages: understood, but plainly a machine's voice.

The library is GPL-3 and comes with the optional package ``espeakng-loader``. It is a single instance per process and
not safe for threads, so one sentence is spoken at a time; a second of speech takes about 10 ms.
https://github.com/espeak-ng/espeak-ng/blob/master/src/include/espeak-ng/speak_lib.h
"""

import ctypes
import importlib
import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from orchestra.errors import EngineError, MissingExtraError
from orchestra.language.spoken_pieces import JOINER, split_pieces
from orchestra.language.tags import base_of
from orchestra.voice.engines.local.pcm import resampled, to_pcm16
from orchestra.voice.engines.local.piper import SpokenPiece

_SYNCHRONOUS: Final = 2
_DO_NOT_EXIT: Final = 0x8000
_UTF_8: Final = 1
_WORD_EVENT: Final = 1
_RATE_PARAMETER: Final = 1
_WORDS_PER_MINUTE: Final = 165
#: what espeak accepts
_SLOWEST, _FASTEST = 80, 450
_NAMES: Final = {"zh": "cmn", "no": "nb", "nn": "nb", "en": "en-us", "pt": "pt-br"}
_REGIONS: Final = {"pt-pt": "pt", "en-gb": "en-gb-x-rp", "es-es": "es"}


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # in characters, from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # in ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_OnAudio = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def espeak_folder() -> Path | None:
    """Where the package is; None if it is not installed."""
    spec = importlib.util.find_spec("espeakng_loader")
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def espeak_voice(language: str) -> str:
    """Espeak's name of the voice for this language (BCP 47); empty: it has none, or is not installed."""
    folder = espeak_folder()
    known = {path.name.lower() for path in (folder or Path()).glob("espeak-ng-data/lang/**/*") if path.is_file()}
    tag, base = language.lower(), base_of(language)
    latin_american = "es-419" if base == "es" else ""
    wanted = (_REGIONS.get(tag, ""), tag if "-" in tag else "", latin_american if "-" in tag else "")
    return next((name for name in (*wanted, _NAMES.get(base, ""), base) if name in known), "") if folder else ""


class EspeakVoice:
    """espeak-ng of a process; safe to call from several threads, which wait for each other.

    Raises:
        MissingExtraError: the package is not installed, or does not load here.

    """

    def __init__(self) -> None:
        folder = espeak_folder()
        if folder is None:
            msg = "speech in other languages needs espeakng-loader: install the extra `local-multilingual`"
            raise MissingExtraError(msg)
        try:
            loader: Any = importlib.import_module("espeakng_loader")
            library: Any = ctypes.CDLL(loader.get_library_path())
            data = str(loader.get_data_path()).encode()
        except (OSError, RuntimeError) as error:
            msg = f"espeak-ng does not load: {error}; reinstall the package espeakng-loader"
            raise MissingExtraError(msg) from error
        self._library = library
        self._lock = threading.Lock()
        self._audio = bytearray()
        self._words: list[tuple[int, float]] = []  # (index of the first character, seconds)
        self._on_audio = _OnAudio(self._take)  # must outlive the library's use of it
        self.rate: int = library.espeak_Initialize(_SYNCHRONOUS, 0, data, _DO_NOT_EXIT)
        if self.rate <= 0:
            msg = f"espeak-ng does not start: error {self.rate}; reinstall the package espeakng-loader"
            raise MissingExtraError(msg)
        library.espeak_SetSynthCallback(self._on_audio)

    def speak(self, text: str, rate: int, language: str, speed: float) -> Iterator[SpokenPiece]:
        """``text`` at ``rate`` Hz as one piece, with the start of each word; nothing if nothing of it can be said.

        Raises:
            EngineError: espeak has no voice of this language, or failed.

        """
        voice = espeak_voice(language)
        if not voice:
            msg = f"espeak-ng has no voice for the language {language!r}"
            raise EngineError(msg)
        with self._lock:
            audio, words = self._synthesize(text.replace("\0", " ").encode("utf-8", "replace"), voice, speed)
        samples = np.frombuffer(audio, "<i2").astype(np.float32) / np.float32(32_768)
        if samples.size:
            seconds = samples.size / self.rate
            yield SpokenPiece(to_pcm16(resampled(samples, self.rate, rate)), rate, timed_pieces(text, words, seconds))

    def _synthesize(self, data: bytes, voice: str, speed: float) -> tuple[bytes, list[tuple[int, float]]]:
        self._audio.clear()
        self._words.clear()
        pace = min(max(round(_WORDS_PER_MINUTE * speed), _SLOWEST), _FASTEST)
        error = (
            self._library.espeak_SetVoiceByName(voice.encode())
            or self._library.espeak_SetParameter(_RATE_PARAMETER, pace, 0)
            or self._library.espeak_Synth(data + b"\0", len(data) + 1, 0, 0, 0, _UTF_8, None, None)
        )
        if error:
            msg = f"espeak-ng failed with error {error} in the voice {voice}"
            raise EngineError(msg)
        return bytes(self._audio), list(self._words)

    def _take(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._audio += ctypes.string_at(samples, 2 * count)
        at = 0
        while events[at].type:  # the last one has type 0
            if events[at].type == _WORD_EVENT:
                self._words.append((events[at].text_position - 1, events[at].audio_position / 1000))
            at += 1
        return 0


def timed_pieces(text: str, words: list[tuple[int, float]], seconds: float) -> tuple[tuple[str, float], ...]:
    """Each piece of the text (`split_pieces`) with its start: between two words with known starts by its characters."""
    known = [(0, 0.0), *((at, start) for at, start in words if 0 < at < len(text)), (len(text), seconds)]
    known.sort()
    places, starts = zip(*known, strict=True)
    found: list[tuple[str, float]] = []
    index, last = 0, 0.0
    for piece in split_pieces(text):
        written = piece.removeprefix(JOINER)
        index = text.index(written, index)
        last = max(last, float(np.interp(index, places, starts)))
        found.append((piece, last))
        index += len(written)
    return tuple(found)
