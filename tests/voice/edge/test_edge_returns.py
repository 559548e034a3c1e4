"""Calls that lose their edge or their stream, and go on; calls that go to a person, and may come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from orchestra.settings import Settings
from orchestra.simulator.media_stream import MediaStream
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.transfer_target import TransferTarget
from orchestra.testing import TestBus
from orchestra_schemas import (
    AudioChunk,
    CallEnded,
    CallResumed,
    CallStarted,
    CallTransferRequested,
    ReplyChunk,
    ReplySpoken,
    SentenceSpoken,
    TransferAccepted,
    TransferFailed,
    TurnCompleted,
    UserSpeechStarted,
    UserTurnEnded,
)
from tests.voice.edges import Greeting, RunningEdge, running_edge, tone

SILENT = Greeting(greeting="")
FIRST = "One two three four five six."
SECOND = "Seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
THIRD = "Seventeen eighteen nineteen."


async def reply(running: RunningEdge, *sentences: str) -> str:
    call = (await running.event(UserTurnEnded, turn=1)).call
    chunks = [ReplyChunk(call=call, turn=1, text=text, agent="tracking") for text in sentences]
    await running.bus.publish(*chunks, TurnCompleted(call=call, turn=1, agent="tracking", text=" ".join(sentences)))
    return call


def cut(line: PhoneLine) -> None:
    """Break the line's stream without a word, as a lost network does."""
    stream = line.stream
    assert isinstance(stream, MediaStream)
    stream._socket.transport.abort()


@pytest.mark.integration
async def test_a_stream_that_breaks_comes_back_and_says_the_rest(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "where is my parcel", "thank you", app=SILENT) as running:

        async def talk(line: PhoneLine) -> None:
            line.say(tone(0.4))
            await reply(running, FIRST, SECOND, THIRD)
            await running.event(SentenceSpoken, text=FIRST)
            await line.until(lambda: False, 0.4)
            cut(line)
            await running.event(CallResumed)
            await running.event(ReplySpoken, turn=1)
            line.say(tone(0.4))
            await running.event(UserTurnEnded, turn=2)

        ending = await running.call(talk)
        await running.event(CallEnded, reason="caller_hung_up")
    assert (ending.how, ending.streams) == ("caller_hung_up", 2)
    (spoken,) = [event for event in await bus.published(ReplySpoken) if event.turn == 1]
    assert spoken.text == f"{FIRST} {SECOND} {THIRD}"
    assert spoken.agent == "tracking"
    assert len(await bus.published(CallStarted)) == len(await bus.published(CallEnded)) == 1
    words = running.lines[0].agent_audible_s / 0.1
    # the second sentence is said again, the first is not; a word may be lost with the stream
    assert 18 <= words <= 19 + 10 + 1
    ids = [event.id for event in await bus.published()]
    assert len(set(ids)) == len(ids)


