"""The media WebSocket of a browser: binary frames of audio both ways, and text messages beside them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import WebSocket

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import MalformedMessageError, RejectedError, StreamLostError
from orchestra.lines import WEB
from orchestra.voice.carriers.browser import messages
from orchestra.voice.carriers.browser.call_key import is_of_site, line_of
from orchestra.voice.carriers.browser.captions import SHOWN, SHOWN_TO_SITES, caption
from orchestra.voice.carriers.browser.messages import Digit, Hold, Mark, Skipped, Start, Stop
from orchestra.voice.carriers.media_socket import MediaSocket
from orchestra.voice.carriers.port import (
    LONGEST_MESSAGE,
    AudioReceived,
    CallControl,
    DigitReceived,
    HoldChanged,
    MarkReturned,
    Parties,
    Received,
    StreamStopped,
)
from orchestra.voice.carriers.stream_token import StreamTokens


class BrowserStream:
    """One call's `MediaStream`: signed 16-bit little-endian samples at the rate that the page has chosen."""

    def __init__(self, socket: MediaSocket, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._socket = socket
        self._bytes_per_ms = sample_rate * 2 // 1000
        self._said_bytes = 0  # of the microphone's audio so far, with what the page has dropped

    async def receive(self) -> Received:
        """The next message of the page.

        Raises:
            RejectedError: it breaks the protocol.
            StreamLostError: the socket is gone without a `stop`.

        """
        while True:
            message = await self._socket.receive()
            if message is None:
                raise StreamLostError
            try:
                received = self._audio(message) if isinstance(message, bytes) else self._control(message)
            except MalformedMessageError as error:
                self._socket.skip(error)
            else:
                if received is not None:
                    return received

    async def send_audio(self, samples: bytes) -> bool:
        """Have this played after what was sent before. False: the socket is closed."""
        return await self._socket.send(samples)

    async def send_mark(self, name: str) -> None:
        """Have the mark come back once all before it was played."""
        await self._socket.send(messages.mark(name))

    async def clear(self) -> None:
        """Have what is not played yet dropped."""
        await self._socket.send(messages.clear())

    def _audio(self, samples: bytes) -> AudioReceived:
        if not samples or len(samples) % 2 or len(samples) > LONGEST_MESSAGE:
            msg = f"{len(samples)} bytes are not a frame of 16-bit samples"
            raise MalformedMessageError(msg)
        at_ms = self._said_bytes // self._bytes_per_ms
        self._said_bytes += len(samples)
        return AudioReceived(samples, at_ms)

    def _control(self, text: str) -> Received | None:
        match messages.read(text):
            case Mark(name):
                return MarkReturned(name)
            case Digit(digit):
                return DigitReceived(digit)
            case Hold(held):
                return HoldChanged(held)
            case Stop():
                return StreamStopped()
            case Skipped(ms):
                self._said_bytes += ms * self._bytes_per_ms
                return None
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
        socket = MediaSocket(websocket, self._control)

        async def run(start: Start) -> None:
            number = self._tokens.redeem(start.token, start.call, start.call_key, SYSTEM_CLOCK.time())
            await self._control.claim(start.call, start.call_key, start.token)
            socket.call = start.call
            parties = Parties(start.call, start.call_key, to_number=line_of(start.call_key) or WEB, stream=number)
            async with _captions(socket, self._control, parties):
                stream = BrowserStream(socket, start.rate)
                await self._control.serve(stream, parties, resumed=start.resumed, answered_by="")

        await socket.serve(lambda: _read_start(socket), run)


async def _read_start(socket: MediaSocket) -> Start | None:
    """The first message of the page; None where it is gone.

    Raises:
        RejectedError: it does not begin a stream.

    """
    received = await socket.receive()
    if received is None:
        return None
    message = messages.read(received[:LONGEST_MESSAGE])
    if isinstance(message, Start):
        return message
    msg = f"a stream begins with `start`, not with {type(message).__name__.lower()}"
    raise RejectedError(msg)


@contextlib.asynccontextmanager
async def _captions(socket: MediaSocket, control: CallControl, parties: Parties) -> AsyncIterator[None]:
    """Tell the page what is said and done in its call while the block runs."""
    shown = SHOWN_TO_SITES if is_of_site(parties.provider_call) else SHOWN

    async def tell() -> None:
        async with contextlib.aclosing(control.events(parties.call, shown)) as events:
            async for event in events:
                if not await socket.send(caption(event)):
                    return

    telling = asyncio.create_task(tell(), name=f"captions {parties.call}")
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
