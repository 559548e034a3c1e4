"""Text to speech with SVOX Pico in German, Spanish, French and Italian: a machine's voice that is well understood.

The package ``py-nanotts`` (Apache-2.0) carries engine and voices, for Linux on x86-64. Its own function holds Python's
lock for a whole sentence, which would stop every other call of the process for as long, and starts in memory that was
not cleared, which gives the same text other audio each time. So the engine in it is called directly, step by step,
without the lock: 8 s of speech take 0.1 s, or 1 to 2 s beside threads that never wait; a loop is up to 10 ms late.
https://github.com/rhasspy/py-nanotts/blob/master/py_nanotts/_nanotts.c
https://android.googlesource.com/platform/external/svox/+/refs/heads/main/pico/lib/picoapi.h
"""

import ctypes
import importlib
import importlib.util
import os
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from ctypes import byref
from pathlib import Path
from typing import Any, Final

import numpy as np

from orchestra.errors import EngineError, MissingExtraError
from orchestra.language.tags import base_of
from orchestra.voice.engines.local.espeak import timed_pieces
from orchestra.voice.engines.local.pcm import resampled, to_pcm16
from orchestra.voice.engines.local.piper import SpokenPiece

_RATE: Final = 16_000
#: in percent: below full scale, so that a change of the rate does not clip it
_VOLUME: Final = 70
#: what Pico accepts, in percent of its own pace
_SLOWEST, _FASTEST = 20, 500
_VOICES: Final = {"de": "de-DE", "es": "es-ES", "fr": "fr-FR", "it": "it-IT"}
#: the files of a voice: how a text is read, and how it sounds
_FILES: Final = {
    "de-DE": ("de-DE_ta.bin", "de-DE_gl0_sg.bin"),
    "es-ES": ("es-ES_ta.bin", "es-ES_zl0_sg.bin"),
    "fr-FR": ("fr-FR_ta.bin", "fr-FR_nk0_sg.bin"),
    "it-IT": ("it-IT_ta.bin", "it-IT_cm0_sg.bin"),
}
#: Pico takes tags, and has some that play and write files; a text has none
_NO_TAGS: Final = str.maketrans({"<": " ", ">": " ", "\0": " "})
#: it fails at a number of 60 digits
_LONG_WORD: Final = re.compile(r"\S{40}")
_MEMORY: Final = 2_500_000  # bytes
_NAME: Final = b"voice"
_IDLE, _BUSY = 200, 201
#: bytes of one text that Pico takes at once, and those of its longest message or name
_MOST_TEXT: Final = 32_767
_MOST_NAME: Final = 200
#: of the voices' folder; with their files' names 192, beyond which Pico writes over its memory
_MOST_PATH: Final = 170


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
            package: Any = importlib.import_module("py_nanotts._nanotts")
            self._library: Any = ctypes.CDLL(package.__file__)
        except (ImportError, OSError) as error:
            msg = f"Pico does not load: {error}; install the extra `local-multilingual` again"
            raise MissingExtraError(msg) from error
        self._voices = Path(package.__file__).with_name("lang")
        if len(os.fsencode(self._voices)) > _MOST_PATH:
            msg = f"Pico cannot read its voices: the path is longer than {_MOST_PATH} bytes: {self._voices}"
            raise MissingExtraError(msg)
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
        with self._lock:
            sayable = _LONG_WORD.sub(r"\g<0> ", text.translate(_NO_TAGS))
            audio = self._synthesize(sayable, voice, speed) if text.strip() else b""
        samples = np.frombuffer(audio, "<i2").astype(np.float32) / np.float32(32_768)
        if samples.size:
            pieces = timed_pieces(text, [], samples.size / _RATE)
            yield SpokenPiece(to_pcm16(resampled(samples, _RATE, rate)), rate, pieces)

    def _synthesize(self, text: str, voice: str, speed: float) -> bytes:
        """16-bit PCM at `_RATE` Hz."""
        library = self._library
        system, engine = ctypes.c_void_p(), ctypes.c_void_p()
        memory = ctypes.create_string_buffer(_MEMORY)
        _check(voice, "start", library.pico_initialize(memory, ctypes.c_uint32(_MEMORY), byref(system)))
        with ExitStack() as cleanup:
            cleanup.callback(library.pico_terminate, byref(system))
            _check(voice, "define a voice", library.pico_createVoiceDefinition(system, _NAME))
            for file in _FILES[voice]:
                resource, name = ctypes.c_void_p(), ctypes.create_string_buffer(_MOST_NAME)
                path = os.fsencode(self._voices / file)
                _check(voice, f"load {file}", library.pico_loadResource(system, path, byref(resource)))
                cleanup.callback(library.pico_unloadResource, system, byref(resource))  # closes the file
                _check(voice, f"name {file}", library.pico_getResourceName(system, resource, name))
                _check(voice, f"add {file}", library.pico_addResourceToVoiceDefinition(system, _NAME, name))
            _check(voice, "begin", library.pico_newEngine(system, _NAME, byref(engine)))
            cleanup.callback(library.pico_releaseVoiceDefinition, system, _NAME)
            cleanup.callback(library.pico_disposeEngine, system, byref(engine))
            return self._run(engine, text, voice, speed)

    def _run(self, engine: ctypes.c_void_p, text: str, voice: str, speed: float) -> bytes:
        pace = min(max(round(100 * speed), _SLOWEST), _FASTEST)
        tagged = f'<speed level="{pace}"><volume level="{_VOLUME}">{text}</volume></speed>\0'  # the zero ends the text
        data, audio = tagged.encode("utf-8", "replace"), bytearray()
        buffer = ctypes.create_string_buffer(128)
        taken, size, kind = ctypes.c_int16(), ctypes.c_int16(), ctypes.c_int16()
        step, references = self._library.pico_getData, (byref(size), byref(kind))
        while data:
            length = ctypes.c_int16(min(len(data), _MOST_TEXT))
            _check(voice, "take the text", self._library.pico_putTextUtf8(engine, data, length, byref(taken)))
            if taken.value <= 0:
                msg = f"Pico took nothing of the text in the voice {voice}"
                raise EngineError(msg)
            data = data[taken.value :]
            state = _BUSY
            while state == _BUSY:  # some 4,000 steps for a second of speech
                state = step(engine, buffer, len(buffer), *references)
                if size.value:
                    audio += buffer.raw[: size.value]
            _check(voice, "speak", state, good=_IDLE)
        return bytes(audio)


def _check(voice: str, what: str, status: int, *, good: int = 0) -> None:
    if status != good:
        msg = f"Pico failed in the voice {voice} to {what}: status {status}"
        raise EngineError(msg)
