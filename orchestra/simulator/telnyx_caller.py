"""A simulated caller who calls as Telnyx does: sends the edge its events, and does what the edge commands."""

import asyncio
import base64
import json
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake

from orchestra.errors import RejectedError, UsageError
from orchestra.simulator.caller import CallerBehaviour, CallOutcome, HowEnded, LiveConversation, live
from orchestra.simulator.edge_connection import follow, tell
from orchestra.simulator.phone_line import FRAME_S, PhoneLine
from orchestra.simulator.relay_session import RelaySession, RelayVoice
from orchestra.simulator.telnyx_network import Command, Leg, TelnyxNetwork
from orchestra.simulator.transfer_target import TransferTarget
from orchestra.simulator.twiml import ConnectRelay
from orchestra.voice.audio import mulaw

_TRIES, _BETWEEN_TRIES_S = 20, 0.3
_FORBIDDEN = 403
_SERVER_ERROR = 500
_NORMAL = 1000
_LEAST_AUDIO = 160


class TelnyxCaller:
    """One simulated caller of one edge, for one call, or somebody whom the edge calls.

    Args:
        network: the Telnyx that the edge's settings name.
        url: the edge's base address, ``http://127.0.0.1:8480``.
        transfer_target: the person or machine that answers when the edge transfers the call.
        leg: the leg that the edge has dialled, for somebody who is called.
        relay: how Telnyx hears and speaks, if the edge has the call as text.
        detected: what machine detection finds then: ``human``, ``machine``; empty: none.

    """

    def __init__(
        self,
        network: TelnyxNetwork,
        url: str,
        *,
        transfer_target: TransferTarget | None = None,
        leg: Leg | None = None,
        detected: str = "",
        relay: RelayVoice | None = None,
    ) -> None:
        self._network = network
        self._url = f"{url.rstrip('/')}/telnyx/voice"
        self.leg = leg or network.new_leg("+15550001", "+15550100", "incoming", self._url)
        self._is_called = leg is not None
        self._detected = detected
        self._person = transfer_target or TransferTarget()
        self._transferred_to = ""
        self._announcements: list[str] = []
        self._music_plays = False
        self._stream: _Stream | RelaySession | None = None
        self._relay = relay
        self._receiving: asyncio.Task[None] | None = None
        self._streams = 0
        self._closed = ""

    @property
    def provider_call(self) -> str:
        """The carrier's id of the call: of its leg."""
        return self.leg.id

    async def call(self, line: PhoneLine, conversation: CallerBehaviour) -> CallOutcome:
        """Make or take the call, run the conversation in it, and return when the call is over.

        Raises:
            UsageError: no edge answers at the address, or it refuses the signature.
            RejectedError: the edge breaks the protocol.

        """
        self._network.dialled[self.leg.id] = self._ring_person
        try:
            await self._begin()
            async with live(line, conversation) as talk:
                how = await self._follow(talk)
        finally:
            self._network.legs.pop(self.leg.id, None)
        how = "transferred" if self._transferred_to else how
        return CallOutcome(how, self._transferred_to, tuple(self._announcements), self._streams, self._closed)

    async def _begin(self) -> None:
        try:
            if self._is_called:
                await self._network.send(self.leg, "call.answered")
                status = await self._detect()
            else:
                status = await self._network.send(self.leg, "call.initiated")
        except httpx.TransportError as error:
            msg = f"no edge answers at {self._url} ({error or type(error).__name__}): start `orchestra up`"
            raise UsageError(msg) from None
        if status == _FORBIDDEN:
            msg = f"the edge at {self._url} refuses the signature: give it this network's public key"
            raise UsageError(msg)

    async def _detect(self) -> int:
        status = 200
        if self._detected:
            status = await self._network.send(self.leg, "call.machine.detection.ended", result=self._detected)
        if self._detected == "machine":
            status = await self._network.send(self.leg, "call.machine.greeting.ended", result="beep_detected")
        return status

    async def _follow(self, talk: LiveConversation) -> HowEnded:
        """Do what the edge commands until the call is over."""
        coming = asyncio.ensure_future(self.leg.commands.get())
        try:
            while True:
                talking = {talk.begin()} if self._streams else set()
                waiting = {coming, *talking, *([self._receiving] if self._receiving is not None else [])}
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if done & talking:
                    await self._hang_up()
                    return "caller_hung_up"
                if self._receiving in done:
                    await self._stream_over()
                if coming in done:
                    ended = await self._act(coming.result(), talk.line)
                    if ended:
                        return ended
                    coming = asyncio.ensure_future(self.leg.commands.get())
        except httpx.TransportError:
            return "cut_off"
        finally:
            coming.cancel()
            if self._receiving is not None:
                self._receiving.cancel()

    async def _act(self, command: Command, line: PhoneLine) -> HowEnded | None:
        """Execute one command. Returns how the call ended, if it did."""
        body = command.body
        match command.action:
            case "answer":
                await self._tell("call.answered")
                if "stream_url" in body:
                    await self._connect(body, line)
            case "streaming_start":
                await self._connect(body, line)
            case "conversation_relay_start":
                await self._connect_relay(body, line)
            case "speak":
                self._announcements.append(body["payload"])
                await self._tell("call.speak.ended", status="completed")
            case "playback_start" | "playback_stop":
                self._music_plays = command.action == "playback_start"
                if self._music_plays:
                    await self._person.play_hold_music(body["audio_url"], line)
            case "bridge":
                await self._bridge(body["call_control_id"], line)
            case "reject" | "hangup":
                self._network.legs.pop(self.leg.id, None)
                await self._tell("call.hangup", hangup_cause="normal_clearing", hangup_source="callee")
                return "agent_hung_up" if self._streams else "refused"
            case other:
                msg = f"the edge sent the command {other!r}, which this caller does not know"
                raise RejectedError(msg)
        return None

    # -- media

    async def _connect(self, body: dict[str, Any], line: PhoneLine) -> None:
        if body["stream_bidirectional_mode"] != "rtp" or body["stream_bidirectional_codec"] != "PCMU":
            msg = "the edge asked for a stream that plays no µ-law"
            raise RejectedError(msg)
        try:
            socket = await connect(body["stream_url"], proxy=None, compression=None)
        except (OSError, TimeoutError, InvalidHandshake):
            params = {"stream_url": body["stream_url"], "track": "inbound_track"}
            await self._tell("streaming.failed", failure_reason="connection_failed", stream_params=params)
            return
        self._streams += 1
        self._stream = _Stream(socket, line, self.leg, body["stream_url"])
        await self._stream.start()
        self._receiving = asyncio.create_task(self._stream.run())

    async def _connect_relay(self, body: dict[str, Any], line: PhoneLine) -> None:
        if self._relay is None:
            msg = "the edge takes the call as text: this caller has been given no voice for it"
            raise UsageError(msg)
        attributes = {"interruptible": body["interruptible"], "dtmfDetection": str(body["dtmf_detection"]).lower()}
        # Telnyx sends interim words, too, and does not say what it plays
        verb = ConnectRelay(body["url"], {"partialPrompts": "true", **attributes}, body["custom_parameters"])
        try:
            self._stream = await RelaySession.open(verb, line, self._relay, call_sid=self.leg.id, account_sid="1f1a")
        except RejectedError:
            await self._tell("call.conversation.ended", reason="customer_disconnect")
            return
        self._streams += 1
        self._receiving = asyncio.create_task(self._stream.run())

    async def _stream_over(self) -> None:
        """The edge has closed the stream, or is gone."""
        stream, receiving = self._stream, self._receiving
        self._stream = self._receiving = None
        assert stream is not None
        assert receiving is not None
        receiving.result()
        self._closed = stream.closed
        if isinstance(stream, RelaySession):
            await self._tell("call.conversation.ended", reason="customer_disconnect")
            return
        params = {"stream_url": stream.url, "track": "inbound_track"}
        if stream.closed.startswith(str(_NORMAL)):
            await self._tell("streaming.stopped", stream_params=params)
        else:
            await self._tell("streaming.failed", failure_reason="connection_lost", stream_params=params)

    async def _hang_up(self) -> None:
        self._network.legs.pop(self.leg.id, None)
        if self._stream is not None and self._receiving is not None:
            await self._stream.hang_up()
            await self._receiving
        await self._tell("call.hangup", hangup_cause="normal_clearing", hangup_source="caller")
        if self._receiving is not None:
            await self._stream_over()

    # -- the person of a transfer

    async def _ring_person(self, leg: Leg, body: dict[str, Any]) -> None:
        """Ring the transfer target, and do what the edge commands on their leg."""
        del body
        person, send = self._person, self._network.send
        if not person.answers:
            self._network.legs.pop(leg.id, None)
            await send(leg, "call.hangup", hangup_cause="timeout", hangup_source="unknown")
            return
        await send(leg, "call.answered")
        while True:
            command = await leg.commands.get()
            if command.action == "hangup":
                self._network.legs.pop(leg.id, None)
                await send(leg, "call.hangup", hangup_cause="normal_clearing", hangup_source="caller")
                return
            if command.action == "send_dtmf":
                person.extension = command.body["digits"]
            if command.action == "gather_using_speak":
                person.briefed.append(command.body["payload"])
                await send(leg, "call.gather.ended", digits=person.presses, status="valid" if person.presses else "no")

    async def _bridge(self, person_leg: str, line: PhoneLine) -> None:
        """The caller hears the person until they hang up."""
        if self._music_plays:
            msg = "the edge bridges a caller who would go on hearing music"
            raise RejectedError(msg)
        person, leg = self._person, self._network.legs.pop(person_leg)
        self._transferred_to = leg.numbers["to"]
        person.connected_s = line.now_s
        line.playout.put(mulaw.encode(person.says))
        await line.until(lambda: not line.playout, 2 * person.says.size / mulaw.SAMPLE_RATE + 1)
        await self._network.send(leg, "call.hangup", hangup_cause="normal_clearing", hangup_source="callee")

    async def _tell(self, kind: str, **payload: Any) -> None:
        """Send an event, until an edge has it."""
        for _ in range(_TRIES - 1):
            try:
                if await self._network.send(self.leg, kind, **payload) < _SERVER_ERROR:
                    return
            except httpx.TransportError:
                pass  # no edge is there yet, or any more; the last try raises it
            await asyncio.sleep(_BETWEEN_TRIES_S)
        await self._network.send(self.leg, kind, **payload)


