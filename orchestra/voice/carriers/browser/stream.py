"""The media WebSocket of a browser: binary frames of audio both ways, and text messages beside them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import structlog
from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from orchestra.errors import MalformedMessageError, RejectedError, StreamLostError
from orchestra.voice.carriers.browser import messages
from orchestra.voice.carriers.browser.captions import SHOWN, caption
from orchestra.voice.carriers.browser.messages import Digit, Mark, Start, Stop
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
from orchestra.voice.carriers.rate_limit import RateLimit
from orchestra.voice.carriers.stream_token import StreamTokens

_LOG = structlog.get_logger("orchestra.voice")

#: close codes of RFC 6455
_NORMAL, _POLICY_VIOLATION = 1000, 1008
_START_WITHIN_S = 10.0
#: pages send 50 frames a second; they may make up for a stall of a minute at once
_MESSAGES_PER_S, _AHEAD_S, _BEHIND_S = 250.0, 5.0, 60.0
#: of messages that make no sense a hundred may come at once, and two a second
_MALFORMED_PER_S, _MALFORMED_AHEAD_S = 2.0, 50.0


class BrowserStream:
    """One call's `MediaStream`: signed 16-bit little-endian samples at the rate that the page has chosen."""

    def __init__(self, websocket: WebSocket, sample_rate: int, on_skipped: Callable[[str], None]) -> None:
        self.sample_rate = sample_rate
        self._websocket = websocket
        self._on_skipped = on_skipped
        self._messages = RateLimit(_MESSAGES_PER_S, _AHEAD_S, _BEHIND_S)
        self._malformed = RateLimit(_MALFORMED_PER_S, _MALFORMED_AHEAD_S, 0.0)

    async def receive(self) -> Received:
        """The next message of the page.

        Raises:
            RejectedError: it breaks the protocol.
            StreamLostError: the socket is gone without a `stop`.

        """
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise StreamLostError
            if not self._messages.allows(1):
                msg = f"more than {_MESSAGES_PER_S:.0f} messages a second"
                raise RejectedError(msg)
            samples, text = message.get("bytes"), message.get("text")
            try:
                received = _audio(samples) if samples is not None else _control(text or "")
            except MalformedMessageError as error:
                self._skip(error)
                continue
            return received

    def _skip(self, error: MalformedMessageError) -> None:
        if not self._malformed.allows(1):
            msg = f"nothing but messages that make no sense, the last: {error}"
            raise RejectedError(msg) from None
        self._on_skipped(str(error))

    async def send_audio(self, samples: bytes) -> bool:
        """Have this played after what was sent before. False: the socket is closed."""
        return await send(self._websocket, samples)

    async def send_mark(self, name: str) -> None:
        """Have the mark come back once all before it was played."""
        await send(self._websocket, messages.mark(name))

    async def clear(self) -> None:
        """Have what is not played yet dropped."""
        await send(self._websocket, messages.clear())


async def send(websocket: WebSocket, message: bytes | str) -> bool:
    """Send a frame of audio or a text message. False: the socket is closed."""
    if websocket.application_state is not WebSocketState.CONNECTED:
        return False
    try:
        if isinstance(message, str):
            await websocket.send_text(message)
        else:
            await websocket.send_bytes(message)
    except (WebSocketDisconnect, RuntimeError):  # the socket is gone; reading it says so, too
        return False
    return True


def _audio(samples: bytes) -> AudioReceived:
    if not samples or len(samples) % 2 or len(samples) > LONGEST_MESSAGE:
        msg = f"{len(samples)} bytes are not a frame of 16-bit samples"
        raise MalformedMessageError(msg)
    return AudioReceived(samples)


def _control(text: str) -> Received:
    match messages.read(text):
        case Mark(name):
            return MarkReturned(name)
        case Digit(digit):
            return DigitReceived(digit)
        case Stop():
            return StreamStopped()
        case Start():
            msg = "a second `start` message"
            raise MalformedMessageError(msg)


class BrowserSockets:
    """The endpoint of all browsers' WebSockets of one edge."""

    def __init__(self, tokens: StreamTokens, control: CallControl) -> None:
        self._tokens = tokens
        self._control = control

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one stream. A violation of the protocol closes it with 1008 and is logged; other calls go on."""
        call = ""

        def on_skipped(reason: str) -> None:
            self._control.message_skipped(call, reason)

        try:
            start = await self._await_start(websocket)
            if start is None:
                _LOG.info("stream.gone_before_start")
                return
            number = self._tokens.redeem(start.token, start.call, start.call_key, time.time())
            await self._control.claim(start.call, start.call_key, start.token)
            call = start.call
            stream = BrowserStream(websocket, start.rate, on_skipped)
            parties = Parties(call, start.call_key, stream=number)
            async with _captions(websocket, self._control, call):
                await self._control.serve(stream, parties, resumed=start.resumed, answered_by="")
            await _close(websocket, _NORMAL, "")
        except RejectedError as error:
            self._control.refusals.note("stream.refused", call=call, reason=str(error))
            await _close(websocket, _POLICY_VIOLATION, str(error))

    async def _await_start(self, websocket: WebSocket) -> Start | None:
        """Accept the socket and read its first message; None where the page is gone.

        Raises:
            RejectedError: none came within ten seconds or before too many other sockets, or it does not begin a stream.

        """
        await websocket.accept()
        try:
            async with asyncio.timeout(_START_WITHIN_S) as limit:
                with self._control.pending(websocket, lambda: None if limit.expired() else limit.reschedule(0.0)):
                    received = await websocket.receive()
        except TimeoutError:
            msg = f"no `start` message within {_START_WITHIN_S:.0f} s, or before too many others came"
            raise RejectedError(msg) from None
        if received["type"] == "websocket.disconnect":
            return None
        message = messages.read((received.get("text") or "")[:LONGEST_MESSAGE])
        if isinstance(message, Start):
            return message
        msg = f"a stream begins with `start`, not with {type(message).__name__.lower()}"
        raise RejectedError(msg)


@contextlib.asynccontextmanager
async def _captions(websocket: WebSocket, control: CallControl, call: str) -> AsyncIterator[None]:
    """Tell the page what is said and done in its call while the block runs."""

    async def tell() -> None:
        async with contextlib.aclosing(control.events(call, SHOWN)) as events:
            async for event in events:
                text = caption(event)
                if text and not await send(websocket, text):
                    return

    telling = asyncio.create_task(tell(), name=f"captions {call}")
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # closed by the page in the meantime
        await websocket.close(code, reason[:100])
