"""Telnyx's media WebSocket: who may open one, and what comes over it."""

from collections.abc import Awaitable, Callable

import numpy as np
from fastapi import WebSocket

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import MalformedMessageError, RejectedError, StreamLostError
from orchestra.voice.audio import mulaw
from orchestra.voice.carriers.media_socket import MediaSocket
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
from orchestra.voice.carriers.telnyx import media_stream
from orchestra.voice.carriers.telnyx.client_state import ClientState
from orchestra.voice.carriers.telnyx.media_stream import (
    LEAST_AUDIO,
    Connected,
    Digit,
    Error,
    Mark,
    Media,
    Message,
    Start,
    Stop,
)

_SILENCE = bytes([mulaw.SILENCE])


class TelnyxStream:
    """One call's `MediaStream`, from its `start` on, at 8 kHz; its µ-law is decoded and encoded here."""

    sample_rate = mulaw.SAMPLE_RATE

    def __init__(self, socket: MediaSocket, stream_id: str) -> None:
        self._socket = socket
        self._id = stream_id
        self._short = b""  # audio that is too short for a message of its own

    async def receive(self) -> Received:
        """The next message of this stream.

        Raises:
            RejectedError: it breaks the protocol.
            StreamLostError: the socket is gone without a `stop`.

        """
        while True:
            message: Message | None = await self._socket.read(media_stream.read)
            if message is None:
                raise StreamLostError
            match _of_stream(message, self._id):
                case Media(media):
                    if media.is_inbound and media.payload:
                        return AudioReceived(mulaw.decode(media.payload).tobytes(), media.timestamp_ms)
                case Mark(mark):
                    return MarkReturned(mark.name)
                case Digit(dtmf):
                    return DigitReceived(dtmf.digit)
                case Error(problem):
                    reported = f"the carrier reports an error: {problem.code} {problem.title}"[:200]
                    self._socket.skip(MalformedMessageError(reported))
                case Stop():
                    return StreamStopped()

    async def send_audio(self, samples: bytes) -> bool:
        """Have this played after what was sent before. False: the socket is closed."""
        audio = self._short + mulaw.encode(np.frombuffer(samples, dtype=np.int16))
        if len(audio) < LEAST_AUDIO:
            self._short = audio
            return True
        self._short = b""
        return await self._socket.send(media_stream.media(audio))

    async def send_mark(self, name: str) -> None:
        """Have the mark come back once all before it was played."""
        if self._short:
            audio, self._short = self._short.ljust(LEAST_AUDIO, _SILENCE), b""
            await self._socket.send(media_stream.media(audio))
        await self._socket.send(media_stream.mark(name))

    async def clear(self) -> None:
        """Have what is not played yet dropped."""
        self._short = b""
        await self._socket.send(media_stream.clear())


class MediaSockets:
    """The endpoint of all media WebSockets of one edge.

    Args:
        tokens: redeems the tokens of streams.
        control: serves calls.
        after_stream: is called when a stream is over, and sees to what happens next.

    """

    def __init__(
        self, tokens: StreamTokens, control: CallControl, after_stream: Callable[[Parties], Awaitable[None]]
    ) -> None:
        self._tokens = tokens
        self._control = control
        self._after_stream = after_stream

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one stream. A violation of the protocol closes it with 1008 and is logged; other calls go on."""
        socket = MediaSocket(websocket, self._control)
        served: list[Parties] = []

        async def run(start: Start) -> None:
            state, parties = await self._check_token(start)
            socket.call = parties.call
            served.append(parties)
            stream = TelnyxStream(socket, start.stream_id)
            await self._control.serve(stream, parties, resumed=state.resumed, answered_by=state.answered_by)

        await socket.serve(lambda: _read_start(socket), run)
        for parties in served:
            await self._after_stream(parties)

    async def _check_token(self, start: Start) -> tuple[ClientState, Parties]:
        state, leg = ClientState.decode(start.start.client_state), start.start.call_control_id
        number = self._tokens.redeem(state.token, state.call, leg, SYSTEM_CLOCK.time())
        await self._control.claim(state.call, leg, state.token)
        return state, state.parties(leg, number)


async def _read_start(socket: MediaSocket) -> Start | None:
    message = await socket.read(media_stream.read)
    if isinstance(message, Connected):
        message = await socket.read(media_stream.read)
    if message is None or isinstance(message, Start):
        return message
    msg = f"a stream begins with `connected` and `start`, not with {type(message).__name__.lower()}"
    raise RejectedError(msg)


def _of_stream(message: Message, stream_id: str) -> Media | Mark | Digit | Error | Stop:
    """The message, if it belongs to this stream and may come after its start.

    Raises:
        RejectedError: it is not.

    """
    if isinstance(message, Connected | Start):
        msg = f"a second `{type(message).__name__.lower()}` message"
        raise RejectedError(msg)
    if not isinstance(message, Error) and message.stream_id != stream_id:
        msg = f"a {type(message).__name__.lower()} message of another stream"
        raise RejectedError(msg)
    return message
