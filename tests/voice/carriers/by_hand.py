"""Telephone companies, spoken for by hand: what they send, and what somebody sends in their place."""

import base64
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect

from orchestra.simulator import TelnyxNetwork, VonageWebhooks
from orchestra.simulator.plivo_caller import sign_v3
from orchestra.simulator.plivo_xml import Stream, parse_plivo_xml
from orchestra.simulator.telnyx_network import Leg
from orchestra.simulator.twiml import ConnectStream, parse_twiml
from tests.voice.edges import RunningEdge

SECRET = "a secret of more than thirty-two bytes, as Vonage has them"
OTHER_SECRET = "another secret of more than thirty-two bytes, of somebody else"
DAY_S = 86_400
SILENCE = base64.b64encode(b"\xff" * 160).decode()

Message = str | bytes
#: to load certificates takes longer than a request
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as somebody sends it."""

    path: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Offered:
    """A stream that the edge asked for: where, and the messages with which it begins."""

    url: str
    opening: tuple[str, ...]

    def opened_as(self, **changed: Any) -> tuple[str, ...]:
        """The opening with other values: of fields, or of fields in them (``start__callSid``)."""
        *before, last = self.opening
        message = json.loads(last)
        for name, value in changed.items():
            place, *way = name.split("__")
            into = message
            for each in way:
                into, place = into[place], each
            into[place] = value
        return (*before, json.dumps(message))


@dataclass
class ByHand(Protocol):
    """A carrier, as far as these tests speak for it. ``settings`` are those of an edge that takes its calls."""

    settings: dict[str, Any]
    #: what does not begin a stream, what makes no sense in one, what breaks it, and what a later version may send
    not_openings: tuple[Message, ...]
    nonsense: tuple[Message, ...]
    breaks: tuple[Message, ...]
    later: str

    def incoming(self, url: str, call: str) -> Sent:
        """A call comes in, signed now."""

    def over(self, url: str, call: str) -> Sent:
        """The call is over."""

    def forged(self, url: str) -> dict[str, Sent]:
        """A call comes in, but the carrier does not say so."""

    async def offer(self, running: RunningEdge, sent: Sent) -> str:
        """Send it. Returns what the carrier was told to do; empty: nothing, or to hang up."""

    def offered(self, told: str, call: str) -> Offered:
        """The stream in what the carrier was told."""

    def odd_formats(self, offered: Offered) -> list[tuple[str, ...]]:
        """Openings of this stream with audio that nobody asked for."""

    def of_another_call(self, offered: Offered, other: Offered) -> tuple[str, ...]:
        """An opening of this call's stream with the other one's token."""

    def digit(self, digit: str) -> str:
        """A key was pressed."""


async def send(running: RunningEdge, sent: Sent) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=60, verify=_NO_TLS) as http:
        return await http.post(running.url + sent.path, content=sent.body, headers=sent.headers)


def refused(running: RunningEdge, kind: str) -> int:
    """How many refusals of this kind were noted."""
    _, written, unwritten = running.edge.refusals._kinds.get(kind, (0.0, 0, 0))
    return written + unwritten


@asynccontextmanager
async def opened(
    offered: Offered, *messages: Message, opening: tuple[str, ...] = ()
) -> AsyncIterator[ClientConnection]:
    """The stream's socket, after its opening and these messages."""
    async with connect(offered.url, proxy=None) as socket:
        for message in (*(opening or offered.opening), *messages):
            await socket.send(message)
        yield socket


def changed(sent: Sent, old: bytes, new: bytes) -> Sent:
    assert old in sent.body
    return Sent(sent.path, sent.body.replace(old, new), sent.headers)


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _json(**message: Any) -> str:
    return json.dumps(message)


def _odd(**ids: str) -> tuple[Message, ...]:
    """What makes no sense in a stream of JSON."""
    return (
        *(_json(event="dtmf", dtmf={"digit": digit}, **ids) for digit in ("A", "D", "", "12", "w", 5, None)),
        _json(event="dtmf", dtmf={}, **ids),
        _json(event="dtmf", **ids),
        *(_json(event="media", media={"payload": payload}, **ids) for payload in ("odd", "/v7+=", None)),
        _json(event="media", media={"payload": "/v7+", "timestamp": [40]}, **ids),
        _json(event="media", media={"payload": "/v7+", "track": 7}, **ids),
        _json(event="media", media="inbound", **ids),
        _json(event="media", media={"payload": "/v7+"}, **dict.fromkeys(ids)),
    )


_NO_MESSAGES: tuple[Message, ...] = (
    "nonsense",
    "[]",
    "",
    "[" * 60_000,
    b"\x00" * 320,
    "x" * 100_000,
    _json(event="start"),
)


