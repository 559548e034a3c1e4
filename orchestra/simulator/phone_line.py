"""The caller's telephone line: both directions on one clock, and recorded."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from orchestra.simulator.audio_measure import Span, is_audible
from orchestra.simulator.playout import PlayoutBuffer
from orchestra.voice.audio import mulaw
from orchestra.voice.audio.mulaw import SAMPLE_RATE, Samples

FRAME_S = 0.02
_KEY_S = 0.3
#: a longer silence is one between two replies, or a pause of the agent's own
_LONGEST_GAP_S = 0.8
FRAME_SAMPLES = round(FRAME_S * SAMPLE_RATE)
SILENT_FRAME = bytes([mulaw.SILENCE]) * FRAME_SAMPLES


class Stream(Protocol):
    """The carrier's side of a media stream, to which a line is attached."""

    async def send_audio(self, frame: bytes) -> None:
        """Send one frame of the caller's audio (µ-law, 20 ms)."""

    async def lose_audio(self) -> None:
        """Send nothing for 20 ms: a frame of the caller's audio is lost on its way."""

    async def send_mark(self, name: str) -> None:
        """Return a mark: the audio before it was played or dropped."""

    async def send_digit(self, digit: str) -> None:
        """Send a key that the caller pressed."""


#: what becomes of a frame that the caller has spoken (µ-law, 20 ms) before it is sent; None: it is lost
Microphone = Callable[[bytes], bytes | None]


@dataclass(frozen=True, slots=True)
class Tracks:
    """The audio that the caller said and heard, sample by sample on one clock (8 kHz)."""

    caller: Samples
    agent: Samples


class PhoneLine:
    """One telephone line in real time.

    Frame n is spoken and heard during ``[n, n + 1) x 20 ms`` after the start. The caller's frame is sent at the end of
    that time, as on a real line, where a frame cannot be sent before it was spoken::

        clock          n             n+1            n+2
        agent          │ frame n played              │
        caller         │ frame n spoken │ sent       │

    A late machine catches up frame by frame. No frame is skipped, so sample n is always moment n.
    ``now`` and ``sleep`` are the clock, injected by tests.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._now, self._sleep = now, sleep
        self.playout = PlayoutBuffer()
        self.stream: Stream | None = None
        self.microphone: Microphone | None = None  # the tracks have what was said, the edge has what this makes of it
        self.ended = False
        self.started_at = 0.0  # epoch seconds of sample 0
        self.agent_audible_s = 0.0  # seconds of audible agent frames that were played so far
        self.agent_last_audible_s = -1.0  # end of the last audible frame; -1 before the first
        self.cleared_s: list[float] = []  # when the edge dropped audio that was still to be played
        self.breaks_s: list[float] = []  # when a media stream ended while the call continued
        self.gaps_s: list[float] = []  # how long a reply was silent because its audio came too late
        self.max_late_s = 0.0
        self._hears_reply = False
        self._dry_s: float | None = None  # since when there is nothing to play of that reply, which may go on
        self._say = bytearray()
        self._caller = bytearray()
        self._agent = bytearray()
        self._tick: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def now_s(self) -> float:
        """Seconds on this line's clock: the end of the last frame that was spoken and heard."""
        return len(self._agent) / SAMPLE_RATE

    @property
    def tracks(self) -> Tracks:
        """Both directions as recorded so far."""
        return Tracks(mulaw.decode(self._caller), mulaw.decode(self._agent))

    def say(self, samples: Samples) -> Span:
        """Say this (8 kHz) from the next frame on, after audio that is still being said. Returns its time span."""
        start = len(self._caller) + len(self._say)
        self._await_reply()
        self._say.extend(mulaw.encode(samples))
        return Span(start / SAMPLE_RATE, (start + samples.size) / SAMPLE_RATE)

    async def press(self, digits: str) -> None:
        """Press these keys, one after another like a person."""
        for digit in digits:
            if self.stream is not None:
                await self.stream.send_digit(digit)
            await self.until(lambda: False, _KEY_S)

    async def clear(self) -> None:
        """Drop audio that is not played yet, as the edge asks; its marks are returned at once."""
        self.cleared_s.append(self.now_s)
        self._await_reply()
        self.playout.clear()
        await self._return_marks()

    def lose_stream(self) -> None:
        """The stream to the edge is over: what it has sent and is not played yet is lost with it."""
        self.stream = None
        if not self.ended:
            self.breaks_s.append(self.now_s)
        self.playout.clear()

    def end(self) -> None:
        """Hang up: the clock stops after the current frame, and all waits end."""
        self.ended = True

    async def until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until a condition holds, which is checked once per frame. False: the time or the call is over."""
        last_s = self.now_s + timeout_s
        while not condition():
            if self.ended or self.now_s >= last_s:
                return False
            await asyncio.shield(self._tick)
        return True

    async def run(self) -> None:
        """Run the clock until `end`."""
        start = self._now()
        self.started_at = time.time()
        frames = 0
        while not self.ended:
            frame = self._speak_and_hear()
            frames += 1
            await self._wait_for(start + frames * FRAME_S)
            if self.stream is not None:
                await (self.stream.lose_audio() if frame is None else self.stream.send_audio(frame))
            await self._return_marks()
            self._wake()
        self._wake()

    def _speak_and_hear(self) -> bytes | None:
        spoken = _whole_frame(bytes(self._say[:FRAME_SAMPLES]))
        del self._say[:FRAME_SAMPLES]
        self._caller.extend(spoken)
        played = self.playout.take(FRAME_SAMPLES)
        self._note_gap(len(played))
        self._agent.extend(_whole_frame(played))
        if played and is_audible(mulaw.decode(played)):
            self.agent_audible_s += FRAME_S
            self.agent_last_audible_s = self.now_s
        return spoken if self.microphone is None else self.microphone(spoken)

    def _note_gap(self, played: int) -> None:
        """Note how long the reply was interrupted: it goes on after the audio that came before was all played."""
        if played and self._dry_s is not None and self.now_s - self._dry_s < _LONGEST_GAP_S:
            self.gaps_s.append(self.now_s - self._dry_s)
        if played:
            self._hears_reply, self._dry_s = True, None
        if played < FRAME_SAMPLES and self._hears_reply and self._dry_s is None:
            self._dry_s = self.now_s + played / SAMPLE_RATE

    def _await_reply(self) -> None:
        self._hears_reply, self._dry_s = False, None

    async def _wait_for(self, deadline: float) -> None:
        wait = deadline - self._now()
        self.max_late_s = max(self.max_late_s, -wait)
        # Even when late, other tasks run between two frames, so that audio that has arrived is played in its place.
        await self._sleep(max(wait, 0.0))

    async def _return_marks(self) -> None:
        for name in self.playout.due_marks():
            if self.stream is not None:
                await self.stream.send_mark(name)

    def _wake(self) -> None:
        tick, self._tick = self._tick, asyncio.get_running_loop().create_future()
        tick.set_result(None)


def _whole_frame(audio: bytes) -> bytes:
    return audio + SILENT_FRAME[len(audio) :]
