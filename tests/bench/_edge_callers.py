"""The callers of the edge benchmark: many lightweight ones in one process, each with its own real-time media stream.

Their speech is encoded beforehand; of what they hear only the times are kept. All times are of one monotonic clock,
independent of the edge's own.
"""

import asyncio
import base64
import itertools
import random
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from orchestra.simulator.audio_measure import is_audible
from orchestra.simulator.sip import Telephone
from orchestra.simulator.twiml import ConnectStream, parse_twiml
from orchestra.voice.audio import mulaw
from orchestra.voice.audio.mulaw import Samples
from orchestra.voice.audio.upsampler import Upsampler2x

FRAME_S = 0.02
_SILENCE = base64.b64encode(bytes([mulaw.SILENCE]) * 160).decode()
_SILENT_PACKET = bytes([mulaw.SILENCE]) * 160
_WIDE_RATE = 16_000
_WIDE_SILENCE = bytes(640)
_PAUSE_S = (0.4, 1.4)
#: after this long without sound a reply is over; a shorter silence within it is a gap
_OVER_S = 0.8
_INTERRUPTS_AFTER_S = 1.2
_PATIENCE_S = 6.0
_decode = msgspec.json.decode


@dataclass(frozen=True)
class Said:
    """An utterance in frames of 20 ms, as each line sends them, with the first and the last that have sound."""

    frames: tuple[str, ...]
    wide: tuple[bytes, ...]
    first: int
    last: int

    @classmethod
    def of(cls, samples: Samples) -> "Said":
        frames = [samples[at : at + 160] for at in range(0, len(samples) - 159, 160)]
        audible = [at for at, frame in enumerate(frames) if is_audible(frame)]
        coded = tuple(base64.b64encode(mulaw.encode(frame)).decode() for frame in frames)
        upsampler = Upsampler2x()
        wide = tuple(upsampler.upsample(frame.tobytes()) for frame in frames)
        return cls(coded[: audible[-1] + 1], wide[: audible[-1] + 1], audible[0], audible[-1])


