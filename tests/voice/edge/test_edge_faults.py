"""What goes wrong on telephone lines and with the server, and what must not follow from it."""

import asyncio
import base64
import gc
import itertools
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import httpx
import pytest
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from orchestra.bus import Bus, EmbeddedServer
from orchestra.settings import Settings
from orchestra.simulator.media_stream import MediaStream
from orchestra.simulator.phone_line import PhoneLine, Stream
from orchestra.simulator.twiml import ConnectStream, Redirect, Verb, parse_twiml
from orchestra.testing import TestBus
from orchestra.voice.audio import mulaw
from orchestra.voice.carriers.media_socket import MediaSocket
from orchestra_schemas import CallEnded, CallResumed, CallStarted, ReplyChunk, ReplySpoken, TurnCompleted, UserTurnEnded
from tests.voice.edges import AUTH_TOKEN, Greeting, RunningEdge, running_edge, tone

FRAME = 160
SILENCE = bytes([mulaw.SILENCE]) * FRAME

_CALLS = itertools.count(1)


@asynccontextmanager
async def opened(running: RunningEdge) -> AsyncIterator[ClientConnection]:
    """A stream of our own, to be misused; of another call each time, since each is admitted once."""
    sid = f"CA{next(_CALLS)}"
    form = {"CallSid": sid, "From": "+15550001", "To": "+15550100"}
    url = running.url + "/twilio/voice"
    async with httpx.AsyncClient() as http:
        signature = RequestValidator(AUTH_TOKEN).compute_signature(url, form)
        answer = await http.post(url, data=form, headers={"X-Twilio-Signature": signature})
    (verb,) = parse_twiml(answer.text)
    assert isinstance(verb, ConnectStream)
    async with connect(verb.url, proxy=None) as socket:
        start = {"streamSid": "MZ1", "callSid": sid, "customParameters": verb.parameters}
        await socket.send(json.dumps({"event": "start", "streamSid": "MZ1", "start": start}))
        yield socket


def media(payload: bytes) -> str:
    encoded = base64.b64encode(payload).decode()
    return json.dumps({"event": "media", "streamSid": "MZ1", "media": {"payload": encoded}})


async def answer(running: RunningEdge, turn: int, text: str) -> None:
    call = (await running.event(UserTurnEnded, turn=turn)).call
    await running.bus.publish(ReplyChunk(call=call, turn=turn, text=text))
    await running.bus.publish(TurnCompleted(call=call, turn=turn, agent="tracking", text=text))


@dataclass
class BadLine:
    """Loses one frame in ten, and lets two others in ten change places."""

    stream: Stream
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    kept: bytes | None = None

    async def send_audio(self, frame: bytes) -> None:
        number = self.chance.random()
        if number < 0.1:
            return
        if number < 0.2 and self.kept is None:
            self.kept = frame
            return
        await self.stream.send_audio(frame)
        if self.kept is not None:
            kept, self.kept = self.kept, None
            await self.stream.send_audio(kept)

    async def send_mark(self, name: str) -> None:
        await self.stream.send_mark(name)


async def test_a_call_over_a_line_that_loses_and_swaps_frames_is_understood_and_answered(
    bus: TestBus, settings: Settings
) -> None:
    async with running_edge(bus, settings, "where is my parcel") as running:

        async def talk(line: PhoneLine) -> None:
            line.stream = BadLine(cast("Stream", line.stream))
            await running.event(ReplySpoken, turn=0)
            line.say(tone(1.0))
            await answer(running, 1, "It is in Denver.")
            await running.event(ReplySpoken, turn=1)

        await running.call(talk)
    assert [ended.text for ended in await bus.published(UserTurnEnded)] == ["where is my parcel"]
    assert (await bus.published(CallEnded))[0].reason == "caller_hung_up"


@pytest.mark.parametrize("size", [0, 1, 10_000])
async def test_frames_of_any_size_are_accepted(bus: TestBus, settings: Settings, size: int) -> None:
    async with running_edge(bus, settings, app=Greeting(greeting="")) as running, opened(running) as socket:
        frames = 20 if size < 1000 else 3  # no more than a stream may be ahead of the clock
        for _ in range(frames):
            await socket.send(media(SILENCE[:1] * size))
        await running.event(CallStarted)
        await socket.send(json.dumps({"event": "stop", "streamSid": "MZ1"}))
        ended = await running.event(CallEnded)
    assert ended.reason == "caller_hung_up"
    assert ended.audio_ms >= size * frames // 8


@pytest.mark.faults
@pytest.mark.timeout(120)
async def test_calls_that_are_opened_and_dropped_at_once_leave_nothing_behind(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, max_calls=100, reconnect_s=0.1) as running:
        before = len(asyncio.all_tasks())

        async def open_and_drop() -> None:
            async with opened(running) as socket:
                socket.transport.abort()

        await asyncio.gather(*(open_and_drop() for _ in range(100)))
        await until_no_calls(running, tasks=before + 5)
    started = {event.call for event in await bus.published(CallStarted)}
    async with asyncio.timeout(30):
        while started != {event.call for event in await bus.published(CallEnded)}:  # noqa: ASYNC110 - others publish
            await asyncio.sleep(0.02)