@dataclass
class Twilio:
    settings: dict[str, Any] = field(default_factory=lambda: {"carrier": "twilio", "twilio_auth_token": SECRET})
    not_openings: tuple[Message, ...] = (
        *_NO_MESSAGES,
        _json(event="media", streamSid="MZ1", media={"payload": SILENCE}),
    )
    nonsense: tuple[Message, ...] = (
        *_odd(streamSid="MZ1"),
        _json(event="mark", streamSid="MZ1", mark={"name": None}),
        _json(event="mark", streamSid="MZ1", mark=[]),
        _json(event="stop", streamSid=5),
    )
    breaks: tuple[Message, ...] = (
        b"\x00\x01",
        "nonsense",
        "x" * 100_000,
        _json(event="media", streamSid="MZ2", media={"payload": SILENCE}),
        _json(event="connected"),
    )
    later: str = '{"event":"of tomorrow"}'

    def _form(self, url: str, path: str, key: str = SECRET, **form: str) -> Sent:
        fields = {"From": "+15550001", "To": "+15550100"} | form
        signature = RequestValidator(key).compute_signature(url + path, fields)
        return Sent(path, urlencode(fields).encode(), _FORM | {"X-Twilio-Signature": signature})

    def incoming(self, url: str, call: str) -> Sent:
        return self._form(url, "/twilio/voice", CallSid=call)

    def over(self, url: str, call: str) -> Sent:
        return self._form(url, "/twilio/status", CallSid=call, CallStatus="completed")

    def forged(self, url: str) -> dict[str, Sent]:
        good = self.incoming(url, "one")
        return {
            "unsigned": Sent(good.path, good.body, _FORM),
            "another key": self._form(url, "/twilio/voice", OTHER_SECRET, CallSid="one"),
            "a changed body": changed(good, b"5550001", b"5550002"),
            "another address": Sent("/twilio/voice?x=1", good.body, good.headers),
        }

    async def offer(self, running: RunningEdge, sent: Sent) -> str:
        text = (await send(running, sent)).text
        return text if any(isinstance(verb, ConnectStream) for verb in parse_twiml(text)) else ""

    def offered(self, told: str, call: str) -> Offered:
        (verb,) = parse_twiml(told)
        assert isinstance(verb, ConnectStream)
        start = {"streamSid": "MZ1", "callSid": call, "customParameters": dict(verb.parameters)}
        return Offered(verb.url, (_json(event="connected"), _json(event="start", streamSid="MZ1", start=start)))

    def odd_formats(self, offered: Offered) -> list[tuple[str, ...]]:
        return [
            offered.opened_as(start__mediaFormat=each)
            for each in (
                {"encoding": "audio/opus", "sampleRate": 48000, "channels": 1},
                {"encoding": "audio/x-mulaw", "sampleRate": 16000, "channels": 1},
                {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 2},
                None,
            )
        ]

    def of_another_call(self, offered: Offered, other: Offered) -> tuple[str, ...]:
        stolen = json.loads(other.opening[-1])["start"]["customParameters"]["token"]
        return offered.opened_as(start__customParameters__token=stolen)

    def digit(self, digit: str) -> str:
        return _json(event="dtmf", streamSid="MZ1", dtmf={"digit": digit})


