"""Stands in for the package `sounddevice`: a microphone that hears a tone now and then, and a loudspeaker."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_TIME = np.arange(8_000) / 16_000
_TONE = (8_000 * np.sin(2 * np.pi * 440 * _TIME)).astype(np.int16).tobytes()


class PortAudioError(Exception):
    pass


class CallbackAbort(Exception):  # noqa: N818 - the package's name
    pass


class RawStream:
    """Exchanges frames in real time; half a second of tone each time that the file named by TEST_SPEAK appears."""

    def __init__(
        self,
        *,
        callback: Callable[..., None],
        finished_callback: Callable[[], None],
        blocksize: int,
        **format_of: Any,
    ) -> None:
        if os.environ.get("TEST_SOUND") == "none":
            raise PortAudioError("Error querying device -1")  # noqa: EM101, TRY003 - the package's words
        assert format_of == {"samplerate": 16_000, "channels": 1, "dtype": "int16", "latency": "low"}
        self._callback, self._finished, self._size = callback, finished_callback, blocksize * 2
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, *, ignore_errors: bool) -> None:
        assert ignore_errors
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        speak, unplugged = (Path(os.environ.get(name) or "/nowhere") for name in ("TEST_SPEAK", "TEST_UNPLUGGED"))
        tone = b""
        while not self._closed.is_set() and not unplugged.exists():
            if speak.exists():
                speak.unlink()
                tone = _TONE
            heard, tone = tone[: self._size].ljust(self._size, b"\0"), tone[self._size :]
            played = bytearray(self._size)
            self._callback(memoryview(heard), memoryview(played), self._size // 2, None, None)
            time.sleep(0.02)
        self._finished()


class RawOutputStream(RawStream):
    def __init__(self, *, callback: Callable[..., None], **options: Any) -> None:
        def both(heard: memoryview, played: memoryview, *rest: Any) -> None:
            callback(played, *rest)

        super().__init__(callback=both, **options)