@dataclass
class Heard:
    """The callers' measurements in ms: answer after the end of speech, `clear` after the start of speech, gaps."""

    response_ms: list[float] = field(default_factory=list)
    clear_ms: list[float] = field(default_factory=list)
    gap_ms: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class LightCaller:
    """One call: listens to the greeting, asks, listens, asks again, and interrupts some of the answers.

    By Twilio's media streams; a subclass comes by another line.
    """

    def __init__(self, said: list[Said], notes: "Load", *, interrupts: float) -> None:
        self._said = itertools.cycle(random.sample(said, len(said)))
        self._notes = notes
        self._interrupts = interrupts
        self._loop = asyncio.get_running_loop()
        self._socket: ClientConnection | None = None
        self._sid = "MZ" + secrets.token_hex(16)
        self._saying: tuple[Said, int] | None = None
        self._played_at = 0.0  # when the audio so far will have been played
        self._ended_at = 0.0  # the end of the caller's speech
        self._began_at = 0.0  # the start of an interruption
        self._waits = True  # True until the first sound of an answer
        self._answered_at = 0.0
        self._heard_first = asyncio.Event()
        self._marks: list[str] = []

    async def run(self, url: str, token: str) -> None:
        """Call, and talk until cancelled."""
        address, first = await self._begin(url, token)
        async with connect(address, proxy=None, compression=None, max_queue=None) as self._socket:
            for message in first:
                await self._socket.send(message)
            tasks = [asyncio.create_task(part) for part in (self._keep_time(), self._listen(), self._talk())]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            except ConnectionClosed:
                self._notes.heard.counts["cut_off"] += 1
            finally:
                for task in tasks:
                    task.cancel()

    async def _begin(self, url: str, token: str) -> tuple[str, list[str]]:
        """Announce the call: the address of its stream, and the first messages there."""
        verb = await _answer(url, token)
        start = self._message("start", _start(self._sid, verb.parameters))
        return verb.url, ['{"event":"connected","protocol":"Call","version":"1.0.0"}', start]

    def _message(self, event: str, body: dict[str, Any]) -> str:
        return msgspec.json.encode({"event": event, "streamSid": self._sid, event: body}).decode()

    def _frame(self, number: int, said: Said | None, at: int) -> str | bytes:
        """The message with one frame of the caller's audio: of what they say, or silence."""
        payload = _SILENCE if said is None else said.frames[at]
        head = f'{{"event":"media","streamSid":"{self._sid}","media":{{"track":"inbound","timestamp":"'
        return f'{head}{number * 20}","payload":"{payload}"}}}}'

    def _take(self, message: str | bytes) -> None:
        """Take a message of the edge's."""
        told = _decode(message)
        match told["event"]:
            case "media":
                payload = told["media"]["payload"]
                self._hear(len(payload) * 3 / 4 / 8000, audible=bool(payload.strip("/=")))
            case "clear":
                self._cleared()
            case "mark":
                self._marked(told["mark"]["name"])
            case _:
                pass

    def _mark(self, name: str) -> str:
        return self._message("mark", {"name": name})

    async def _send(self, frame: str | bytes) -> None:
        assert self._socket is not None
        await self._socket.send(frame)

    async def _keep_time(self) -> None:
        begin = self._loop.time()
        for number in itertools.count():
            await asyncio.sleep(max(0.0, begin + (number + 1) * FRAME_S - self._loop.time()))
            said, at = self._saying or (None, 0)
            if said is not None:
                self._saying = (said, at + 1) if at + 1 < len(said.frames) else None
                self._note_said(said, at)
            await self._send(self._frame(number, said, at))

    def _note_said(self, said: Said, at: int) -> None:
        now = self._loop.time()
        if at == said.first:
            self._began_at = now - FRAME_S
        if at == said.last:
            self._ended_at, self._waits = now, True
            if self._played_at > now - FRAME_S:  # answered before it was finished: the answer is to half of it
                self._notes.heard.counts["early"] += 1
                self._ended_at = 0.0
            self._heard_first.clear()

    async def _talk(self) -> None:
        await self._reply_over()
        while True:
            await asyncio.sleep(random.uniform(*_PAUSE_S))
            await self._say()
            while random.random() < self._interrupts:
                await asyncio.sleep(max(0.0, self._answered_at + _INTERRUPTS_AFTER_S - self._loop.time()))
                self._notes.heard.counts["interruptions"] += 1
                await self._say(interrupting=True)
            await self._reply_over()

    async def _say(self, *, interrupting: bool = False) -> None:
        """Say something, and wait for the first sound of the answer."""
        said = next(self._said)
        self._heard_first.clear()
        self._began_at = 0.0
        self._clear_due = interrupting
        self._saying = (said, 0)
        self._notes.heard.counts["turns"] += 1
        try:
            async with asyncio.timeout(len(said.frames) * FRAME_S + _PATIENCE_S):
                await self._heard_first.wait()
        except TimeoutError:
            self._notes.heard.counts["unanswered"] += 1

    _clear_due = False

    async def _reply_over(self) -> None:
        await self._heard_first.wait()
        while (left := self._played_at + _OVER_S - self._loop.time()) > 0:  # noqa: ASYNC110 - changes as audio arrives
            await asyncio.sleep(left)

    async def _listen(self) -> None:
        assert self._socket is not None
        async for message in self._socket:
            self._take(message)

    def _hear(self, seconds: float, *, audible: bool) -> None:
        now, heard = self._loop.time(), self._notes.heard
        gap_s = now - self._played_at
        if 0 < gap_s < _OVER_S and not self._waits:
            heard.gap_ms.append(gap_s * 1000)
        self._played_at = max(self._played_at, now) + seconds
        if not self._waits or not audible:
            return
        if self._ended_at:
            heard.response_ms.append((now - self._ended_at) * 1000)
        self._waits, self._answered_at = False, now
        self._heard_first.set()

    def _cleared(self) -> None:
        now = self._loop.time()
        if self._clear_due and self._began_at:
            self._clear_due = False
            self._notes.heard.clear_ms.append((now - self._began_at) * 1000)
        self._played_at = now
        for name in list(self._marks):
            self._return_mark(name)

    def _marked(self, name: str) -> None:
        self._marks.append(name)
        self._loop.call_at(max(self._played_at, self._loop.time()), self._return_mark, name)

    def _return_mark(self, name: str) -> None:
        if name in self._marks and self._socket is not None:
            self._marks.remove(name)
            self._notes.keep(self._socket.send(self._mark(name)))


