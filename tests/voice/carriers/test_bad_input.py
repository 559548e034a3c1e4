"""What is not a carrier's, or not its protocol, is refused; what comes twice or late acts once: at every carrier."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, CallStarted, DigitPressed
from tests.voice.carriers.by_hand import CARRIERS, ByHand, Message, Offered, by_hand, opened, refused, send
from tests.voice.edges import RunningEdge, running_edge


@pytest.fixture(params=CARRIERS)
async def carrier(request: pytest.FixtureRequest) -> AsyncIterator[ByHand]:
    async with by_hand(request.param) as carrier:
        yield carrier


@pytest.fixture
async def running(bus: TestBus, settings: Settings, carrier: ByHand) -> AsyncIterator[RunningEdge]:
    more: dict[str, Any] = {"reconnect_s": 0.3, "max_calls": 2, **carrier.settings}
    async with running_edge(bus, settings, **more) as running:
        yield running


async def offered(running: RunningEdge, carrier: ByHand, call: str = "one") -> Offered:
    return carrier.offered(await carrier.offer(running, carrier.incoming(running.url, call)), call)


async def close_code(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(45):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


async def test_a_webhook_that_the_carrier_has_not_signed_is_refused_and_counted(
    running: RunningEdge, carrier: ByHand
) -> None:
    forged = carrier.forged(running.url)
    for why, sent in forged.items():
        assert (await send(running, sent)).status_code == 403, why
    assert refused(running, "webhook.refused") == len(forged)
    for call in ("one", "two"):  # both places are free
        assert await carrier.offer(running, carrier.incoming(running.url, call))


async def test_a_flood_of_unsigned_webhooks_does_not_keep_callers_away(running: RunningEdge, carrier: ByHand) -> None:
    sent = carrier.forged(running.url)["unsigned"]
    answers = await asyncio.gather(*(send(running, sent) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {403}
    assert await carrier.offer(running, carrier.incoming(running.url, "one"))


async def test_a_call_gets_one_answer_and_one_place_however_often_it_comes(
    running: RunningEdge, carrier: ByHand
) -> None:
    first = carrier.incoming(running.url, "one")
    told = await asyncio.gather(*(carrier.offer(running, first) for _ in range(8)))
    again = [await carrier.offer(running, sent) for sent in (first, carrier.incoming(running.url, "one"))]
    assert len({*told, *again} - {""}) == 1
    assert all(again)
    assert await carrier.offer(running, carrier.incoming(running.url, "two"))  # the second of two places
    assert not await carrier.offer(running, carrier.incoming(running.url, "three"))


async def test_a_late_webhook_opens_no_stream_and_ends_no_call_twice(running: RunningEdge, carrier: ByHand) -> None:
    first = carrier.incoming(running.url, "one")
    told = await carrier.offer(running, first)
    async with opened(carrier.offered(told, "one")):
        await running.event(CallStarted)
        # the very same request may get the very same answer, whose token is used
        assert await carrier.offer(running, first) in ("", told)
        assert not await carrier.offer(running, carrier.incoming(running.url, "one"))
    over = carrier.over(running.url, "one")
    assert (await send(running, over)).is_success
    await running.event(CallEnded)
    for late in (over, carrier.over(running.url, "one")):
        assert (await send(running, late)).is_success
    assert await carrier.offer(running, first) in ("", told)
    assert not await carrier.offer(running, carrier.incoming(running.url, "one"))
    async with opened(carrier.offered(told, "one")) as socket:
        assert await close_code(socket) == 1008
    assert (len(await running.bus.published(CallStarted)), len(await running.bus.published(CallEnded))) == (1, 1)


async def test_the_end_of_a_call_that_nobody_knows_changes_nothing(running: RunningEdge, carrier: ByHand) -> None:
    assert (await send(running, carrier.over(running.url, "nobody"))).is_success
    assert not await running.bus.published()


async def test_a_stream_without_a_start_is_refused_and_counted(running: RunningEdge, carrier: ByHand) -> None:
    place = await offered(running, carrier)
    for first in carrier.not_openings:
        async with connect(place.url, proxy=None) as socket:
            with contextlib.suppress(ConnectionClosed):
                await socket.send(first)
            assert await close_code(socket) in {1008, 1009}, first[:60]
    assert refused(running, "stream.refused") >= len(carrier.not_openings) - 1  # the longest ends in the server
    assert not await running.bus.published(CallStarted)


async def test_audio_in_a_format_that_nobody_asked_for_is_refused_and_counted(
    running: RunningEdge, carrier: ByHand
) -> None:
    place = await offered(running, carrier)
    odd = carrier.odd_formats(place)
    for opening in odd:
        async with opened(place, opening=opening) as socket:
            assert await close_code(socket) == 1008, opening
    assert refused(running, "stream.refused") == len(odd)
    assert not await running.bus.published(CallStarted)
    async with opened(place):  # the call itself goes on
        await running.event(CallStarted)


async def test_a_token_opens_one_stream_of_its_own_call(running: RunningEdge, carrier: ByHand) -> None:
    place, other = await offered(running, carrier), await offered(running, carrier, "two")
    async with opened(place, opening=carrier.of_another_call(place, other)) as socket:
        assert await close_code(socket) == 1008
    async with opened(place):
        await running.event(CallStarted)
        async with opened(place) as second:
            assert await close_code(second) == 1008
    assert len(await running.bus.published(CallStarted)) == 1


async def test_messages_that_make_no_sense_are_skipped_and_counted(running: RunningEdge, carrier: ByHand) -> None:
    async with opened(await offered(running, carrier), *carrier.nonsense, carrier.later, carrier.digit("5")):
        assert (await running.event(DigitPressed)).digit == "5"
    assert running.edge.admission.skipped_messages == len(carrier.nonsense)
    assert refused(running, "stream.refused") == 0


async def test_what_breaks_the_protocol_ends_its_own_call_only(running: RunningEdge, carrier: ByHand) -> None:
    async with opened(await offered(running, carrier, "two"), opening=()) as quiet:
        for number, message in enumerate(carrier.breaks):
            async with opened(await offered(running, carrier, f"call {number}"), message) as socket:
                assert await close_code(socket) == 1008, message[:60]
        await quiet.send(carrier.digit("5"))
        await running.event(DigitPressed, digit="5")
    assert refused(running, "stream.refused") == len(carrier.breaks)


@pytest.mark.parametrize("kind", ["sense", "nonsense"])
async def test_a_flood_ends_its_own_stream(running: RunningEdge, carrier: ByHand, kind: str) -> None:
    message: Message = carrier.later if kind == "sense" else carrier.nonsense[0]
    async with opened(await offered(running, carrier)) as socket:
        await running.event(CallStarted)
        with contextlib.suppress(ConnectionClosed):
            for _ in range(8_000):
                await socket.send(message)
        assert await close_code(socket) in {1008, 1006}
    assert refused(running, "stream.refused") == 1
    assert (await running.event(CallEnded)).reason == "failed"
