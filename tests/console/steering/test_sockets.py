"""The WebSockets of listening and of taking over, with a real server, a real Redis and planted audio."""

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from orchestra.async_tasks import cancel_and_wait
from orchestra.console.steering.attendance import Attendance
from orchestra.console.steering.call_state import presence_in
from orchestra.listener_leases import is_held
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import (
    AudioChunk,
    CallEnded,
    CallStarted,
    Event,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorTookOver,
)
from tests.console.consoles import TOKENS, RunningConsole, as_operator, console_settings, serving_console

WITHIN_S = 20.0
FRAME = b"\1\0" * 640

E = TypeVar("E", bound=Event)


@dataclass
class Desk:
    """A console, and a running call."""

    console: RunningConsole
    bus: TestBus
    call: str

    @asynccontextmanager
    async def socket(self, kind: str, role: str = "operate", call: str = "") -> AsyncIterator[ClientConnection]:
        address = f"{self.console.url}/api/calls/{call or self.call}/{kind}".replace("http", "ws")
        async with connect(address, additional_headers=as_operator(role), proxy=None) as socket:
            yield socket

    async def event(self, kind: type[E], number: int = 1) -> E:
        """Wait for this many of such an event; the last of them."""
        async with asyncio.timeout(WITHIN_S):
            while len(found := await self.bus.published(kind, self.call)) < number:  # noqa: ASYNC110 - of another's loop
                await asyncio.sleep(0.01)
        return found[number - 1]

    async def spoken(self, offset_ms: int, speaker: Any = "caller", audio: bytes = b"\1\0" * 1600) -> None:
        await self.bus.publish(AudioChunk(call=self.call, speaker=speaker, offset_ms=offset_ms, audio=audio))


@pytest_asyncio.fixture
async def desk(bus: TestBus, settings: Settings) -> AsyncIterator[Desk]:
    call = bus.call()
    await bus.publish(CallStarted(call=call, app="demo"))
    async with serving_console(console_settings(settings)) as console:
        yield Desk(console, bus, call)


async def listening(socket: ClientConnection) -> None:
    """Wait until the socket gets what is said from now on."""
    assert json.loads(await asyncio.wait_for(socket.recv(), WITHIN_S)) == {"type": "listening"}


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """The code and the reason with which the console closes the socket."""
    async with asyncio.timeout(WITHIN_S):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code or 0, socket.close_reason or ""


async def test_a_listener_hears_both_sides_from_now_on_until_the_call_ends(desk: Desk) -> None:
    await desk.spoken(0)
    async with desk.socket("listen") as socket:
        await listening(socket)
        await desk.event(OperatorJoined)
        await desk.spoken(200, audio=b"\2\0" * 1600)
        await desk.spoken(200, "agent")
        await desk.bus.publish(AudioChunk(call=desk.bus.call(), speaker="caller", offset_ms=0, audio=b"\3\0"))
        await desk.spoken(40, "operator")
        frames = [await asyncio.wait_for(socket.recv(), WITHIN_S) for _ in range(2)]
        assert [struct.unpack_from("<BBHI", frame) for frame in frames if isinstance(frame, bytes)] == [
            (0, 0, 8000, 200), (1, 0, 8000, 200),
        ]  # fmt: skip
        assert frames[0][8:] == b"\2\0" * 1600
        await desk.bus.publish(CallEnded(call=desk.call, reason="caller_hung_up"))
        assert json.loads(await asyncio.wait_for(socket.recv(), WITHIN_S)) == {"type": "ended"}
        assert await closed(socket) == (1000, "")
    left = await desk.event(OperatorLeft)
    assert (left.operator, left.reason, left.listens) == ("operator", "call over", True)


@pytest.mark.parametrize(("code", "reason"), [(1000, "closed"), (1001, "connection lost")])
async def test_the_journal_says_why_a_listener_has_left(desk: Desk, code: int, reason: str) -> None:
    async with desk.socket("listen") as socket:
        await desk.event(OperatorJoined)
        await socket.close(code)
    assert (await desk.event(OperatorLeft)).reason == reason


async def test_an_operator_who_listens_on_two_pages_is_there_once(desk: Desk) -> None:
    async with desk.socket("listen") as first:
        await listening(first)
        async with desk.socket("listen") as second:
            await listening(second)
            await desk.spoken(0)
            await asyncio.wait_for(asyncio.gather(first.recv(), second.recv()), WITHIN_S)
        await desk.spoken(200)
        await asyncio.wait_for(first.recv(), WITHIN_S)
        assert len(await desk.bus.published(OperatorJoined)) == 1
        assert await desk.bus.published(OperatorLeft) == []
    await desk.event(OperatorLeft)


async def test_an_operator_who_listens_at_two_consoles_is_there_until_they_have_left_both(
    desk: Desk, settings: Settings
) -> None:
    async with serving_console(console_settings(settings)) as console:
        other = Desk(console, desk.bus, desk.call)
        async with desk.socket("listen"):
            async with other.socket("listen"):
                await desk.event(OperatorJoined, 2)
            left = await desk.event(OperatorLeft)
            assert left.console == (await desk.event(OperatorJoined, 2)).console
            assert (await presence_in(desk.bus.bus, desk.call)).listening == ("operator",)
        await desk.event(OperatorLeft, 2)
    assert (await presence_in(desk.bus.bus, desk.call)).listening == ()


async def test_the_lease_of_a_listener_is_held_by_their_console(bus: TestBus) -> None:
    attendance, call, said = Attendance(), bus.call(), list[Event]()
    async with attendance.listening(said.append, call, "anna"):
        renewing = asyncio.create_task(attendance.renew_leases(bus.bus))
        async with asyncio.timeout(WITHIN_S):
            while not await is_held(bus.bus, call, "anna", attendance.console):  # noqa: ASYNC110 - an edge looks at it, too
                await asyncio.sleep(0.01)
        await cancel_and_wait(renewing)
    assert not await is_held(bus.bus, call, "ben", attendance.console)
    assert not await is_held(bus.bus, call, "anna", Attendance().console)