@dataclass
class Plivo:
    settings: dict[str, Any] = field(default_factory=lambda: {"carrier": "plivo", "plivo_auth_token": SECRET})
    not_openings: tuple[Message, ...] = (
        *_NO_MESSAGES,
        _json(event="media", streamId="s1", media={"payload": SILENCE}),
        _json(event="start", start={"callId": "one", "streamId": "s1", "mediaFormat": {"encoding": "audio/x-mulaw"}}),
    )
    nonsense: tuple[Message, ...] = (
        *_odd(streamId="s1"),
        _json(event="playedStream", streamId="s1", name=None),
        _json(event="clearedAudio", streamId=5),
    )
    breaks: tuple[Message, ...] = (
        b"\x00\x01",
        "nonsense",
        "x" * 100_000,
        _json(event="media", streamId="s2", media={"payload": SILENCE}),
        _json(event="playedStream", streamId="s2", name="a"),
    )
    later: str = '{"event":"of tomorrow"}'

    def _form(self, url: str, path: str, key: str = SECRET, **form: str) -> Sent:
        fields = {"From": "15550001", "To": "15550100", "Direction": "inbound"} | form
        nonce = secrets.token_hex(8)
        signed = {"X-Plivo-Signature-V3": sign_v3(url + path, fields, nonce, key), "X-Plivo-Signature-V3-Nonce": nonce}
        return Sent(path, urlencode(fields).encode(), _FORM | signed)

    def incoming(self, url: str, call: str) -> Sent:
        return self._form(url, "/plivo/answer", CallUUID=call, CallStatus="ringing")

    def over(self, url: str, call: str) -> Sent:
        return self._form(url, "/plivo/hangup", CallUUID=call, CallStatus="completed")

    def forged(self, url: str) -> dict[str, Sent]:
        good = self.incoming(url, "one")
        return {
            "unsigned": Sent(good.path, good.body, _FORM),
            "another key": self._form(url, "/plivo/answer", OTHER_SECRET, CallUUID="one"),
            "a changed body": changed(good, b"5550001", b"5550002"),
            "another address": Sent("/plivo/answer?x=1", good.body, good.headers),
            "another nonce": Sent(good.path, good.body, good.headers | {"X-Plivo-Signature-V3-Nonce": "other"}),
        }

    async def offer(self, running: RunningEdge, sent: Sent) -> str:
        text = (await send(running, sent)).text
        return text if any(isinstance(each, Stream) for each in parse_plivo_xml(text)) else ""

    def offered(self, told: str, call: str) -> Offered:
        stream, _ = parse_plivo_xml(told)
        assert isinstance(stream, Stream)
        media_format = {"encoding": "audio/x-mulaw", "sampleRate": 8000}
        start = {"callId": call, "streamId": "s1", "tracks": ["inbound"], "mediaFormat": media_format}
        return Offered(stream.url, (_json(event="start", start=start, extra_headers=stream.extra_headers),))

    def odd_formats(self, offered: Offered) -> list[tuple[str, ...]]:
        return [
            offered.opened_as(start__mediaFormat=each)
            for each in (
                {"encoding": "audio/x-opus", "sampleRate": 48000},
                {"encoding": "audio/x-mulaw", "sampleRate": 16000},
                {"encoding": "audio/x-l16", "sampleRate": 44100},
                None,
            )
        ]

    def of_another_call(self, offered: Offered, other: Offered) -> tuple[str, ...]:
        return offered.opened_as(extra_headers=json.loads(other.opening[-1])["extra_headers"])

    def digit(self, digit: str) -> str:
        return _json(event="dtmf", streamId="s1", dtmf={"digit": digit})


@dataclass
class Vonage:
    settings: dict[str, Any] = field(default_factory=lambda: {"carrier": "vonage", "vonage_signature_secret": SECRET})
    not_openings: tuple[Message, ...] = (
        *_NO_MESSAGES,
        '{"event":"websocket:dtmf","digit":"1"}',
        '{"event":"websocket:connected","content-type":"audio/l16;rate=16000"}',
    )
    nonsense: tuple[Message, ...] = (
        b"\1",
        b"",
        "{",
        *(_json(event="websocket:dtmf", digit=digit) for digit in ("A", "", "12", 5)),
        '{"event":"websocket:dtmf"}',
        '{"event":"websocket:notify","payload":7}',
        '{"event":"websocket:connected","content-type":"audio/l16;rate=8000"}',
    )
    breaks: tuple[Message, ...] = ()
    later: str = '{"event":"websocket:of tomorrow"}'

    def _signed(self, path: str, key: str = SECRET, **fields: str) -> Sent:
        body = json.dumps({"from": "15550001", "to": "15550100"} | fields).encode()
        return Sent(path, body, VonageWebhooks(key).headers(body))

    def incoming(self, url: str, call: str) -> Sent:
        del url
        return self._signed("/vonage/answer", uuid=call)

    def over(self, url: str, call: str) -> Sent:
        del url
        return self._signed("/vonage/event", uuid=call, status="completed")

    def forged(self, url: str) -> dict[str, Sent]:
        good = self.incoming(url, "one")
        old, new = (VonageWebhooks(SECRET).headers(good.body, iat=int(time.time()) + off) for off in (-DAY_S, DAY_S))
        return {
            "unsigned": Sent(good.path, good.body, {}),
            "another key": self._signed("/vonage/answer", OTHER_SECRET, uuid="one"),
            "a changed body": changed(good, b"5550001", b"5550002"),
            "another address": Sent("/vonage/after-stream", good.body, good.headers),
            "signed yesterday": Sent(good.path, good.body, old),
            "signed tomorrow": Sent(good.path, good.body, new),
        }

    async def offer(self, running: RunningEdge, sent: Sent) -> str:
        text = (await send(running, sent)).text
        return text if "websocket" in text else ""

    def offered(self, told: str, call: str) -> Offered:
        del call  # the stream has it from us
        endpoint = json.loads(told)[0]["endpoint"][0]
        start = {"event": "websocket:connected", "content-type": endpoint["content-type"], **endpoint["headers"]}
        return Offered(endpoint["uri"], (json.dumps(start),))

    def odd_formats(self, offered: Offered) -> list[tuple[str, ...]]:
        types = ("audio/l16;rate=24000", "audio/l16;rate=44100", "audio/x-mulaw;rate=8000", "", 16000)
        return [offered.opened_as(**{"content-type": each}) for each in types]

    def of_another_call(self, offered: Offered, other: Offered) -> tuple[str, ...]:
        return offered.opened_as(token=json.loads(other.opening[-1])["token"])

    def digit(self, digit: str) -> str:
        return _json(event="websocket:dtmf", digit=digit, duration=260)


