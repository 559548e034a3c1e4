"""The clock of `orchestra talk`: the microphone and loudspeaker of this machine, or none of both."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from orchestra.cli.talk.telephone import FRAME_BYTES, FRAME_MS
from orchestra.cli.ui.requires_extra import needs_extra
from orchestra.errors import UsageError

_RATE = 16_000
#: a device that exchanges this much more audio than time goes by plays nothing: ALSA's `null` is one
_AHEAD_S = 2.0
_FROM_A_FILE = "or talk from a file: --wav FILE --save FILE"

Exchange = Callable[[bytes], bytes]


class SoundDevice:
    """The default microphone and loudspeaker, by PortAudio.

    Args:
        exchange: takes a frame of the microphone's audio and returns the one to be played; called in a thread.
        microphone: whether there is to be one; without, silence is said.
        library: the module `sounddevice`.

    Raises:
        UsageError: this machine has none, or refuses it.

    """

    def __init__(self, exchange: Exchange, *, microphone: bool, library: Any) -> None:
        self.stopped = asyncio.Event()
        self.reason = "the sound device stopped: is it still plugged in?"
        self._exchange, self._library = exchange, library
        self._loop = asyncio.get_running_loop()
        self._frames, self._began = 0, 0.0
        audio = {"samplerate": _RATE, "blocksize": _RATE * FRAME_MS // 1000, "channels": 1, "dtype": "int16"}
        make = library.RawStream if microphone else library.RawOutputStream
        callback = self._both if microphone else self._play
        try:
            self._stream = make(**audio, latency="low", callback=callback, finished_callback=self._finished)
            self._stream.start()
        except (library.PortAudioError, ValueError) as error:
            what = "microphone or loudspeaker" if microphone else "loudspeaker"
            msg = f"this machine has no {what} that can be used ({_in_words(error)}): plug one in, {_FROM_A_FILE}"
            raise UsageError(msg) from None

    def close(self) -> None:
        """Let the device go."""
        self._stream.close(ignore_errors=True)

    def _both(self, heard: Any, played: Any, frames: int, times: Any, status: Any) -> None:
        del frames, times, status
        self._keep_time()
        played[:] = self._exchange(bytes(heard))

    def _play(self, played: Any, frames: int, times: Any, status: Any) -> None:
        del frames, times, status
        self._keep_time()
        played[:] = self._exchange(bytes(FRAME_BYTES))

    def _keep_time(self) -> None:
        now = time.monotonic()
        self._began = self._began or now
        self._frames += 1
        if self._frames * FRAME_MS / 1000 > now - self._began + _AHEAD_S:
            self.reason = "the sound device plays nothing (it runs faster than time): choose another as the default"
            raise self._library.CallbackAbort

    def _finished(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and so is the call
            self._loop.call_soon_threadsafe(self.stopped.set)


@contextlib.contextmanager
def sound_device(exchange: Exchange, *, microphone: bool) -> Iterator[SoundDevice]:
    """This machine's sound device while the block runs.

    Raises:
        MissingExtraError: `sounddevice` is not installed.
        UsageError: there is no PortAudio, or no device.

    """
    with needs_extra("talk"):
        try:
            import sounddevice
        except OSError as error:  # the package is there, the library that it loads is not
            msg = f"{error}: install it (Debian: apt-get install libportaudio2), {_FROM_A_FILE}"
            raise UsageError(msg) from None
    device = SoundDevice(exchange, microphone=microphone, library=sounddevice)
    try:
        yield device
    finally:
        device.close()


async def keep_time(exchange: Exchange) -> None:
    """Exchange silence in real time, until cancelled: the clock of a machine without a sound device."""
    start, frames = time.monotonic(), 0
    while True:
        exchange(bytes(FRAME_BYTES))
        frames += 1
        await asyncio.sleep(max(0.0, start + frames * FRAME_MS / 1000 - time.monotonic()))


def _in_words(error: Exception) -> str:
    return str(error.args[0] if error.args else error).strip()
