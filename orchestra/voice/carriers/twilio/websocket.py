"""Twilio's media WebSocket: who may open one, and what comes over it."""

import asyncio
import contextlib
import time
from collections.abc import Callable

import numpy as np
import structlog
from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from orchestra.errors import MalformedMessageError, RejectedError, StreamLostError
from orchestra.voice.audio import mulaw
from orchestra.voice.carriers.port import (
    AudioReceived,
    CallControl,
    DigitReceived,
    MarkReturned,
    Parties,
    Received,
    StreamStopped,
)
from orchestra.voice.carriers.rate_limit import RateLimit
from orchestra.voice.carriers.stream_token import StreamTokens
from orchestra.voice.carriers.twilio import media_stream
from orchestra.voice.carriers.twilio.media_stream import Connected, Digit, Mark, Media, Message, Start, Stop

_LOG = structlog.get_logger("orchestra.voice")

#: close code of RFC 6455 for what breaks the rules
_POLICY_VIOLATION = 1008
_NORMAL = 1000

_START_WITHIN_S = 10.0
#: carriers send 50 frames a second, some 100; they may make up for a stall of a minute at once
_MESSAGES_PER_S = 250.0
_AHEAD_S, _BEHIND_S = 5.0, 60.0
#: of messages that make no sense a hundred may come at once, and two a second
_MALFORMED_PER_S, _MALFORMED_AHEAD_S = 2.0, 50.0


class StreamSocket:
    """Twilio's WebSocket, read as messages and written as text.

    A malformed message is an error, unless the socket is `lenient`: then ``on_skipped`` is called with the reason.
    """

    def __init__(self, websocket: WebSocket, on_skipped: Callable[[str], None]) -> None:
        self._websocket = websocket
        self._on_skipped = on_skipped
        self._messages = RateLimit(_MESSAGES_PER_S, _AHEAD_S, _BEHIND_S)
        self._malformed = RateLimit(_MALFORMED_PER_S, _MALFORMED_AHEAD_S, 0.0)
        self.lenient = False

    async def read(self) -> Message | None:
        """The next message; None once Twilio has closed the socket.

        Raises:
            RejectedError: it breaks the protocol, or messages come faster than in any call.

        """
        while True:
            received = await self._websocket.receive()
            if received["type"] == "websocket.disconnect":
                return None
            if not self._messages.allows(1):
                msg = f"more than {_MESSAGES_PER_S:.0f} messages a second"
                raise RejectedError(msg)
            text = received.get("text")
            try:
                message = media_stream.read(received.get("bytes") or b"" if text is None else text)
            except MalformedMessageError as error:
                self._skip(error)
                continue
            if message is not None:
                return message

    def _skip(self, error: MalformedMessageError) -> None:
        if not self.lenient:
            raise error
        if not self._malformed.allows(1):
            msg = f"nothing but messages that make no sense, the last: {error}"
            raise RejectedError(msg) from None
        self._on_skipped(str(error))

    async def send(self, text: str) -> bool:
        """Send a message. False: the socket is closed."""
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return False
        try:
            await self._websocket.send_text(text)
        except (WebSocketDisconnect, RuntimeError):  # the socket is gone; reading it says so, too
            return False
        return True

    async def close(self, code: int, reason: str = "") -> None:
        """Close it, if it is still open."""
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # closed by Twilio in the meantime
            await self._websocket.close(code, reason[:100])


class TwilioStream:
    """One call's `MediaStream`, from its `start` on, at 8 kHz; its µ-law is decoded and encoded here."""

    sample_rate = mulaw.SAMPLE_RATE

    def __init__(self, socket: StreamSocket, stream_sid: str) -> None:
        self._socket = socket
        self._sid = stream_sid

    async def receive(self) -> Received:
        """The next message of this stream.

        Raises:
            RejectedError: it breaks the protocol.
            StreamLostError: the socket is gone without a `stop`.

        """
        while True:
            message = await self._socket.read()
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
        call = ""

        def on_skipped(reason: str) -> None:
            self._control.message_skipped(call, reason)

        socket = StreamSocket(websocket, on_skipped)
        try:
            start = await self._await_start(websocket, socket)
            if start is None:
                _LOG.info("stream.gone_before_start")
                return
            parties = await self._check_token(start)
            call = parties.call
            socket.lenient = True
            given = start.start.custom_parameters
            await self._control.serve(
                TwilioStream(socket, start.stream_sid),
                parties,
                resumed=bool(given.get("resumed")),
                answered_by=given.get("answered_by", ""),
            )
            await socket.close(_NORMAL)
        except RejectedError as error:
            self._control.refusals.note("stream.refused", call=call, reason=str(error))
            await socket.close(_POLICY_VIOLATION, str(error))

    async def _await_start(self, websocket: WebSocket, socket: StreamSocket) -> Start | None:
        """Accept the socket and read its first messages.

        Raises:
            RejectedError: none came within ten seconds or before too many other sockets, or they do not begin a stream.

        """
        await websocket.accept()
        try:
            async with asyncio.timeout(_START_WITHIN_S) as limit:
                with self._control.pending(socket, lambda: None if limit.expired() else limit.reschedule(0.0)):
                    return await _read_start(socket)
        except TimeoutError:
            msg = f"no `start` message within {_START_WITHIN_S:.0f} s, or before too many others came"
            raise RejectedError(msg) from None

    async def _check_token(self, start: Start) -> Parties:
        given = start.start.custom_parameters
        token, call, provider_call = given.get("token", ""), given.get("call", ""), start.start.call_sid
        stream = self._tokens.redeem(token, call, provider_call, time.time())
        await self._control.claim(call, provider_call, token)
        return Parties(
            call=call,
            provider_call=provider_call,
            from_number=given.get("from_number", ""),
            to_number=given.get("to_number", ""),
            direction="outbound" if given.get("direction") == "outbound" else "inbound",
            stream=stream,
        )


async def _read_start(socket: StreamSocket) -> Start | None:
    message = await socket.read()
    if isinstance(message, Connected):
        message = await socket.read()
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
