"""The embedded server; publishers and subscriptions while a server is away."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from orchestra.bus import Bus, Consumer, Context, EmbeddedServer
from orchestra.bus.redis.embedded import binary_path, folder_of, running_url
from orchestra.errors import ServerError
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import AudioChunk, CallStarted, UserTurnEnded
from tests.bus.conftest import AT_ONCE, free_ports


async def test_a_subscription_continues_after_the_server_was_killed_and_restarted(tmp_path: Path) -> None:
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


async def test_a_publisher_with_a_full_buffer_drops_media_events_and_no_journal_events(tmp_path: Path) -> None:
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


async def test_a_pause_of_the_server_does_not_count_as_a_failed_attempt(tmp_path: Path) -> None:
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


async def test_an_embedded_server_refuses_a_port_that_is_in_use(tmp_path: Path) -> None:
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


class TestKeepRunning:
    async def test_a_killed_one_restarts_at_the_same_url_with_everything_it_confirmed(self, tmp_path: Path) -> None:
        folder = tmp_path / ("long" * 25)  # too long a path for a socket: that is elsewhere then, and must not move
        async with _kept(EmbeddedServer(folder)) as server:
            bus = await Bus.connect(Settings(redis_url=server.url, data_dir=folder))
            publisher, call = bus.publisher("edge"), bus.new_call()
            for turn in range(3):
                publisher.publish(UserTurnEnded(call=call, turn=turn, text=""))
                await publisher.flush(30)
                killed = server.pid
                os.kill(killed, signal.SIGKILL)
                await _runs_again(server, killed)
            publisher.publish(UserTurnEnded(call=call, turn=3, text=""))
            await publisher.flush(30)
            assert [event.turn for event in await bus.journal(call)] == [0, 1, 2, 3]
            assert running_url(folder) == server.url
            await bus.close()
        assert running_url(folder) is None

    async def test_one_that_hangs_is_killed_and_restarts(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("orchestra.bus.redis.embedded._ANSWER_WITHIN_S", 0.3)
        monkeypatch.setattr("orchestra.bus.redis.embedded._ASK_EVERY_S", 0.05)
        async with _kept(EmbeddedServer(tmp_path)) as server:
            hangs = server.pid
            os.kill(hangs, signal.SIGSTOP)
            await _runs_again(server, hangs)

    async def test_one_that_cannot_start_is_started_again_until_it_can(self, tmp_path: Path) -> None:
        full = tmp_path / "full"
        binary = tmp_path / "valkey-server"
        binary.write_text(f'#!/bin/sh\n[ -e "{full}" ] && exit 1\nexec "{binary_path()}" "$@"\n', encoding="utf-8")
        binary.chmod(0o700)
        with capture_logs() as logs:
            async with _kept(EmbeddedServer(tmp_path, binary=binary)) as server:
                full.touch()
                killed = server.pid
                os.kill(killed, signal.SIGKILL)
                async with asyncio.timeout(60):
                    while sum(line["event"] == "server.not_started" for line in logs) < 2:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                full.unlink()
                await _runs_again(server, killed)

    async def test_one_that_hangs_when_it_should_stop_is_killed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("orchestra.bus.redis.embedded._STOP_WITHIN_S", 0.1)
        server = EmbeddedServer(tmp_path)
        await server.start()
        os.kill(server.pid, signal.SIGSTOP)
        await asyncio.wait_for(server.stop(), 30)
        assert running_url(tmp_path) is None


@asynccontextmanager
async def _kept(server: EmbeddedServer) -> AsyncIterator[EmbeddedServer]:
    async with server:
        keeping = asyncio.create_task(server.keep_running())
        try:
            yield server
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


async def _runs_again(server: EmbeddedServer, before: int) -> None:
    async with asyncio.timeout(60):
        while server.pid == before or await folder_of(server.url) is None:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
