"""Plivo's media WebSocket: who may open one, and what comes over it."""

from collections import deque

import numpy as np
from fastapi import WebSocket

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import RejectedError, StreamLostError
from orchestra.voice.audio import mulaw
from orchestra.voice.carriers.media_socket import MediaSocket
from orchestra.voice.carriers.plivo import messages
from orchestra.voice.carriers.plivo.messages import (
    ClearedAudio,
    Digit,
    Media,
    MediaFormat,
    Message,
    PlayedStream,
    Start,
)
from orchestra.voice.carriers.plivo.ticket import Ticket, read_ticket
from orchestra.voice.carriers.port import (
    AudioReceived,
    CallControl,
    DigitReceived,
    MarkReturned,
    Parties,
    Received,
    StreamStopped,
)
from orchestra.voice.carriers.stream_token import StreamTokens


class PlivoStream:
    """One call's `MediaStream`, from its `start` on, in the format that Plivo has named there.

    A mark is a checkpoint. Plivo reports only those whose audio was played, so the others are returned here once it has
    cleared it: ``_sent`` has the names of what is still to come, and None for each clear that is.
    """

    def __init__(self, socket: MediaSocket, start: Start) -> None:
        self._socket = socket
        self._id = start.start.stream_id
        self._format = start.start.media_format
        self._sent: deque[str | None] = deque()
        self._returned: deque[str] = deque()

    @property
    def sample_rate(self) -> int:
        """Of the audio in both directions, in Hz."""
        return self._format.sample_rate

    async def receive(self) -> Received:
        """The next message of this stream.

        Raises:
            RejectedError: it breaks the protocol.
            StreamLostError: the connection broke.

        """
        while not self._returned:
            message: Message | None = await self._socket.read(messages.read)
            if message is None:
                if self._socket.closed_normally:
                    return StreamStopped()
                raise StreamLostError  # the call waits, and the hang-up URL says if it is over
            match _of_stream(message, self._id):
                case Media(media):
                    if media.is_inbound and media.payload:
                        return AudioReceived(_decode(media.payload, self._format), media.timestamp_ms)
                case Digit(dtmf):
                    return DigitReceived(dtmf.digit)
                case PlayedStream(name):
                    self._return_until(name)
                case ClearedAudio():
                    self._return_until(None)
        return MarkReturned(self._returned.popleft())

    def _return_until(self, last: str | None) -> None:
        """Return the marks up to this one, or up to the last clear: all before it was played, or cleared."""
        returned: list[str | None] = []
        # a clear that Plivo did not answer is answered by the next one
        while last in self._sent and (last is None or last not in returned):
            returned.append(self._sent.popleft())
        self._returned.extend(name for name in returned if name is not None)

    async def send_audio(self, samples: bytes) -> bool:
        """Have this played after what was sent before. False: the socket is closed."""
        return await self._socket.send(messages.play_audio(_encode(samples, self._format), self._format))

    async def send_mark(self, name: str) -> None:
        """Have the mark come back once all before it was played."""
        self._sent.append(name)
        await self._socket.send(messages.checkpoint(self._id, name))

    async def clear(self) -> None:
        """Have what is not played yet dropped."""
        self._sent.append(None)
        await self._socket.send(messages.clear_audio(self._id))


def _decode(audio: bytes, content: MediaFormat) -> bytes:
    if content.encoding == "audio/x-l16":
        return audio[: len(audio) // 2 * 2]
    return mulaw.decode(audio).tobytes()


def _encode(samples: bytes, content: MediaFormat) -> bytes:
    return samples if content.encoding == "audio/x-l16" else mulaw.encode(np.frombuffer(samples, dtype=np.int16))


class MediaSockets:
    """The endpoint of all media WebSockets of one edge."""

    def __init__(self, tokens: StreamTokens, control: CallControl) -> None:
        self._tokens = tokens
        self._control = control

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one stream. A violation of the protocol closes it with 1008 and is logged; other calls go on."""
        socket = MediaSocket(websocket, self._control)

        async def run(start: Start) -> None:
            ticket, parties = await self._check_ticket(start)
            socket.call = parties.call
            stream = PlivoStream(socket, start)
            await self._control.serve(stream, parties, resumed=ticket.resumed, answered_by=ticket.answered_by)

        await socket.serve(lambda: _read_start(socket), run)

    async def _check_ticket(self, start: Start) -> tuple[Ticket, Parties]:
        """Whose stream it is.

        Raises:
            RejectedError: it does not prove it, or an edge has the stream already.

        """
        headers = start.extra_headers
        if not isinstance(headers, str):
            headers = " ".join(f"{name}={value}" for name, value in headers.items())
        ticket, provider_call = read_ticket(headers), start.start.call_id
        stream = self._tokens.redeem(ticket.token, ticket.call, provider_call, SYSTEM_CLOCK.time())
        await self._control.claim(ticket.call, provider_call, ticket.token)
        parties = Parties(
            ticket.call, provider_call, ticket.from_number, ticket.to_number, ticket.direction, stream=stream
        )
        return ticket, parties


async def _read_start(socket: MediaSocket) -> Start | None:
    """The first message; None where Plivo is gone.

    Raises:
        RejectedError: it does not begin a stream.

    """
    message: Message | None = await socket.read(messages.read)
    if message is None:
        return None
    if not isinstance(message, Start):
        msg = f"a stream begins with `start`, not with {type(message).__name__.lower()}"
        raise RejectedError(msg)
    content = message.start.media_format
    if content.encoding == "audio/x-mulaw" and content.sample_rate != mulaw.SAMPLE_RATE:
        msg = f"µ-law at {content.sample_rate} Hz"
        raise RejectedError(msg)
    return message


def _of_stream(message: Message, stream_id: str) -> Media | Digit | PlayedStream | ClearedAudio:
    """The message, if it belongs to this stream and may come after its start.

    Raises:
        RejectedError: it is not.

    """
    if isinstance(message, Start):
        msg = "a second `start` message"
        raise RejectedError(msg)
    if message.stream_id != stream_id:
        msg = f"a {type(message).__name__.lower()} message of another stream"
        raise RejectedError(msg)
    return message
