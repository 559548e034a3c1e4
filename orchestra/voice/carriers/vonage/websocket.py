"""Vonage's media WebSocket: who may open one, and what comes over it."""

from collections import deque

from fastapi import WebSocket

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import MalformedMessageError, RejectedError, StreamLostError
from orchestra.voice.carriers.media_socket import MediaSocket
from orchestra.voice.carriers.port import (
    LONGEST_MESSAGE,
    AudioReceived,
    CallControl,
    DigitReceived,
    MarkReturned,
    Parties,
    Received,
    StreamStopped,
)
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.voice.carriers.vonage import messages
from orchestra.voice.carriers.vonage.messages import Connected, Digit, Notified


class VonageStream:
    """One call's `MediaStream`: signed 16-bit little-endian samples, in frames of 20 ms.

    Vonage does not say whether the `notify` of audio that is cleared comes back. So a mark comes back when its audio is
    cleared, and what Vonage says of it later is ignored.
    """

    def __init__(self, socket: MediaSocket, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._socket = socket
        self._frame_bytes = messages.frame_bytes(sample_rate)
        self._rest = b""  # less than a frame
        self._waiting: dict[str, None] = {}  # marks that were sent, in their order
        self._cleared: deque[str] = deque()  # marks whose audio was cleared

    async def receive(self) -> Received:
        """The next message of Vonage's.

        Raises:
            RejectedError: it breaks the protocol.
            StreamLostError: the connection broke.

        """
        if self._cleared:
            return MarkReturned(self._cleared.popleft())
        received: Received | None = await self._socket.read(self._decode)
        if received is not None:
            return received
        if self._socket.closed_normally:  # as Vonage closes it when the caller has hung up
            return StreamStopped()
        raise StreamLostError

    def _decode(self, message: bytes | str) -> Received | None:
        return _audio(message) if isinstance(message, bytes) else self._control(message)

    def _control(self, text: str) -> Received | None:
        match messages.read(text):
            case Digit(digit):
                return DigitReceived(digit)
            case Notified(payload) if payload.mark in self._waiting:
                del self._waiting[payload.mark]
                return MarkReturned(payload.mark)
            case Connected():
                msg = "a second `websocket:connected` message"
                raise MalformedMessageError(msg)
            case _:
                return None

    async def send_audio(self, samples: bytes) -> bool:
        """Have this played after what was sent before. False: the socket is closed."""
        audio, size = self._rest + samples, self._frame_bytes
        whole = len(audio) - len(audio) % size
        self._rest = audio[whole:]
        for start in range(0, whole, size):
            if not await self._socket.send(audio[start : start + size]):
                return False
        return True

    async def send_mark(self, name: str) -> None:
        """Have the mark come back once all before it was played."""
        if self._rest:
            await self.send_audio(bytes(self._frame_bytes - len(self._rest)))
        self._waiting[name] = None
        await self._socket.send(messages.notify(name))

    async def clear(self) -> None:
        """Have what is not played yet dropped."""
        self._rest = b""
        self._cleared.extend(self._waiting)
        self._waiting.clear()
        await self._socket.send(messages.clear())


def _audio(samples: bytes) -> AudioReceived:
    if not samples or len(samples) % 2 or len(samples) > LONGEST_MESSAGE:
        msg = f"{len(samples)} bytes are not a frame of 16-bit samples"
        raise MalformedMessageError(msg)
    return AudioReceived(samples)


class MediaSockets:
    """The endpoint of all media WebSockets of one edge."""

    def __init__(self, tokens: StreamTokens, control: CallControl) -> None:
        self._tokens = tokens
        self._control = control

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one stream. A violation of the protocol closes it with 1008 and is logged; other calls go on."""
        socket = MediaSocket(websocket, self._control)

        async def run(start: Connected) -> None:
            stream = VonageStream(socket, start.sample_rate)
            parties = await self._check_token(start)
            socket.call = parties.call
            await self._control.serve(stream, parties, resumed=bool(start.resumed), answered_by=start.answered_by)

        await socket.serve(lambda: _read_start(socket), run)

    async def _check_token(self, start: Connected) -> Parties:
        stream = self._tokens.redeem(start.token, start.call, start.leg, SYSTEM_CLOCK.time())
        await self._control.claim(start.call, start.leg, start.token)
        return Parties(start.call, start.leg, start.from_number, start.to_number, start.direction, stream)


async def _read_start(socket: MediaSocket) -> Connected | None:
    """The first message; None where Vonage is gone.

    Raises:
        RejectedError: it does not begin a stream.

    """
    received = await socket.receive()
    if received is None:
        return None
    message = messages.read(received) if isinstance(received, str) else None
    if isinstance(message, Connected):
        return message
    msg = "a stream begins with `websocket:connected`"
    raise RejectedError(msg)