async def test_the_recording_continues_where_it_was(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, app=Greeting(greeting=SECOND)) as running:

        async def talk(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.4, 30)
            cut(line)
            await running.event(ReplySpoken, turn=0)

        await running.call(talk)
        ended = await running.event(CallEnded)
    spans = sorted(
        (chunk.offset_ms, chunk.offset_ms + len(chunk.audio) // 16)
        for chunk in await bus.published(AudioChunk)
        if chunk.speaker == "caller"
    )
    assert all(start >= end - 1 for (_, end), (start, _) in pairwise(spans))
    assert ended.audio_ms >= spans[-1][1]
    assert abs(ended.audio_ms / 1000 - ended.duration_s) < 2


async def test_an_edge_drops_a_call_that_another_edge_has_resumed(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, "where is my parcel", app=SILENT) as running:

        async def talk(line: PhoneLine) -> None:
            started = await running.event(CallStarted)
            await bus.publish(CallResumed(call=started.call))
            # the carrier asks what to do with a call whose stream was let go, and here it leads back to the same edge
            assert (await running.event(CallResumed, source=started.source)).call == started.call

        await running.call(talk)


@pytest.mark.integration
async def test_a_caller_whose_words_were_lost_is_asked_for_them(bus: TestBus, settings: Settings) -> None:
    app = Greeting(greeting="", apology="Say that again.")
    async with running_edge(bus, settings, "", "", app=app) as running:

        async def talk(line: PhoneLine) -> None:
            await running.event(CallStarted)
            line.say(tone(2.0))
            await running.event(UserSpeechStarted)
            cut(line)
            await running.event(CallResumed)
            assert await line.until(lambda: line.agent_audible_s > 0.2, 60)

        await running.call(talk)


async def test_a_person_who_takes_the_call_hears_the_briefing_first(bus: TestBus, settings: Settings) -> None:
    person = TransferTarget(says=tone(0.5))
    async with running_edge(bus, settings, "a person please", app=SILENT) as running:
        ending = await running.call(_asks_for_a_person(running), transfer_target=person)
        ended = await running.event(CallEnded)
    assert (ending.how, ending.target, ended.reason) == ("transferred", "+15550003", "transferred")
    assert person.briefed == ["A call from test. A cup is broken.", "Press 1 to take it."]
    assert running.lines[0].agent_audible_s > 0.8  # the agent's four words, and the person
    assert ended.audio_ms > 0
    assert await bus.published(TransferAccepted)


async def test_a_call_that_no_person_accepts_returns_to_the_agents(bus: TestBus, settings: Settings) -> None:
    app = Greeting(greeting="", transfer_failed="Nobody is there.")
    async with running_edge(bus, settings, "a person please", "thank you", app=app) as running:

        async def talk(line: PhoneLine) -> None:
            await _asks_for_a_person(running, wait=False)(line)
            await running.event(CallResumed)
            await running.event(ReplySpoken, text="Nobody is there.")
            line.say(tone(0.4))
            await running.event(UserTurnEnded, turn=2)

        ending = await running.call(talk, transfer_target=TransferTarget(presses=""))
        ended = await running.event(CallEnded)
    assert (ending.how, ended.reason) == ("caller_hung_up", "caller_hung_up")
    assert [event.reason for event in await bus.published(TransferFailed)] == ["no-answer"]


def _asks_for_a_person(running: RunningEdge, *, wait: bool = True):  # noqa: ANN202
    async def talk(line: PhoneLine) -> None:
        line.say(tone(0.4))
        call = (await running.event(UserTurnEnded, turn=1)).call
        await running.bus.publish(
            ReplyChunk(call=call, turn=1, text="I am connecting you.", agent="tracking"),
            CallTransferRequested(call=call, turn=1, target="+15550003", briefing="A cup is broken."),
            TurnCompleted(call=call, turn=1, agent="tracking"),
        )
        if wait:
            await line.until(lambda: False, 10)

    return talk


@asynccontextmanager
async def lossy_way(*lost: int) -> AsyncIterator[tuple[str, list[int]]]:
    """A way to an edge on which the connections of these numbers are reset, as by an edge that dies.

    Its address, and the list that gets the edge's port.
    """
    ports: list[int] = []
    writers: list[asyncio.StreamWriter] = []
    count = 0

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        if count in lost:
            writer.transport.abort()
            return
        inward, outward = await asyncio.open_connection("127.0.0.1", *ports)
        writers.extend([writer, outward])
        await asyncio.gather(carry(reader, outward), carry(inward, writer), return_exceptions=True)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", ports
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


@pytest.mark.parametrize("lost", [(1,), (2,), (1, 2), (1, 3), (2, 4)], ids=str)
async def test_a_call_is_taken_even_if_an_edge_dies_of_its_first_requests(
    bus: TestBus, settings: Settings, lost: tuple[int, ...]
) -> None:
    async with lossy_way(*lost) as (url, ports), running_edge(bus, settings, public_url=url, max_calls=1) as running:
        ports.append(running.edge.settings.port)
        running.url = url

        async def talk(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.15, 60)
            await running.event(ReplySpoken, turn=0)

        ending = await running.call(talk)
        await running.event(CallEnded, reason="caller_hung_up")
    assert (ending.how, ending.streams) == ("caller_hung_up", 1)
    assert len(await bus.published(CallStarted)) == len(await bus.published(CallEnded)) == 1
