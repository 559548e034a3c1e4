"""A simulated caller at the browser line: does what the edge's page does, with a `PhoneLine` for the loudspeaker."""

from typing import Any, Literal

import numpy as np

from orchestra.simulator.caller import CallerBehaviour, CallOutcome, live
from orchestra.simulator.phone_line import FRAME_S, PhoneLine
from orchestra.voice.audio import mulaw
from orchestra.voice.carriers.browser.client import BrowserLineCall, BrowserLineStream


class BrowserCaller:
    """One simulated page of one edge, for one call, at 8 kHz.

    Args:
        url: the edge's base address, ``http://127.0.0.1:8480``.
        line: what is called.

    """

    def __init__(self, url: str, *, line: str = "") -> None:
        self.url = url.rstrip("/")
        self._called = line
        self._call: BrowserLineCall | None = None

    @property
    def provider_call(self) -> str:
        """The call's key, once the edge has offered it a stream."""
        return self._call.call_key if self._call is not None else ""

    async def call(self, line: PhoneLine, conversation: CallerBehaviour) -> CallOutcome:
        """Make the call over this line, run the conversation in it, and return when the call is over.

        Raises:
            UsageError: no edge answers at the address, or it admits no pages.
            RejectedError: the edge's answer breaks the protocol.

        """
        handset = _Handset(line)
        call = self._call = BrowserLineCall(self.url, handset, line=self._called)
        async with live(line, conversation) as talk:
            how = await call.call(talk.begin)
        return CallOutcome(how, announcements=tuple(handset.messages), streams=call.streams, closed=call.closed)


class _Handset:
    """A telephone line as the page's microphone and loudspeaker."""

    sample_rate: Literal[8000, 16000] = 8000

    def __init__(self, line: PhoneLine) -> None:
        self._line = line
        self.messages: list[str] = []

    def connected(self, stream: BrowserLineStream) -> None:
        self._line.stream = _Stream(stream)

    def disconnected(self) -> None:
        self._line.lose_stream()

    def play(self, samples: bytes) -> None:
        self._line.playout.put(mulaw.encode(np.frombuffer(samples, np.int16)))

    def mark(self, name: str) -> None:
        self._line.playout.mark(name)

    async def clear(self) -> None:
        await self._line.clear()

    def caption(self, caption: dict[str, Any]) -> None:
        """Nobody looks at it."""

    def announce(self, message: str) -> None:
        self.messages.append(message)


class _Stream:
    """The stream as a telephone line speaks into it, in µ-law."""

    def __init__(self, stream: BrowserLineStream) -> None:
        self._stream = stream
        self.send_mark, self.send_digit = stream.send_mark, stream.send_digit
        self._lost = 0

    async def send_audio(self, frame: bytes) -> None:
        lost, self._lost = self._lost, 0
        await self._stream.send_audio(mulaw.decode(frame).tobytes(), skipped_ms=round(1000 * FRAME_S) * lost)

    async def lose_audio(self) -> None:
        self._lost += 1