@pytest.mark.parametrize("kind", ["listen", "take-over"])
async def test_a_call_that_is_over_cannot_be_stepped_into(desk: Desk, kind: str) -> None:
    await desk.bus.publish(CallEnded(call=desk.call, reason="failed"))
    async with desk.socket(kind) as socket:
        assert await closed(socket) == (4409, "the call is over")
    async with desk.socket(kind, call="99-nobody") as socket:
        assert (await closed(socket))[0] == 4404
    assert await desk.bus.published(OperatorJoined) == []


@pytest.mark.parametrize("kind", ["listen", "take-over"])
async def test_who_may_only_look_gets_no_socket(desk: Desk, kind: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with desk.socket(kind, "read"):
            pass
    assert refused.value.response.status_code == 403


async def test_the_operators_microphone_is_on_the_media_stream_until_they_hand_back(desk: Desk) -> None:
    async with desk.socket("take-over") as socket:
        assert json.loads(await socket.recv()) == {"type": "taken_over"}
        assert (await desk.event(OperatorTookOver)).operator == "operator"
        await socket.send(FRAME)
        await socket.send('{"type":"skipped","ms":80}')
        await socket.send(FRAME)
        await desk.event(AudioChunk, 2)
        body = {"request": "0123456789", "note": "A refund."}
        path = f"/api/calls/{desk.call}/hand-back"
        assert (await desk.console.http.post(path, json=body, headers=as_operator("operate"))).status_code == 200
        assert json.loads(await socket.recv()) == {"type": "ended", "reason": "handed back"}
        assert await closed(socket) == (1000, "handed back")
    chunks = await desk.bus.published(AudioChunk)
    assert [(each.speaker, each.offset_ms, each.audio) for each in chunks] == [
        ("operator", 0, FRAME), ("operator", 120, FRAME),
    ]  # fmt: skip
    assert (await desk.event(OperatorHandedBack)).note == "A refund."


async def test_a_page_that_is_gone_gives_the_call_back_at_once(desk: Desk) -> None:
    async with desk.socket("take-over") as socket:
        await socket.recv()
        socket.transport.abort()
        left = await desk.event(OperatorLeft)
    assert (left.operator, left.reason, left.listens) == ("operator", "connection lost", False)


async def test_one_operator_speaks_at_a_time(desk: Desk) -> None:
    async with desk.socket("take-over") as first:
        await first.recv()
        async with desk.socket("take-over", "admin") as second:
            assert await closed(second) == (4409, "operator has taken the call over")
    await desk.event(OperatorLeft)
    async with desk.socket("take-over", "admin") as second:
        assert json.loads(await second.recv()) == {"type": "taken_over"}
    assert [each.operator for each in await desk.bus.published(OperatorTookOver)] == ["operator", "admin"]


async def test_an_edge_that_has_given_the_call_back_to_the_agents_ends_the_take_over(desk: Desk) -> None:
    async with desk.socket("take-over") as socket:
        await socket.recv()
        await desk.bus.publish(OperatorLeft(call=desk.call, operator="operator", listens=True))
        await desk.bus.publish(OperatorLeft(call=desk.call, operator="ben"))
        await desk.bus.publish(OperatorLeft(call=desk.call, operator="operator", reason="nothing heard for 1.5 s"))
        assert await closed(socket) == (1000, "nothing heard for 1.5 s")
    await desk.spoken(0)
    assert len(await desk.bus.published(OperatorLeft)) == 3


async def test_a_take_over_ends_with_the_call(desk: Desk) -> None:
    async with desk.socket("take-over") as socket:
        await socket.recv()
        await desk.bus.publish(CallEnded(call=desk.call, reason="caller_hung_up"))
        assert await closed(socket) == (1000, "call over")


@pytest.mark.parametrize("sent", [b"\1", b"", bytes(4000), "{}", '{"type":"skipped","ms":-1}', "x"])
async def test_a_page_that_breaks_the_protocol_does_not_keep_the_call(desk: Desk, sent: bytes | str) -> None:
    async with desk.socket("take-over") as socket:
        await socket.recv()
        await socket.send(sent)
        assert (await closed(socket))[0] == 1008
    assert (await desk.event(OperatorLeft)).reason == "protocol error"


@pytest.mark.parametrize("kind", ["listen", "take-over"])
async def test_a_token_that_is_taken_back_ends_what_its_operator_does(desk: Desk, kind: str) -> None:
    async with desk.socket(kind) as socket:
        await socket.recv()
        tokens = desk.console.console.settings.console_tokens
        assert tokens is not None
        tokens.write_text(f"admin:admin:{TOKENS['admin']}\n")
        assert (await closed(socket))[0] == 4401
    assert (await desk.event(OperatorLeft)).listens == (kind == "listen")


async def test_pages_are_told_who_is_in_the_call_and_when_that_changes(desk: Desk) -> None:
    path = f"/api/calls/{desk.call}/operators"
    async with desk.console.http.stream("GET", path, headers=as_operator("read")) as answer:
        told = (json.loads(line[6:]) async for line in answer.aiter_lines() if line.startswith("data: "))
        async with asyncio.timeout(WITHIN_S):
            assert (await anext(told))["state"] == "running"
            async with desk.socket("listen"):
                assert (await anext(told))["listening"] == ["operator"]
            assert (await anext(told))["listening"] == []
            await desk.bus.publish(CallEnded(call=desk.call, reason="failed"))
            assert (await anext(told))["state"] == "ended"
            assert [each async for each in told] == []
