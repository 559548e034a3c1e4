"""The media WebSocket of a gateway: from its start on, it is that of the browser line."""

import msgspec
from fastapi import WebSocket

from orchestra.clock import SYSTEM_CLOCK
from orchestra.voice.carriers.browser.stream import BrowserStream
from orchestra.voice.carriers.media_socket import MediaSocket
from orchestra.voice.carriers.port import LONGEST_MESSAGE, CallControl
from orchestra.voice.carriers.sip.messages import PressKeys, Start, read_start
from orchestra.voice.carriers.stream_token import StreamTokens


class SipStream(BrowserStream):
    """One call's `MediaStream`; the gateway presses keys itself (RFC 4733)."""

    async def press_keys(self, keys: str) -> None:
        """Have these keys pressed after the audio that was sent before."""
        await self._socket.send(msgspec.json.encode(PressKeys(keys)).decode())


class SipSockets:
    """The endpoint of all gateways' WebSockets of one edge."""

    def __init__(self, tokens: StreamTokens, control: CallControl) -> None:
        self._tokens = tokens
        self._control = control

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one stream. A violation of the protocol closes it with 1008 and is logged; other calls go on."""
        socket = MediaSocket(websocket, self._control)

        async def run(start: Start) -> None:
            provider_call = start.parties.provider_call
            number = self._tokens.redeem(start.token, start.call, provider_call, SYSTEM_CLOCK.time())
            await self._control.claim(start.call, provider_call, start.token)
            socket.call = start.call
            await self._control.serve(
                SipStream(socket, start.rate),
                start.parties.parties(start.call, number),
                resumed=start.resumed,
                answered_by=start.answered_by,
            )

        await socket.serve(lambda: _read_start(socket), run)


async def _read_start(socket: MediaSocket) -> Start | None:
    received = await socket.receive()
    return None if received is None else read_start(received[:LONGEST_MESSAGE])