@dataclass
class Telnyx:
    network: TelnyxNetwork
    settings: dict[str, Any]
    not_openings: tuple[Message, ...] = (
        *_NO_MESSAGES,
        _json(event="media", stream_id="s1", media={"payload": SILENCE}),
        _json(event="stop", stream_id="s1"),
    )
    nonsense: tuple[Message, ...] = (
        *_odd(stream_id="s1"),
        _json(event="mark", stream_id="s1", mark={"name": 7}),
        _json(event="error", stream_id="s1", payload={"code": 100003, "title": "malformed_frame"}),
    )
    breaks: tuple[Message, ...] = (
        b"\x00\x01",
        "nonsense",
        "x" * 100_000,
        _json(event="media", stream_id="s2", media={"payload": SILENCE}),
        _json(event="connected"),
    )
    later: str = '{"event":"of tomorrow"}'

    def _event(self, call: str, kind: str, **payload: Any) -> bytes:
        leg = Leg(call, {"from": "+15550001", "to": "+15550100", "direction": "incoming"}, "")
        self.network.legs.setdefault(call, leg)
        return self.network.event(leg, kind, **payload)

    def _signed(self, body: bytes, at: float | None = None) -> Sent:
        return Sent("/telnyx/voice", body, self.network.sign(body, at))

    def incoming(self, url: str, call: str) -> Sent:
        del url
        return self._signed(self._event(call, "call.initiated"))

    def over(self, url: str, call: str) -> Sent:
        del url
        return self._signed(self._event(call, "call.hangup", hangup_cause="normal_clearing"))

    def forged(self, url: str) -> dict[str, Sent]:
        good = self.incoming(url, "one")
        stamp = good.headers["telnyx-timestamp"]
        signature = Ed25519PrivateKey.generate().sign(f"{stamp}|".encode() + good.body)
        other = {"telnyx-signature-ed25519": base64.b64encode(signature).decode()}
        return {
            "unsigned": Sent(good.path, good.body, {}),
            "another key": Sent(good.path, good.body, good.headers | other),
            "a changed body": changed(good, b"5550001", b"5550002"),
            "another time": Sent(good.path, good.body, good.headers | {"telnyx-timestamp": str(int(stamp) + 1)}),
            "signed yesterday": self._signed(good.body, time.time() - DAY_S),
            "signed tomorrow": self._signed(good.body, time.time() + DAY_S),
        }

    async def offer(self, running: RunningEdge, sent: Sent) -> str:
        before = len(self.network.commands), self.network.repeated
        assert (await send(running, sent)).status_code == httpx.codes.OK
        if (len(self.network.commands), self.network.repeated) == before:
            return ""
        leg = json.loads(sent.body)["data"]["payload"]["call_control_id"]
        answers = [each for each in self.network.commands if (each.leg, each.action) == (leg, "answer")]
        return json.dumps([each.body | {"leg": leg} for each in answers]) if answers else ""

    def offered(self, told: str, call: str) -> Offered:
        del call  # likewise
        (answer,) = json.loads(told)
        start = {
            "call_control_id": answer["leg"],
            "client_state": answer["client_state"],
            "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
        }
        return Offered(
            answer["stream_url"], (_json(event="connected"), _json(event="start", stream_id="s1", start=start))
        )

    def odd_formats(self, offered: Offered) -> list[tuple[str, ...]]:
        return [
            offered.opened_as(start__media_format=each)
            for each in (
                {"encoding": "G722", "sample_rate": 8000, "channels": 1},
                {"encoding": "L16", "sample_rate": 16000, "channels": 1},
                {"encoding": "PCMU", "sample_rate": 16000, "channels": 1},
                {"encoding": "PCMU", "sample_rate": 8000, "channels": 2},
                {},
                None,
            )
        ]

    def of_another_call(self, offered: Offered, other: Offered) -> tuple[str, ...]:
        return offered.opened_as(start__client_state=json.loads(other.opening[-1])["start"]["client_state"])

    def digit(self, digit: str) -> str:
        return _json(event="dtmf", stream_id="s1", dtmf={"digit": digit})


CARRIERS = ("twilio", "telnyx", "plivo", "vonage")


@asynccontextmanager
async def by_hand(name: str) -> AsyncIterator[ByHand]:
    """One of these carriers."""
    if name == "telnyx":
        async with TelnyxNetwork() as network:
            yield Telnyx(network, dict(network.settings))
    else:
        yield {"twilio": Twilio, "plivo": Plivo, "vonage": Vonage}[name]()
