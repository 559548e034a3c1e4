"""The embedded server, and what happens to publishers and followers while it is away."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from orchestra.bus import Bus, Consumer, Context, EmbeddedServer
from orchestra.bus.server import running_url
from orchestra.errors import ServerError
from orchestra.settings import Settings
from orchestra.testing import TestBus
from schemas import AudioChunk, CallStarted, UserTurnEnded
from tests.bus.conftest import AT_ONCE, free_ports


async def test_a_follower_goes_on_after_the_server_was_killed_and_came_back(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path, options=AT_ONCE)
    await server.start()
    bus = await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path))
    publisher, follow, call = bus.publisher("edge"), bus.follow(), bus.new_call()
    await follow.start()
    publisher.publish(UserTurnEnded(call=call, turn=1, text=""))
    seen = [(await anext(follow)).id]
    await publisher.flush()
    await server.kill()
    publisher.publish(UserTurnEnded(call=call, turn=2, text=""))
    async with asyncio.timeout(30):
        while publisher.connected:  # noqa: ASYNC110 - it is about to notice
            await asyncio.sleep(0.005)
    assert publisher.buffered == 1
    await server.start()
    await publisher.flush(30)
    seen.append((await anext(follow)).id)
    assert [int(each.rpartition(".")[2]) for each in seen] == [1, 2]
    assert len(await bus.journal(call)) == 2
    await follow.aclose()
    await bus.close()
    await server.stop()


async def test_media_is_dropped_before_the_journal_when_a_publisher_s_buffer_is_full(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path, options=AT_ONCE)
    await server.start()
    bus = await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path))
    publisher, call = bus.publisher("edge", capacity=10), bus.new_call()
    await server.kill()
    for number in range(30):
        publisher.publish(AudioChunk(call=call, speaker="agent", offset_ms=number * 200, audio=b"\0\0"))
        publisher.publish(UserTurnEnded(call=call, turn=number, text=""))
    assert publisher.dropped == 30
    assert publisher.buffered == 30
    await server.start()
    await publisher.flush(30)
    assert [event.turn for event in await bus.journal(call)] == list(range(30))
    await bus.close()
    await server.stop()


async def test_a_server_that_pauses_is_not_the_handler_s_fault(tmp_path: Path) -> None:
    consumer, cancelled, attempts = Consumer("mood", max_attempts=1, handler_timeout_s=1.0), asyncio.Event(), []
    async with EmbeddedServer(tmp_path) as server:

        @consumer.on(UserTurnEnded)
        async def handle(event: UserTurnEnded, context: Context) -> None:
            attempts.append(context.attempt)
            if not cancelled.is_set():
                os.kill(server.pid, signal.SIGSTOP)
            try:
                await context.state.get("mood")
            except asyncio.CancelledError:
                cancelled.set()
                raise

        bus = TestBus(await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path)))
        async with bus.run(consumer):
            bus.bus.publisher("edge").publish(UserTurnEnded(call=bus.call(), text=""))
            await cancelled.wait()
            os.kill(server.pid, signal.SIGCONT)
            await bus.settled()
        await bus.bus.close()
    assert attempts == [1, 1]


async def test_without_a_url_the_server_of_the_data_directory_is_found(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(ServerError, match="orchestra up"):
        await Bus.connect(settings)
    async with EmbeddedServer(tmp_path) as server:
        bus = await Bus.connect(settings)
        assert bus.url == server.url
        await bus.close()
    assert running_url(tmp_path) is None


async def test_an_embedded_server_refuses_a_port_that_another_server_has(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with EmbeddedServer(tmp_path / "one", port):
        with pytest.raises(ServerError, match=f"(?s)port {port} is in use by a Redis server.*one"):
            await EmbeddedServer(tmp_path / "two", port).start()
        with pytest.raises(ServerError, match="already runs"):
            await EmbeddedServer(tmp_path / "one").start()


async def test_an_embedded_server_keeps_its_data(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    async with EmbeddedServer(tmp_path):
        bus = await Bus.connect(settings)
        call = bus.new_call()
        publisher = bus.publisher("edge")
        publisher.publish(CallStarted(call=call))
        await bus.close()
    async with EmbeddedServer(tmp_path):
        bus = await Bus.connect(settings)
        assert len(await bus.journal(call)) == 1
        await bus.close()
