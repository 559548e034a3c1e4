"""Plivo's side of one audio stream, between an edge and a `PhoneLine`.

See https://www.plivo.com/docs/voice/audio-streaming/audio-streaming.
"""

import base64
import binascii
import json
import time
import uuid
from typing import Any, Self

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake

from orchestra.errors import RejectedError
from orchestra.simulator.edge_connection import follow, tell
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.plivo_xml import Stream
from orchestra.voice.audio import mulaw

_CONNECT_TIMEOUT_S = 10.0


class PlivoStream:
    """A media stream of this line. Plivo answers a checkpoint only if the audio before it was played.

    Attributes:
        closed: why the edge closed it ("1000", "1008 wrong token"), empty while it is open.

    """

    def __init__(self, socket: ClientConnection, line: PhoneLine, verb: Stream, call_uuid: str) -> None:
        self.stream_id = str(uuid.uuid4())
        self.closed = ""
        self._socket, self._line, self._verb = socket, line, verb
        self._call_uuid = call_uuid
        self._sequence = 0
        self._clearing = False

    @classmethod
    async def open(cls, verb: Stream, line: PhoneLine, call_uuid: str) -> Self:
        """Connect, send `start`, and attach the line.

        Raises:
            RejectedError: the edge does not accept the connection.

        """
        try:
            socket = await connect(verb.url, proxy=None, open_timeout=_CONNECT_TIMEOUT_S, compression=None)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            msg = f"the media stream {verb.url} could not be opened: {error}"
            raise RejectedError(msg) from error
        stream = cls(socket, line, verb, call_uuid)
        await stream._send("start", start=stream._named(), extra_headers=verb.extra_headers.replace(",", ";"))
        line.stream = stream
        return stream

    def _named(self) -> dict[str, Any]:
        return {
            "callId": self._call_uuid,
            "streamId": self.stream_id,
            "accountId": "MA" + "0" * 18,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": self._verb.encoding, "sampleRate": self._verb.sample_rate},
        }

    async def run(self) -> None:
        """Handle the edge's messages until either side closes the stream.

        Raises:
            RejectedError: the edge sent something that is not in the protocol.

        """
        self.closed = await follow(self._socket, self._line, self._take)

    async def send_audio(self, frame: bytes) -> None:
        """Send one frame of the caller's audio (µ-law)."""
        payload = frame
        if self._verb.encoding == "audio/x-l16":
            payload = np.repeat(mulaw.decode(frame), self._per_sample).tobytes()
        media = {
            "track": "inbound",
            "timestamp": str(round(time.time() * 1000)),
            "chunk": self._sequence,
            "payload": base64.b64encode(payload).decode(),
        }
        await self._send("media", streamId=self.stream_id, media=media, extra_headers=self._verb.extra_headers)

    async def lose_audio(self) -> None:
        """Send nothing: Plivo's chunks count what it sends."""

    async def send_mark(self, name: str) -> None:
        """Report a checkpoint, unless its audio was cleared."""
        if not self._clearing:
            await self._send("playedStream", streamId=self.stream_id, name=name)

    async def send_digit(self, digit: str) -> None:
        """Send a key that the caller pressed."""
        await self._send("dtmf", streamId=self.stream_id, dtmf={"track": "inbound", "digit": digit, "timestamp": "0"})

    async def hang_up(self) -> None:
        """End the stream as the carrier does when the caller hangs up: it closes the socket."""
        await self._socket.close()

    @property
    def _per_sample(self) -> int:
        return self._verb.sample_rate // mulaw.SAMPLE_RATE

    async def _take(self, text: str | bytes) -> None:
        try:
            message = json.loads(text)
            match message["event"]:
                case "playAudio":
                    self._play(message["media"])
                    return
                case "checkpoint":
                    self._line.playout.mark(message["name"])
                case "clearAudio":
                    self._clearing = True
                    await self._line.clear()
                    self._clearing = False
                    await self._send("clearedAudio", streamId=self.stream_id)
                case other:
                    msg = f"the edge sent a {other!r} message, which Plivo does not know"
                    raise RejectedError(msg)
            stream_id = message["streamId"]
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            msg = f"the edge sent an invalid message ({error!r}): {str(text)[:80]}"
            raise RejectedError(msg) from error
        if stream_id != self.stream_id:
            msg = f"the edge sent a message for stream {stream_id}, this one is {self.stream_id}"
            raise RejectedError(msg)

    def _play(self, media: dict[str, Any]) -> None:
        if (media["contentType"], media["sampleRate"]) != (self._verb.encoding, self._verb.sample_rate):
            msg = f"the edge plays {media['contentType']} at {media['sampleRate']} Hz"
            raise RejectedError(msg)
        audio = base64.b64decode(media["payload"], validate=True)
        if self._verb.encoding == "audio/x-l16":
            audio = mulaw.encode(np.frombuffer(audio, np.int16)[:: self._per_sample].copy())
        self._line.playout.put(audio)

    async def _send(self, event: str, **body: Any) -> None:
        self._sequence += 1
        await tell(self._socket, self._line, json.dumps({"event": event, "sequenceNumber": self._sequence, **body}))