async def until_no_calls(running: RunningEdge, *, tasks: int) -> None:
    """Wait until the edge has no call, and no more tasks than these: what a call has started ends soon after it."""
    async with asyncio.timeout(40):
        while len(running.edge.admission) or len(asyncio.all_tasks()) > tasks:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.02)


def fuzzed(chance: random.Random) -> str:
    """A message of the protocol, or what is left of one."""
    kinds = [
        media(chance.randbytes(chance.choice([0, 1, 159, 160, 161, 800]))),
        json.dumps(
            {"event": "mark", "streamSid": "MZ1", "mark": {"name": chance.choice(["", "0.0", "1.0", "x" * 99])}}
        ),
        json.dumps({"event": "dtmf", "streamSid": "MZ1", "dtmf": {"digit": chance.choice("0123456789*#")}}),
        json.dumps({"event": chance.choice(["", "weather", "sync"]), "streamSid": "MZ1"}),
        json.dumps({"event": "media", "streamSid": "MZ1", "media": {"payload": "", "timestamp": "9" * 30}}),
    ]
    message = chance.choice(kinds)
    if chance.random() < 0.02:
        place = chance.randrange(len(message))
        message = message[:place] + chr(chance.randrange(32, 0x3000)) + message[place + chance.randrange(3) :]
    return message


async def send_fuzz(running: RunningEdge, seed: int, count: int) -> int:
    chance, sent = random.Random(seed), 0
    async with opened(running) as socket:
        try:
            while sent < count:
                await socket.send(fuzzed(chance))
                sent += 1
        except ConnectionClosed:
            assert socket.close_code in {1008, 1000, 1006}
    return sent


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


@pytest.mark.faults
@pytest.mark.timeout(180)
async def test_five_thousand_fuzzed_messages_crash_nothing_and_leave_nothing_behind(
    bus: TestBus, settings: Settings
) -> None:
    async with running_edge(bus, settings, max_calls=200, reconnect_s=0.1) as running:
        idle = len(asyncio.all_tasks())
        for seed in range(5):
            await send_fuzz(running, 1_000 + seed, 100)
        await until_no_calls(running, tasks=idle + 2)
        gc.collect()
        memory = resident_mb()
        sent = seed = 0
        while sent < 5_000:
            seed += 1
            sent += await send_fuzz(running, seed, 100)
        await until_no_calls(running, tasks=idle + 2)
        gc.collect()
        assert resident_mb() - memory < 30

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, call=(await running.bus.published(CallStarted))[-1].call, turn=0)

        assert (await running.call(talk)).how == "caller_hung_up"


