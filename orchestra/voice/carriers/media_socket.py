"""A carrier's media WebSocket, whatever is said over it: limits, the wait for its first message, and its end."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from orchestra.errors import MalformedMessageError, RejectedError
from orchestra.rate_limit import RateLimit
from orchestra.voice.carriers.port import CallControl

_LOG = structlog.get_logger("orchestra.voice")

#: close codes of RFC 6455
_NORMAL, _POLICY_VIOLATION = 1000, 1008
_START_WITHIN_S = 10.0
#: carriers send 50 frames a second, some 100; they may make up for a stall of a minute at once
_MESSAGES_PER_S = 250.0
_AHEAD_S, _BEHIND_S = 5.0, 60.0
#: of messages that make no sense a hundred may come at once, and two a second
_MALFORMED_PER_S, _MALFORMED_AHEAD_S = 2.0, 50.0

StartT = TypeVar("StartT")
MessageT = TypeVar("MessageT")


class MediaSocket:
    """One WebSocket, as messages come and go.

    A malformed message is an error until the stream has begun; afterwards it is skipped, and counted for its call.

    Args:
        websocket: the socket.
        control: counts what is refused.
        messages_per_s: the most that a carrier sends for long.

    Attributes:
        call: the call whose stream has begun; "" before.
        closed_normally: the carrier has closed the socket with code 1000; a connection that broke has no such code.

    """

    def __init__(self, websocket: WebSocket, control: CallControl, *, messages_per_s: float = _MESSAGES_PER_S) -> None:
        self._websocket = websocket
        self._control = control
        self._messages_per_s = messages_per_s
        self._messages = RateLimit(messages_per_s, _AHEAD_S, _BEHIND_S)
        self._malformed = RateLimit(_MALFORMED_PER_S, _MALFORMED_AHEAD_S, 0.0)
        self.call = ""
        self.closed_normally = False

    async def serve(
        self, read_start: Callable[[], Awaitable[StartT | None]], run: Callable[[StartT], Awaitable[None]]
    ) -> None:
        """Accept the socket, read the start of its stream, and run the stream. Other calls go on whatever happens.

        Args:
            read_start: returns what begins the stream; None if the carrier is gone.
            run: runs the call until it or the stream is over. What breaks the protocol closes the socket with 1008.

        """
        try:
            start = await self._await_start(read_start)
            if start is None:
                _LOG.info("stream.gone_before_start")
                return
            await run(start)
            await self._close(_NORMAL)
        except RejectedError as error:
            self._control.refusals.note("stream.refused", call=self.call, reason=str(error))
            await self._close(_POLICY_VIOLATION, str(error))

    async def receive(self) -> bytes | str | None:
        """The next message, binary or text; None once the carrier has closed the socket.

        Raises:
            RejectedError: messages come faster than in any call.

        """
        received = await self._websocket.receive()
        if received["type"] == "websocket.disconnect":
            self.closed_normally = received.get("code") == _NORMAL
            return None
        if not self._messages.allows(1):
            msg = f"more than {self._messages_per_s:.0f} messages a second"
            raise RejectedError(msg)
        text: str | None = received.get("text")
        return received.get("bytes") or b"" if text is None else text

    async def read(self, decode: Callable[[bytes | str], MessageT | None]) -> MessageT | None:
        """The next message that ``decode`` knows; None once the carrier has closed the socket.

        Args:
            decode: returns None for a kind of message that it does not know.

        Raises:
            RejectedError: it breaks the protocol, or messages come faster than in any call.

        """
        while (received := await self.receive()) is not None:
            try:
                message = decode(received)
            except MalformedMessageError as error:
                self.skip(error)
                continue
            if message is not None:
                return message
        return None

    def skip(self, error: MalformedMessageError) -> None:
        """Pass over a message that made no sense.

        Raises:
            RejectedError: the stream has not begun, or there are too many of them.

        """
        if not self.call:
            raise error
        if not self._malformed.allows(1):
            msg = f"nothing but messages that make no sense, the last: {error}"
            raise RejectedError(msg) from None
        self._control.message_skipped(self.call, str(error))

    async def send(self, message: bytes | str) -> bool:
        """Send a binary or a text message. False: the socket is closed."""
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return False
        try:
            if isinstance(message, str):
                await self._websocket.send_text(message)
            else:
                await self._websocket.send_bytes(message)
        except (WebSocketDisconnect, RuntimeError):  # the socket is gone; reading it says so, too
            return False
        return True

    async def _await_start(self, read_start: Callable[[], Awaitable[StartT | None]]) -> StartT | None:
        await self._websocket.accept()
        try:
            async with asyncio.timeout(_START_WITHIN_S) as limit:
                with self._control.pending(self, lambda: None if limit.expired() else limit.reschedule(0.0)):
                    return await read_start()
        except TimeoutError:
            msg = f"no `start` message within {_START_WITHIN_S:.0f} s, or before too many others came"
            raise RejectedError(msg) from None

    async def _close(self, code: int, reason: str = "") -> None:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # closed by the carrier in the meantime
            await self._websocket.close(code, reason[:100])
