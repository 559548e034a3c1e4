"""Twilio's media WebSocket: who may open one, and what comes over it."""

import numpy as np
from fastapi import WebSocket

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import RejectedError, StreamLostError
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
from orchestra.voice.carriers.twilio import media_stream
from orchestra.voice.carriers.twilio.media_stream import Connected, Digit, Mark, Media, Message, Start, Stop


class TwilioStream:
    """One call's `MediaStream`, from its `start` on, at 8 kHz; its µ-law is decoded and encoded here."""

    sample_rate = mulaw.SAMPLE_RATE

    def __init__(self, socket: MediaSocket, stream_sid: str) -> None:
        self._socket = socket
        self._sid = stream_sid

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
            match _of_stream(message, self._sid):
                case Media(media):
                    if media.is_inbound and media.payload:
                        return AudioReceived(mulaw.decode(media.payload).tobytes(), media.timestamp_ms)
                case Mark(mark):
                    return MarkReturned(mark.name)
                case Digit(dtmf):
                    return DigitReceived(dtmf.digit)
                case Stop():
                    return StreamStopped()

    async def send_audio(self, samples: bytes) -> bool:
        """Have this played after what was sent before. False: the socket is closed."""
        return await self._socket.send(
            media_stream.media(self._sid, mulaw.encode(np.frombuffer(samples, dtype=np.int16)))
        )

    async def send_mark(self, name: str) -> None:
        """Have the mark come back once all before it was played."""
        await self._socket.send(media_stream.mark(self._sid, name))

    async def clear(self) -> None:
        """Have what is not played yet dropped."""
        await self._socket.send(media_stream.clear(self._sid))


class MediaSockets:
    """The endpoint of all media WebSockets of one edge."""

    def __init__(self, tokens: StreamTokens, control: CallControl) -> None:
        self._tokens = tokens
        self._control = control

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one stream. A violation of the protocol closes it with 1008 and is logged; other calls go on."""
        socket = MediaSocket(websocket, self._control)

        async def run(start: Start) -> None:
            parties = await self._check_token(start)
            socket.call = parties.call
            given = start.start.custom_parameters
            await self._control.serve(
                TwilioStream(socket, start.stream_sid),
                parties,
                resumed=bool(given.get("resumed")),
                answered_by=given.get("answered_by", ""),
            )

        await socket.serve(lambda: _read_start(socket), run)

    async def _check_token(self, start: Start) -> Parties:
        given = start.start.custom_parameters
        token, call, provider_call = given.get("token", ""), given.get("call", ""), start.start.call_sid
        stream = self._tokens.redeem(token, call, provider_call, SYSTEM_CLOCK.time())
        await self._control.claim(call, provider_call, token)
        return Parties(
            call=call,
            provider_call=provider_call,
            from_number=given.get("from_number", ""),
            to_number=given.get("to_number", ""),
            direction="outbound" if given.get("direction") == "outbound" else "inbound",
            stream=stream,
        )


async def _read_start(socket: MediaSocket) -> Start | None:
    message = await socket.read(media_stream.read)
    if isinstance(message, Connected):
        message = await socket.read(media_stream.read)
    if message is None or isinstance(message, Start):
        return message
    msg = f"a stream begins with `connected` and `start`, not with {type(message).__name__.lower()}"
    raise RejectedError(msg)


def _of_stream(message: Message, stream_sid: str) -> Media | Mark | Digit | Stop:
    """The message, if it belongs to this stream and may come after its start.

    Raises:
        RejectedError: it is not.

    """
    if isinstance(message, Connected | Start):
        msg = f"a second `{type(message).__name__.lower()}` message"
        raise RejectedError(msg)
    if message.stream_sid != stream_sid:
        msg = f"a {type(message).__name__.lower()} message of another stream"
        raise RejectedError(msg)
    return message
