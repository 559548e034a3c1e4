"""Vonage's side of its media WebSocket: frames of 20 ms, and no audio in any other size.

Source: https://developer.vonage.com/en/voice/voice-api/guides/websockets
"""

import json
from typing import Any, Self

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake

from orchestra.errors import RejectedError
from orchestra.simulator.edge_connection import follow, tell
from orchestra.simulator.phone_line import PhoneLine
from orchestra.voice.audio import mulaw
from orchestra.voice.audio.upsampler import Upsampler2x

_CONNECT_TIMEOUT_S = 10.0
_NORMAL = 1000


class VonageMediaStream:
    """One stream between an edge and a `PhoneLine`, which has 8 kHz: at 16 kHz its samples are converted.

    Of what is cleared no `notify` comes back: Vonage does not promise it.

    Attributes:
        closed: how the edge closed it ("1000", "1008 wrong token"), empty while it is open.

    """

    def __init__(self, socket: ClientConnection, line: PhoneLine, rate: int) -> None:
        self.closed = ""
        self._socket, self._line = socket, line
        self._times = rate // mulaw.SAMPLE_RATE
        self._upsampler = Upsampler2x()
        self._frame_bytes = rate // 50 * 2
        self._notifies: dict[str, Any] = {}  # payloads that wait for their audio to be played

    @classmethod
    async def open(cls, endpoint: dict[str, Any], line: PhoneLine) -> Self:
        """Connect, send the first message, and attach the line.

        Raises:
            RejectedError: the edge does not accept the connection.

        """
        try:
            socket = await connect(endpoint["uri"], proxy=None, open_timeout=_CONNECT_TIMEOUT_S, compression=None)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            msg = f"the media stream {endpoint['uri']} could not be opened: {error}"
            raise RejectedError(msg) from error
        content_type = endpoint["content-type"]
        stream = cls(socket, line, int(content_type.partition("rate=")[2]))
        first = {"event": "websocket:connected", "content-type": content_type}
        await stream.send(json.dumps(first | endpoint.get("headers", {})))
        line.stream = stream
        return stream

    async def run(self) -> None:
        """Handle the edge's messages until either side closes the socket.

        Raises:
            RejectedError: the edge sent something that is not in the protocol.

        """
        self.closed = await follow(self._socket, self._line, self._take)

    async def send_audio(self, frame: bytes) -> None:
        """Send one frame of the caller's audio (µ-law)."""
        samples = mulaw.decode(frame).tobytes()
        await self.send(samples if self._times == 1 else self._upsampler.upsample(samples))

    async def lose_audio(self) -> None:
        """Send nothing: Vonage says nothing of what it lacks."""

    async def send_mark(self, name: str) -> None:
        """Say that the audio before a `notify` was played."""
        if name in self._notifies:
            await self.send(json.dumps({"event": "websocket:notify", "payload": self._notifies.pop(name)}))

    async def send_digit(self, digit: str) -> None:
        """Send a key that the caller pressed."""
        await self.send(json.dumps({"event": "websocket:dtmf", "digit": digit, "duration": 260}))

    async def hang_up(self) -> None:
        """Close the socket as Vonage does when the caller hangs up."""
        await self._socket.close(_NORMAL)

    async def send(self, message: str | bytes) -> None:
        """Send a message."""
        await tell(self._socket, self._line, message)

    async def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            if len(message) != self._frame_bytes:
                msg = f"the edge sent {len(message)} bytes of audio: Vonage plays frames of {self._frame_bytes}"
                raise RejectedError(msg)
            samples = np.frombuffer(message, np.int16).reshape(-1, self._times).mean(axis=1)
            self._line.playout.put(mulaw.encode(samples.astype(np.int16)))
            return
        told = json.loads(message)
        match told.get("action"):
            case "notify":
                name = json.dumps(told["payload"])
                self._notifies[name] = told["payload"]
                self._line.playout.mark(name)
            case "clear":
                self._notifies.clear()
                await self._line.clear()
                await self.send('{"event":"websocket:cleared"}')
            case other:
                msg = f"the edge sent the action {other!r}, which Vonage does not know"
                raise RejectedError(msg)
