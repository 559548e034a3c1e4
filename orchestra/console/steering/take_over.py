"""The WebSocket of a take-over: an operator's microphone is the voice of the call until they hand it back."""

import asyncio
import contextlib
from typing import Final

import msgspec
import structlog
from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect

from orchestra.bus import Publisher
from orchestra.bus.stream.subscription import Subscription
from orchestra.console.steering.attendance import Departure
from orchestra.console.steering.lease import MicrophoneLease
from orchestra.console.steering.microphone import Microphone
from orchestra.errors import MalformedMessageError, RejectedError
from orchestra_schemas import CallEnded, CallTransferred, OperatorHandedBack, OperatorLeft, OperatorPassedOn, tag_of

_LOG = structlog.get_logger("orchestra.console")

_NORMAL, _POLICY_VIOLATION = 1000, 1008
#: what sending to a page raises that is no longer there
_GONE = (WebSocketDisconnect, RuntimeError, OSError)
#: a microphone's audio that would wait for Redis is dropped: it would be heard later, after the agents have gone on
_ANSWERED_WITHIN_S = 0.5
#: what ends a take-over, and in which words
_ENDINGS: Final = {
    tag_of(CallEnded): "call over",
    tag_of(CallTransferred): "transferred",
    tag_of(OperatorHandedBack): "handed back",
    tag_of(OperatorPassedOn): "handed back",
}
_LEFT = tag_of(OperatorLeft)


class _Skipped(msgspec.Struct, tag_field="type", tag="skipped"):
    ms: int


class TakeOver:
    """One take-over, whose socket is accepted, and whose event is on the journal.

    Args:
        websocket: the page's.
        publisher: the console's.
        entries: the call's journal from before the take-over.
        lease: the microphone's.
        call: its id.
        operator: the name of who speaks.

    """

    def __init__(
        self,
        websocket: WebSocket,
        publisher: Publisher,
        entries: Subscription,
        lease: MicrophoneLease,
        *,
        call: str,
        operator: str,
    ) -> None:
        self._websocket = websocket
        self._publisher = publisher
        self._entries = entries
        self._lease = lease
        self._call, self._operator = call, operator
        self._microphone = Microphone(call)

    async def serve(self, departure: Departure) -> None:
        """Carry the microphone's audio until the take-over ends, by whichever side; ``departure`` says by which."""
        try:
            await self._websocket.send_text('{"type":"taken_over"}')
        except _GONE:
            return
        parts = [
            asyncio.create_task(part, name=f"take-over {self._call}")
            for part in (self._carry(departure), self._watch(departure), self._hold(departure))
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        except RejectedError as error:
            departure.reason = "protocol error"
            _LOG.warning("takeover.refused", call=self._call, operator=self._operator, reason=str(error))
            await self._close(_POLICY_VIOLATION, str(error))
        else:
            await self._close(_NORMAL, departure.reason)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    async def _carry(self, departure: Departure) -> None:
        """Publish the microphone's audio until the page closes the socket.

        Raises:
            RejectedError: the page breaks the protocol.

        """
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                departure.reason = "closed" if message.get("code") == _NORMAL else "connection lost"
                return
            frame, text = message.get("bytes"), message.get("text")
            if frame is None:
                self._microphone.skip(_skipped_ms(text or ""))
                continue
            chunk = self._microphone.take(frame)
            if self._publisher.connected and self._publisher.unanswered_s < _ANSWERED_WITHIN_S:
                self._publisher.publish(chunk)

    async def _watch(self, departure: Departure) -> None:
        """Return once the journal says that the take-over is over."""
        async for entry in self._entries:
            if entry.call != self._call:
                continue
            if entry.type in _ENDINGS:
                departure.reason = _ENDINGS[entry.type]
                return
            if entry.type == _LEFT and (left := self._left(entry.body)) is not None:
                departure.reason, departure.on_journal = left.reason or "the agents have the call back", True
                return

    async def _hold(self, departure: Departure) -> None:
        await self._lease.lost()
        departure.reason = "lease lost"

    def _left(self, body: bytes) -> "_Left | None":
        """The end of this take-over by the edge; None for that of another operator's, and of listening."""
        try:
            left = msgspec.json.decode(body, type=_Left)
        except msgspec.MsgspecError:
            return None
        return left if left.operator == self._operator and not left.listens else None

    async def _close(self, code: int, reason: str) -> None:
        with contextlib.suppress(*_GONE):  # it was faster
            await self._websocket.send_text(msgspec.json.encode({"type": "ended", "reason": reason}).decode())
            await self._websocket.close(code, reason[:100])


class _Left(msgspec.Struct):
    operator: str = ""
    reason: str = ""
    listens: bool = False


def _skipped_ms(text: str) -> int:
    try:
        return msgspec.json.decode(text, type=_Skipped).ms
    except msgspec.MsgspecError as error:
        msg = f"a page sends audio, or how much of it was skipped: {error}"
        raise MalformedMessageError(msg) from None