class LightPage(LightCaller):
    """The same by the browser line, at 16 kHz."""

    async def _begin(self, url: str, token: str) -> tuple[str, list[str]]:
        del token
        async with httpx.AsyncClient(timeout=15.0, trust_env=False) as http:
            step = (await http.post(f"{url}/browser/calls", json={"rate": _WIDE_RATE})).json()
        start = {name: step[name] for name in ("call", "call_key", "token")}
        start |= {"type": "start", "rate": _WIDE_RATE}
        return url.replace("http", "ws", 1) + "/browser/stream", [msgspec.json.encode(start).decode()]

    def _frame(self, number: int, said: Said | None, at: int) -> bytes:
        del number
        return _WIDE_SILENCE if said is None else said.wide[at]

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self._hear(len(message) / 2 / _WIDE_RATE, audible=bool(message.strip(b"\0")))
            return
        told = _decode(message)
        if told["type"] == "clear":
            self._cleared()
        elif told["type"] == "mark":
            self._marked(told["name"])

    def _mark(self, name: str) -> str:
        return f'{{"type":"mark","name":"{name}"}}'


class LightTelephone(LightCaller):
    """The same by SIP, at a gateway: there are no gaps in its packets, but silence in the agent's speech is one."""

    async def run(self, url: str, token: str) -> None:
        del token
        async with Telephone(user=f"+1555{secrets.randbelow(10_000_000):07}") as phone:
            self._leg = await phone.call(url)
            phone.on_audio = lambda _, packet: self._packet(packet.payload)
            tasks = [asyncio.create_task(part) for part in (self._keep_time(), self._leg.wait_ended(), self._talk())]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                self._notes.heard.counts["cut_off"] += 1
            finally:
                for task in tasks:
                    task.cancel()

    def _frame(self, number: int, said: Said | None, at: int) -> bytes:
        del number
        return _SILENT_PACKET if said is None else base64.b64decode(said.frames[at])

    async def _send(self, frame: str | bytes) -> None:
        assert isinstance(frame, bytes)
        await self._leg.rtp.send_audio(frame)

    def _packet(self, payload: bytes) -> None:
        if is_audible(mulaw.decode(payload)):
            self._hear(FRAME_S, audible=True)
        elif self._clear_due and self._began_at:
            self._cleared()


#: the callers of each line
LINES: dict[str, type[LightCaller]] = {"twilio": LightCaller, "browser": LightPage, "sip": LightTelephone}


class Load:
    """A number of callers of one address, and their measurements since the last `read`."""

    def __init__(self, url: str, token: str, said: list[Said], *, interrupts: float, line: str = "twilio") -> None:
        self._url, self._token, self._said, self._interrupts = url, token, said, interrupts
        self._caller = LINES[line]
        self.heard = Heard()
        self._calls: list[asyncio.Task[None]] = []
        self._small: set[asyncio.Task[None]] = set()

    async def set(self, calls: int) -> None:
        """Add or end calls until there are this many."""
        while len(self._calls) > calls:
            await _outcome(self._calls.pop())
        while len(self._calls) < calls:
            caller = self._caller(self._said, self, interrupts=self._interrupts)
            self._calls.append(asyncio.create_task(caller.run(self._url, self._token)))
            await asyncio.sleep(0.1 + random.random() * 0.05)

    def keep(self, coroutine: Any) -> None:
        """Keep a short task referenced until it is done."""
        task = asyncio.ensure_future(coroutine)
        self._small.add(task)
        task.add_done_callback(self._sent)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        self._small.discard(task)
        if not task.cancelled() and isinstance(task.exception(), ConnectionClosed):
            self.heard.counts["cut_off"] += 1

    def read(self) -> Heard:
        """The measurements since the last time."""
        for call in self._calls:
            if call.done():
                call.result()  # an exception in a caller is an error of the benchmark
                self.heard.counts["ended"] += 1
        heard, self.heard = self.heard, Heard()
        return heard

    async def close(self) -> None:
        await self.set(0)


async def _outcome(call: "asyncio.Task[None]") -> None:
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)


async def _answer(url: str, token: str) -> ConnectStream:
    """The answer of the edge's webhook to a new call."""
    form = {"CallSid": "CA" + secrets.token_hex(16), "From": "+15550001", "To": "+15550100", "CallStatus": "ringing"}
    address = f"{url}/twilio/voice"
    signature = RequestValidator(token).compute_signature(address, form)
    async with httpx.AsyncClient(timeout=15.0, trust_env=False) as http:
        answer = await http.post(address, data=form, headers={"X-Twilio-Signature": signature})
    verb = next(verb for verb in parse_twiml(answer.text) if isinstance(verb, ConnectStream))
    verb.parameters["_sid"] = form["CallSid"]
    return verb


def _start(sid: str, parameters: dict[str, str]) -> dict[str, Any]:
    call_sid = parameters.pop("_sid")
    media_format = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    names = {"streamSid": sid, "callSid": call_sid, "accountSid": "AC0"}
    return {**names, "tracks": ["inbound"], "customParameters": parameters, "mediaFormat": media_format}
