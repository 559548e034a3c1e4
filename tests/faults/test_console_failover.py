"""A console whose Redis dies under it: its pages go on by themselves with the replica, or when the server is back."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from orchestra.bus import Bus, EmbeddedServer
from orchestra.settings import Settings
from orchestra_schemas import AudioChunk, CallStarted, Event, OperatorSaid, UserTurnEnded
from tests.console.consoles import RunningConsole, as_operator, console_settings, serving_console
from tests.console.test_live_server import Stream, followed
from tests.faults.replicas import Replicated, cluster_with_replica, with_sentinels

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

Started = Callable[[Path, Path | None], AbstractAsyncContextManager[Replicated]]
BACK_WITHIN_S = 90.0


class Publisher:
    """What edges and workers publish, while the server may be away."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self._publisher = bus.publisher("edge")

    async def publish(self, event: Event) -> None:
        self._publisher.publish(event)
        await self._publisher.flush(BACK_WITHIN_S)


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Publisher]:
    bus = await Bus.connect(settings)
    try:
        yield Publisher(bus)
    finally:
        await bus.close()


@asynccontextmanager
async def listening(running: RunningConsole, call: str) -> AsyncIterator[ClientConnection]:
    address = f"{running.url}/api/calls/{call}/listen".replace("http", "ws")
    async with connect(address, additional_headers=as_operator("operate"), proxy=None) as socket:
        assert json.loads(await asyncio.wait_for(socket.recv(), 20)) == {"type": "listening"}
        yield socket


async def call_on(bus: Bus, port: int) -> str:
    """A new call whose journal is on the server at this port."""
    for partition in range(bus.partitions):
        if (await bus.servers.address(bus.key(partition, "events"))).port == port:
            return bus.new_call([partition])
    pytest.fail(f"no journal is at {port}")


async def say(running: RunningConsole, call: str, request: str) -> httpx.Response:
    """Ask until there is an answer other than that Redis is away, as the page does."""
    async with asyncio.timeout(BACK_WITHIN_S):
        while True:
            answer = await running.http.post(
                f"/api/calls/{call}/say",
                json={"request": request, "text": "One moment."},
                headers=as_operator("operate"),
                timeout=30,
            )
            if answer.status_code not in {502, 503, 504}:
                return answer
            await asyncio.sleep(0.2)


async def until_heard(socket: ClientConnection, publisher: Publisher, call: str) -> None:
    """Audio is published until the page gets some of it: what came during the outage may be lost."""
    async with asyncio.timeout(BACK_WITHIN_S):
        for at in range(10_000):
            await publisher.publish(AudioChunk(call=call, speaker="caller", offset_ms=at * 20, audio=bytes(320)))
            try:
                frame = await asyncio.wait_for(socket.recv(), 0.2)
            except TimeoutError:
                continue
            if isinstance(frame, bytes):
                return


async def until_said(viewer: Stream, text: str) -> None:
    """Until the chosen call has this line, in whichever message it comes."""
    async with asyncio.timeout(BACK_WITHIN_S):
        while not any(line.get("text") == text for line in viewer.lines.values()):
            viewer._follow(*await viewer._next())


async def check(running: RunningConsole, publisher: Publisher, call: str, fail: Callable[[], object]) -> None:
    """The live page, a page that listens, and acts: before the failure, which ``fail`` awaits, and after it."""
    await publisher.publish(CallStarted(call=call, app="demo"))
    async with followed(running, call) as viewer, listening(running, call) as socket:
        await viewer.until_listed(call)
        assert (await say(running, call, "before-0001")).json() == {"done": True, "repeated": False}
        await until_heard(socket, publisher, call)
        await fail()  # type: ignore[misc]
        other = publisher.bus.new_call()
        await publisher.publish(UserTurnEnded(call=call, turn=1, text="are you still there"))
        await publisher.publish(CallStarted(call=other, app="demo"))
        await until_said(viewer, "are you still there")
        await viewer.until_listed(other)
        assert (await say(running, call, "after-00001")).json()["done"] is True
        await until_heard(socket, publisher, call)
    said = [event for event in await publisher.bus.journal(call) if isinstance(event, OperatorSaid)]
    assert len(said) == 2
    async with asyncio.timeout(BACK_WITHIN_S):
        while await running.console.redis_problem():  # noqa: ASYNC110 - it asks once a second at most
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("started", [with_sentinels, cluster_with_replica])
async def test_the_console_goes_on_with_the_replica_of_a_master_that_was_killed(
    tmp_path: Path, started: Started
) -> None:
    async with started(tmp_path, None) as servers:
        settings = console_settings(Settings(data_dir=tmp_path / "data", redis_url=servers.url))
        async with connected(settings) as publisher, serving_console(settings) as running:
            call = await call_on(publisher.bus, servers.doomed.port)

            async def fail() -> None:
                await publisher.bus.connection(int(call[:2])).call("WAIT", 1, 5000)
                await servers.doomed.kill()
                await servers.promoted()

            await check(running, publisher, call, fail)


async def test_the_console_goes_on_when_its_server_is_back(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path / "server") as server:
        settings = console_settings(Settings(data_dir=tmp_path / "data", redis_url=server.url))
        async with connected(settings) as publisher, serving_console(settings) as running:
            call = publisher.bus.new_call()

            async def fail() -> None:
                await server.kill()
                while not await running.console.redis_problem():  # noqa: ASYNC110 - the page's banner asks, too
                    await asyncio.sleep(0.05)
                answer = await running.http.get(f"/api/calls/{call}", headers=as_operator("read"), timeout=30)
                assert answer.status_code == 503
                await server.start()

            await check(running, publisher, call, fail)