class _Stream:
    """Telnyx's side of one media WebSocket."""

    def __init__(self, socket: ClientConnection, line: PhoneLine, leg: Leg, url: str) -> None:
        self.url = url
        self.closed = ""
        self._socket, self._line, self._leg = socket, line, leg
        self._id = f"stream-{id(self):x}"
        self._sequence = 0
        self._chunk = 0

    async def start(self) -> None:
        await self._send({"event": "connected", "version": "1.0.0"})
        start = {
            "call_control_id": self._leg.id,
            "client_state": self._leg.client_state,
            "media_format": {"encoding": "PCMU", "sample_rate": mulaw.SAMPLE_RATE, "channels": 1},
            **self._leg.numbers,
        }
        await self._numbered("start", start)
        self._line.stream = self

    async def run(self) -> None:
        """Handle the edge's messages until either side closes the socket."""
        self.closed = await follow(self._socket, self._line, self._take)

    async def send_audio(self, frame: bytes) -> None:
        """Send one frame of the caller's audio (µ-law)."""
        timestamp_ms = round(self._chunk * FRAME_S * 1000)
        self._chunk += 1
        payload = base64.b64encode(frame).decode()
        media = {"track": "inbound", "chunk": str(self._chunk), "timestamp": str(timestamp_ms), "payload": payload}
        await self._numbered("media", media)

    async def lose_audio(self) -> None:
        """Count a frame that is lost: the next one says so by its time."""
        self._chunk += 1

    async def send_mark(self, name: str) -> None:
        """Return a mark."""
        await self._numbered("mark", {"name": name})

    async def send_digit(self, digit: str) -> None:
        """Send a key that the caller pressed."""
        await self._numbered("dtmf", {"digit": digit})

    async def hang_up(self) -> None:
        """End the stream as Telnyx does when the caller hangs up."""
        await self._numbered("stop", {"call_control_id": self._leg.id})
        await self._socket.close()

    async def _take(self, text: str | bytes) -> None:
        message: dict[str, Any] = json.loads(text)
        match message["event"]:
            case "media":
                audio = base64.b64decode(message["media"]["payload"], validate=True)
                if len(audio) < _LEAST_AUDIO:
                    msg = f"the edge sent {len(audio)} bytes of audio: Telnyx takes no less than 20 ms"
                    raise RejectedError(msg)
                self._line.playout.put(audio)
            case "mark":
                self._line.playout.mark(message["mark"]["name"])
            case "clear":
                await self._line.clear()
            case other:
                msg = f"the edge sent a {other!r} message, which Telnyx does not know"
                raise RejectedError(msg)

    async def _numbered(self, event: str, body: dict[str, Any]) -> None:
        self._sequence += 1
        await self._send({"event": event, "sequence_number": str(self._sequence), "stream_id": self._id, event: body})

    async def _send(self, message: dict[str, Any]) -> None:
        await tell(self._socket, self._line, json.dumps(message))
