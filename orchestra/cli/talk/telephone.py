"""The telephone of `orchestra talk`: both directions on the audio device's clock, and never far behind."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from orchestra.simulator.playout import PlayoutBuffer
from orchestra.voice.audio.call_audio import is_audible
from orchestra.voice.audio.mulaw import Samples
from orchestra.voice.carriers.browser.client import BrowserLineStream

FRAME_MS = 20
#: audio that waits longer than this is dropped, the oldest first: a delay that once came would stay
LATEST_MS = 200
_RATE: Literal[16000] = 16_000
FRAME_BYTES = _RATE * 2 * FRAME_MS // 1000
_SILENT_FRAME = bytes(FRAME_BYTES)


class Telephone:
    """The handset of one call, at 16 kHz.

    `exchange` is the audio device's side: it may be called in a thread of its own, once a frame. All else happens in
    the event loop.

    Args:
        on_caption: called with each caption of the edge.
        on_message: called with what the line itself says.
        on_stream: called with whether there is a connection now.

    """

    sample_rate: Literal[8000, 16000] = _RATE

    def __init__(
        self,
        on_caption: Callable[[dict[str, Any]], None],
        on_message: Callable[[str], None],
        on_stream: Callable[[bool], None],
    ) -> None:
        self.caption, self.announce = on_caption, on_message
        self.muted = False
        self.agent_audible_at = -1.0  # end of the last audible frame, in seconds of this clock; -1 before the first
        self._on_stream = on_stream
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._playout = PlayoutBuffer(LATEST_MS // FRAME_MS * FRAME_BYTES)
        self._said: deque[bytes] = deque()  # frames to be sent
        self._skipped_ms = 0  # that were dropped since the last one was sent
        self._file = bytearray()  # audio that is said in place of the microphone's
        self._stream: BrowserLineStream | None = None
        self._tick = asyncio.Event()
        self._pressed: deque[str] = deque()
        self._caller, self._agent = bytearray(), bytearray()

    # -- the audio device

    def exchange(self, spoken: bytes) -> bytes:
        """Take a frame of the microphone's audio, and return the frame to be played."""
        with self._lock:
            if self._file:
                spoken = bytes(self._file[:FRAME_BYTES]).ljust(FRAME_BYTES, b"\0")
                del self._file[:FRAME_BYTES]
            if self.muted:
                spoken = _SILENT_FRAME
            played = self._playout.take(FRAME_BYTES).ljust(FRAME_BYTES, b"\0")
            self._caller += spoken
            self._agent += played
            if self._stream is not None:
                self._said.append(spoken)
                while len(self._said) > LATEST_MS // FRAME_MS:
                    self._said.popleft()
                    self._skipped_ms += FRAME_MS
            if is_audible(played):
                self.agent_audible_at = self.now_s
        self._loop.call_soon_threadsafe(self._tick.set)
        return played

    @property
    def now_s(self) -> float:
        """Seconds on the audio device's clock."""
        return len(self._agent) / 2 / _RATE

    # -- the person

    def say(self, samples: Samples) -> None:
        """Say this (16 kHz) in place of what the microphone hears."""
        with self._lock:
            self._file += samples.tobytes()

    @property
    def saying(self) -> bool:
        """Whether some of that was not said yet."""
        return bool(self._file)

    def press(self, digit: str) -> None:
        """Press a key: 0 to 9, ``*`` or ``#``."""
        self._pressed.append(digit)
        self._tick.set()

    async def until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until this holds, looked at once a frame. False: so much time of the audio device has gone by."""
        last_s = self.now_s + timeout_s
        while not condition():
            if self.now_s >= last_s:
                return False
            await asyncio.sleep(FRAME_MS / 1000)
        return True

    @property
    def tracks(self) -> tuple[Samples, Samples]:
        """What was said and what was played, on one clock."""
        with self._lock:
            return np.frombuffer(bytes(self._caller), np.int16), np.frombuffer(bytes(self._agent), np.int16)

    # -- the line

    async def run(self) -> None:
        """Send what was said, pressed and played to the stream of the moment, until cancelled."""
        while True:
            await self._tick.wait()
            self._tick.clear()
            while (stream := self._stream) is not None and await self._send_next(stream):
                pass

    async def _send_next(self, stream: BrowserLineStream) -> bool:
        """Send one message. False: there was none."""
        with self._lock:
            marks = self._playout.due_marks()
            frame = self._said.popleft() if self._said else b""
            skipped_ms, self._skipped_ms = self._skipped_ms, 0
        for name in marks:
            await stream.send_mark(name)
        while self._pressed:
            await stream.send_digit(self._pressed.popleft())
        if frame:
            await stream.send_audio(frame, skipped_ms=skipped_ms)
        return bool(frame)

    def connected(self, stream: BrowserLineStream) -> None:
        """From now on the microphone's audio goes there."""
        self._stream = stream
        self._on_stream(True)

    def disconnected(self) -> None:
        """The stream is gone; what was not played is lost with it."""
        with self._lock:
            self._stream = None
            self._playout.clear()
            self._playout.due_marks()
            self._said.clear()
            self._skipped_ms = 0
        self._on_stream(False)

    def play(self, samples: bytes) -> None:
        """Play this after what came before."""
        with self._lock:
            self._playout.put(samples)

    def mark(self, name: str) -> None:
        """Return this mark once all before it was played."""
        with self._lock:
            self._playout.mark(name)
        self._tick.set()

    async def clear(self) -> None:
        """Drop what was not played; its marks return at once."""
        with self._lock:
            self._playout.clear()
        self._tick.set()