@pytest.mark.faults
@pytest.mark.timeout(120)
async def test_a_caller_who_talks_for_three_minutes_without_a_pause_is_answered(
    bus: TestBus, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the three minutes are to take no three minutes, so a stream may be that far ahead of the clock here
    monkeypatch.setattr("orchestra.voice.edge.call_session.AHEAD_S", 400.0)
    monkeypatch.setattr(MediaSocket.__init__, "__kwdefaults__", {"messages_per_s": 100_000.0})
    async with running_edge(bus, settings, "and so on", app=Greeting(greeting="")) as running:
        speech = mulaw.encode(tone(0.02))
        async with opened(running) as socket:
            for _ in range(3 * 60 * 50):  # as fast as the edge takes them
                await socket.send(media(speech))
            for _ in range(100):
                await socket.send(media(SILENCE))
            async with asyncio.timeout(60):
                ended = await until_turn(running)
            await running.bus.publish(ReplyChunk(call=ended.call, turn=1, text="I see."))
            await running.bus.publish(TurnCompleted(call=ended.call, turn=1, agent="a", text="I see."))
            async with asyncio.timeout(30):
                while "media" not in str(await socket.recv()):
                    pass
    assert ended.text == "and so on"


async def until_turn(running: RunningEdge) -> UserTurnEnded:
    while True:
        for event in await running.bus.published(UserTurnEnded):
            return event
        await asyncio.sleep(0.1)


@pytest.mark.faults
@pytest.mark.timeout(120)
async def test_a_call_survives_twenty_seconds_without_redis(settings: Settings) -> None:
    async with EmbeddedServer(settings.data_dir) as server:
        lost = Settings(redis_url=server.url, data_dir=settings.data_dir)
        connected = await Bus.connect(lost)
        bus = TestBus(connected)
        app = Greeting(holding="Just a moment.")
        async with running_edge(bus, lost, "where is my parcel", "and now", app=app) as running:
            running.patience_s = 110.0

            async def talk(line: PhoneLine) -> None:
                await running.event(ReplySpoken, turn=0)
                heard_s = line.agent_audible_s
                await server.kill()
                line.say(tone(0.4))
                await line.until(lambda: False, 20.0)
                assert line.agent_audible_s > heard_s  # "Just a moment."
                await server.start()
                await answer(running, 1, "In Denver.")
                await running.event(ReplySpoken, turn=1)
                line.say(tone(0.4))
                await answer(running, 2, "Still there.")
                await running.event(ReplySpoken, turn=2)

            await running.call(talk)
            await running.event(CallEnded, reason="caller_hung_up")
        replies = {event.turn: event.text for event in await bus.published(ReplySpoken)}
        *held, answered = replies[1].split(". ")
        assert answered == "In Denver."
        assert set(held) == {"Just a moment"}
        assert 2 <= len(held) <= 5
        assert replies[2] == "Still there."
        await connected.close()


def cut(line: PhoneLine) -> None:
    """Break the line's stream without a word, as a lost network does."""
    stream = line.stream
    assert isinstance(stream, MediaStream)
    stream._socket.transport.abort()


@asynccontextmanager
async def edge_on_a_server_of_its_own(
    settings: Settings, *hears: str, **changed: object
) -> AsyncIterator[tuple[RunningEdge, EmbeddedServer]]:
    """An edge whose server may be taken away."""
    async with EmbeddedServer(settings.data_dir) as server:
        own = Settings(redis_url=server.url, data_dir=settings.data_dir)
        connected = await Bus.connect(own)
        async with running_edge(TestBus(connected), own, *hears, **changed) as running:
            running.patience_s = 110.0
            yield running, server
        await connected.close()


@pytest.mark.faults
@pytest.mark.timeout(120)
async def test_a_stream_that_breaks_while_redis_is_away_comes_back_with_it(settings: Settings) -> None:
    async with edge_on_a_server_of_its_own(settings, "where is my parcel", reconnect_s=3.0) as (running, server):

        async def talk(line: PhoneLine) -> None:
            await running.event(ReplySpoken, turn=0)
            await server.kill()
            cut(line)
            await line.until(lambda: False, 5.0)
            await server.start()
            await running.event(CallResumed)
            line.say(tone(0.4))
            await answer(running, 1, "In Denver.")
            await running.event(ReplySpoken, turn=1)

        ending = await running.call(talk)
        assert (ending.how, ending.streams) == ("caller_hung_up", 2)
        await running.event(CallEnded)
        assert len(await running.bus.published(CallEnded)) == 1


@pytest.mark.faults
@pytest.mark.timeout(60)
async def test_a_carrier_is_not_told_to_ask_again_forever(settings: Settings) -> None:
    async with edge_on_a_server_of_its_own(settings, app=Greeting(holding="Just a moment.")) as (running, server):
        call = running.edge.bus.new_call()
        await server.kill()
        form = {"CallSid": "CA1", "CallStatus": "in-progress"}
        async with httpx.AsyncClient(timeout=20) as http:
            for query, verbs in (("", ["Say", "Pause", "Redirect"]), ("&tries=29", ["Pause", "Redirect"])):
                answered = await post(http, f"{running.url}/twilio/after-stream?call={call}{query}", form)
                assert [type(verb).__name__ for verb in answered] == verbs
            last = answered[-1]
            assert isinstance(last, Redirect)
            assert last.url.endswith("tries=30")
            for url, said in ((last.url, form), (f"{running.url}/twilio/after-stream?call={call}", DONE)):
                assert [type(verb).__name__ for verb in await post(http, url, said)] == ["Hangup"]
        await server.start()


DONE = {"CallSid": "CA1", "CallStatus": "completed"}


async def post(http: httpx.AsyncClient, url: str, form: dict[str, str]) -> list[Verb]:
    signature = RequestValidator(AUTH_TOKEN).compute_signature(url, form)
    return parse_twiml((await http.post(url, data=form, headers={"X-Twilio-Signature": signature})).text)


@pytest.mark.faults
@pytest.mark.timeout(60)
async def test_a_caller_who_waits_for_the_rest_of_a_reply_is_told_that_it_takes_a_moment(settings: Settings) -> None:
    app = Greeting(greeting="", holding="Just a moment.")
    async with edge_on_a_server_of_its_own(settings, "where is my parcel", app=app) as (running, server):

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            call = (await running.event(UserTurnEnded, turn=1)).call
            await running.bus.publish(ReplyChunk(call=call, turn=1, text="Let me see."))
            assert await line.until(lambda: line.agent_audible_s > 0.2, 30)
            await server.kill()
            assert await line.until(lambda: line.agent_audible_s > 0.5, 30)  # three more words: the holding phrase
            await server.start()
            await running.bus.publish(TurnCompleted(call=call, turn=1, agent="a"))
            await running.event(ReplySpoken, turn=1)

        await running.call(talk)
        (spoken,) = await running.bus.published(ReplySpoken)
        assert spoken.text.startswith("Let me see. Just a moment.")
