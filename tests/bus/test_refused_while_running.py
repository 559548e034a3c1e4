"""Refusals of a server during operation: a changed password, a command that is forbidden to our user."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from orchestra.bus import Bus, Consumer, EmbeddedServer
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import UserTurnEnded


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    async with EmbeddedServer(tmp_path) as server:
        yield server


def taking(handled: list[int]) -> Consumer:
    consumer = Consumer("mood")

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> None:
        handled.append(event.turn)

    return consumer


async def test_a_publisher_reports_a_changed_password_and_continues_when_it_is_valid_again(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    async with (await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path))).redis as operator:
        await operator.execute_command("ACL", "SETUSER", "ann", "on", ">old", "~*", "+@all")
        url = server.url.replace("unix://", "unix://ann:old@")
        bus = await Bus.connect(Settings(redis_url=url, data_dir=tmp_path))
        publisher, call = bus.publisher("edge"), bus.new_call()
        with structlog.testing.capture_logs() as logs:
            await operator.execute_command("ACL", "SETUSER", "ann", "<old", ">new")
            await operator.execute_command("CLIENT", "KILL", "USER", "ann")
            publisher.publish(UserTurnEnded(call=call, turn=1, text=""))
            async with asyncio.timeout(20):
                while not any("WRONGPASS" in str(log.get("error")) for log in logs):  # noqa: ASYNC110 - of the log
                    await asyncio.sleep(0.005)
            await operator.execute_command("ACL", "SETUSER", "ann", "<new", ">old")
            await publisher.flush(20)
        assert sum("WRONGPASS" in str(log.get("error")) for log in logs) == 1
        assert [event.turn for event in await bus.journal(call)] == [1]  # type: ignore[attr-defined]
        await bus.close()


async def test_a_worker_whose_user_may_not_unblock_clients_asks_once_and_works(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    operator = await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path))
    await operator.redis.execute_command(
        "ACL", "SETUSER", "ann", "on", ">pw", "~*", "+@all", "-client|unblock", "-info"
    )
    url = server.url.replace("unix://", "unix://ann:pw@")
    bus, handled = TestBus(await Bus.connect(Settings(redis_url=url, data_dir=tmp_path))), list[int]()
    async with bus.run(taking(handled)):
        await bus.publish(*(UserTurnEnded(call=bus.call(), turn=1, text="") for _ in range(50)))
        await bus.settled()
    stats = await operator.redis.info("commandstats")
    assert len(handled) == 50
    assert stats.get("cmdstat_client|unblock", {"rejected_calls": 0})["rejected_calls"] <= 1
    await bus.bus.close()
    await operator.close()


@pytest.mark.parametrize(
    "command", ["evalsha", "xreadgroup", "xadd", "xack", "xrange", "xpending", "xclaim", "xautoclaim", "hset", "hget",
                "hgetall", "get", "set", "zadd", "time", "xinfo", "xgroup", "publish", "subscribe"]
)  # fmt: skip
async def test_no_event_is_lost_while_a_command_is_forbidden(
    server: EmbeddedServer, tmp_path: Path, command: str
) -> None:
    operator = await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path))
    await operator.redis.execute_command("ACL", "SETUSER", "ann", "on", ">pw", "~*", "&*", "+@all")
    url = server.url.replace("unix://", "unix://ann:pw@")
    bus, handled = TestBus(await Bus.connect(Settings(redis_url=url, data_dir=tmp_path))), list[int]()
    publisher, call = operator.publisher("edge"), operator.new_call()
    async with bus.run(taking(handled)):
        await bus.publish(UserTurnEnded(call=call, turn=1, text=""))
        await bus.settled()
        await operator.redis.execute_command("ACL", "SETUSER", "ann", f"-{command}")
        for turn in range(2, 12):
            publisher.publish(UserTurnEnded(call=call, turn=turn, text=""))
            await publisher.flush(10)
            await asyncio.sleep(0.05)  # the events come while it is refused
        await operator.redis.execute_command("ACL", "SETUSER", "ann", f"+{command}")
        publisher.publish(UserTurnEnded(call=call, turn=12, text=""))
        await publisher.flush(10)
        async with asyncio.timeout(30):
            while len({*handled}) < 12:  # noqa: ASYNC110 - the worker's own progress
                await asyncio.sleep(0.01)
        await bus.settled(30)
    assert list(dict.fromkeys(handled)) == list(range(1, 13))  # whose commit was refused may be handled again
    await bus.bus.close()
    await operator.close()
