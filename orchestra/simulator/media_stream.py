"""The carrier's side of a Media Streams WebSocket.

Messages as in Twilio's "Media Streams: WebSocket messages":
https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

import base64
import binascii
import json
import secrets
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake

from orchestra.errors import RejectedError
from orchestra.simulator.edge_connection import follow, tell
from orchestra.simulator.phone_line import FRAME_S, PhoneLine
from orchestra.simulator.twiml import ConnectStream

_CONNECT_TIMEOUT_S = 10.0


class MediaStream:
    """One bidirectional media stream between an edge and a `PhoneLine`.

    Attributes:
        closed: why the edge closed it ("1000", "1008 wrong token"), empty while it is open.

    """

    def __init__(self, socket: ClientConnection, line: PhoneLine, *, call_sid: str, account_sid: str) -> None:
        self._names = {"accountSid": account_sid, "callSid": call_sid}
        self.sid = "MZ" + secrets.token_hex(16)
        self.closed = ""
        self._socket, self._line = socket, line
        self._sequence = 0
        self._chunk = 0

    @classmethod
    async def open(cls, verb: ConnectStream, line: PhoneLine, *, call_sid: str, account_sid: str) -> Self:
        """Connect, send `connected` and `start`, and attach the line.

        Raises:
            RejectedError: the edge does not accept the connection.

        """
        try:
            # Without a proxy from the environment, whose delay would be measured, too.
            socket = await connect(verb.url, proxy=None, open_timeout=_CONNECT_TIMEOUT_S, compression=None)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            msg = f"the media stream {verb.url} could not be opened: {error}"
            raise RejectedError(msg) from error
        stream = cls(socket, line, call_sid=call_sid, account_sid=account_sid)
        await stream._send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start = {
            **stream._names,
            "streamSid": stream.sid,
            "tracks": ["inbound"],
            "customParameters": verb.parameters,
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        }
        await stream._send_numbered("start", start)
        line.stream = stream
        return stream

    @property
    def state(self) -> dict[str, str]:
        """What the carrier's next request says of it."""
        return {"StreamSid": self.sid}

    async def run(self) -> None:
        """Handle the edge's messages until either side closes the stream.

        Raises:
            RejectedError: the edge sent something that is not in the protocol.

        """
        self.closed = await follow(self._socket, self._line, self._take)

    async def send_audio(self, frame: bytes) -> None:
        """Send one frame of the caller's audio."""
        timestamp_ms = round(self._chunk * FRAME_S * 1000)
        self._chunk += 1
        payload = base64.b64encode(frame).decode()
        media = {"track": "inbound", "chunk": str(self._chunk), "timestamp": str(timestamp_ms), "payload": payload}
        await self._send_numbered("media", media)

    async def lose_audio(self) -> None:
        """Count a frame that is lost: the next one says so by its time."""
        self._chunk += 1

    async def send_mark(self, name: str) -> None:
        """Return a mark."""
        await self._send_numbered("mark", {"name": name})

    async def send_digit(self, digit: str) -> None:
        """Send a key that the caller pressed."""
        await self._send_numbered("dtmf", {"track": "inbound_track", "digit": digit})

    async def hang_up(self) -> None:
        """End the stream as the carrier does when the caller hangs up."""
        await self._send_numbered("stop", self._names)
        await self._socket.close()

    async def _take(self, text: str | bytes) -> None:
        try:
            message = json.loads(text)
            match message["event"]:
                case "media":
                    self._line.playout.put(base64.b64decode(message["media"]["payload"], validate=True))
                case "mark":
                    self._line.playout.mark(message["mark"]["name"])
                case "clear":
                    await self._line.clear()
                case other:
                    msg = f"the edge sent a {other!r} message, which Media Streams does not know"
                    raise RejectedError(msg)
            sid = message["streamSid"]
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            msg = f"the edge sent an invalid Media Streams message ({error!r}): {str(text)[:80]}"
            raise RejectedError(msg) from error
        if sid != self.sid:
            msg = f"the edge sent a message for stream {sid}, this one is {self.sid}"
            raise RejectedError(msg)

    async def _send_numbered(self, event: str, body: dict[str, Any]) -> None:
        self._sequence += 1
        await self._send({"event": event, "sequenceNumber": str(self._sequence), "streamSid": self.sid, event: body})

    async def _send(self, message: dict[str, Any]) -> None:
        await tell(self._socket, self._line, json.dumps(message))
