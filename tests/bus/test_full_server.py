"""While a server's memory is full, trimming and acks go on, publishing waits, and no call loses an event."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from redis.asyncio import Redis

from orchestra.bus import Bus, Consumer, EmbeddedServer
from orchestra.bus.keys import JOURNAL, key
from orchestra.bus.worker.presence import Report, announced, present
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import AudioChunk, CallStarted, Event, UserTurnEnded
from tests.bus.conftest import BINARIES

SMALL = {"lease_ms": 400}


@pytest.fixture(params=[name for name in BINARIES if name != "redis_8"])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    async with EmbeddedServer(tmp_path, binary=BINARIES[request.param]) as server:
        yield server


async def fill(redis: "Redis[Any]", *, first_ms: int, last: str, entries: int = 3000) -> None:
    """Publish old events, and one with this id; then limit the memory to less than they need."""
    entry = {"type": "old", "call": "", "id": "", "body": "x" * 1000}
    async with redis.pipeline(transaction=False) as pipe:
        for number in range(entries):
            pipe.xadd(key(number % 2, JOURNAL), entry, id=f"{first_ms}-{number + 1}")  # type: ignore[arg-type]
        pipe.xadd(key(0, JOURNAL), entry, id=last)  # type: ignore[arg-type]
        await pipe.execute()
    await make_full(redis)


async def make_full(redis: "Redis[Any]") -> None:
    await redis.config_set("maxmemory", int((await redis.info("memory"))["used_memory"] * 0.95))


def counting(handled: list[Event]) -> Consumer:
    consumer = Consumer("mood")

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> CallStarted:
        handled.append(event)
        return CallStarted(call=event.call)

    return consumer


def settings_of(server: EmbeddedServer, tmp_path: Path, **more: float) -> Settings:
    return Settings.model_validate({"redis_url": server.url, "data_dir": tmp_path, **SMALL, **more})


@pytest.mark.integration
async def test_a_full_server_is_trimmed_before_its_time_and_publishing_recovers(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    settings = settings_of(server, tmp_path, journal_retention_s=86_400, max_call_s=600)
    bus, handled = TestBus(await Bus.connect(settings)), []
    publisher, call, now_ms = bus.bus.publisher("edge"), bus.call(5), int(time.time() * 1000)
    needed = f"{now_ms - 300_000}-0"  # a call that runs may need it
    await fill(bus.bus.redis, first_ms=now_ms - 7_200_000, last=needed)
    publisher.publish(UserTurnEnded(call=call, turn=1, text=""))
    with structlog.testing.capture_logs() as logs, pytest.raises(TimeoutError):
        await publisher.flush(0.3)  # no worker runs that could trim
    said = [log["error"] for log in logs if log["event"] == "publisher.waiting"]
    assert len(said) == 1
    assert said[0].startswith("OOM ")
    assert "raise its maxmemory" in said[0]
    with structlog.testing.capture_logs() as logs:
        async with bus.run(counting(handled)):
            await publisher.flush(30)
            await bus.settled()
            async with asyncio.timeout(30):  # one partition's trimming made room; the other's may come later
                while [await bus.bus.redis.xlen(key(each, JOURNAL)) for each in (0, 1)] != [1, 0]:  # noqa: ASYNC110 - the server tells nobody
                    await asyncio.sleep(0.02)
    assert [name.decode() for name, _ in await bus.bus.redis.xrange(key(0, JOURNAL))] == [needed]
    assert [event.id for event in handled] == [event.id for event in await bus.published(UserTurnEnded)]
    (shortened,) = [log for log in logs if log["event"] == "journal.shortened"]
    assert shortened["kept_s"] == 600
    await bus.bus.close()


async def test_a_handler_whose_write_is_refused_because_the_memory_is_full_waits_for_room(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    bus = TestBus(await Bus.connect(settings_of(server, tmp_path)))
    consumer, tried = Consumer("notes", max_attempts=2), asyncio.Event()
    tries = 0

    @consumer.on(UserTurnEnded)
    async def note(event: UserTurnEnded) -> None:
        nonlocal tries
        tries += 1
        if tries > 3:
            tried.set()
        await bus.bus.redis.set("note", event.id)

    await bus.publish(UserTurnEnded(call=bus.call(), turn=1, text=""))
    await bus.bus.redis.setrange("ballast", 4_000_000, "x")
    await make_full(bus.bus.redis)
    async with bus.run(consumer):
        async with asyncio.timeout(30):
            await tried.wait()
        await bus.bus.redis.delete("ballast")
        await bus.settled()
    assert await bus.bus.redis.exists("note")
    assert [each.dead for each in await bus.bus.groups() if each.dead] == []
    await bus.bus.close()


async def test_a_process_is_there_while_the_memory_is_full(server: EmbeddedServer, tmp_path: Path) -> None:
    bus = await Bus.connect(settings_of(server, tmp_path))
    await bus.redis.setrange("ballast", 4_000_000, "x")
    await make_full(bus.redis)
    async with announced(bus, "edge", "edge-1", Report), asyncio.timeout(20):
        while not await present(bus):  # noqa: ASYNC110 - it is about to say so
            await asyncio.sleep(0.01)
    await bus.close()


async def test_workers_acquire_partitions_and_finish_their_entries_while_the_memory_is_full(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    bus, handled = TestBus(await Bus.connect(settings_of(server, tmp_path))), list[Event]()
    async with bus.run(counting(handled)):
        await bus.settled()  # the groups are there
    await bus.publish(*(UserTurnEnded(call=bus.call(), turn=turn, text="") for turn in range(50)))
    await make_full(bus.bus.redis)
    with structlog.testing.capture_logs() as logs:
        async with bus.run(
            counting(handled)
        ):  # leases, commits and what handlers publish: it is bounded by what there is
            await bus.settled()
    assert len(handled) == len(await bus.published(CallStarted)) == 50
    assert [log for log in logs if log["log_level"] in {"warning", "error"}] == []
    await bus.bus.close()


async def test_a_publisher_that_closes_while_the_memory_is_full_loses_media_events_and_no_journal_events(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    bus = await Bus.connect(settings_of(server, tmp_path))
    publisher, call = bus.publisher("edge"), bus.new_call()
    await make_full(bus.redis)
    publisher.publish(UserTurnEnded(call=call, turn=0, text=""))
    async with asyncio.timeout(20):
        while publisher.connected:  # noqa: ASYNC110 - it is about to notice
            await asyncio.sleep(0.005)
    for turn in range(1, 500):
        publisher.publish(UserTurnEnded(call=call, turn=turn, text=""))
        publisher.publish(AudioChunk(call=call, speaker="agent", offset_ms=turn, audio=b"\0\0"))
    with structlog.testing.capture_logs() as logs:
        await publisher.close()
    assert [log["event"] for log in logs if log["log_level"] == "error"] == []
    assert publisher.dropped == 499
    assert [event.turn for event in await bus.journal(call)] == list(range(500))
    await bus.close()
