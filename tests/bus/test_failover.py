"""A promoted replica lacks the last commits of its master: every event that it has takes effect once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio
from redis.asyncio import Redis

from orchestra.bus import Bus, Consumer, EmbeddedServer
from orchestra.bus.redis.address import Address
from orchestra.bus.redis.topology import OneServer
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, TurnCompleted, UserTurnEnded
from tests.bus.conftest import free_ports


class Movable(OneServer):
    """A server whose address can change, as with Sentinel."""

    at: Address

    async def address(self, slot_key: str) -> Address:  # noqa: ARG002 - it has every key
        return self.at


@dataclass
class Pair:
    """A master, a replica of it, and a bus that goes where ``servers.at`` says."""

    master: EmbeddedServer
    replica: EmbeddedServer
    servers: Movable
    bus: TestBus

    async def cut_off(self) -> None:
        """Stop the replication: the replica has everything so far, and becomes a master itself."""
        await replicated(self.bus.bus)
        async with Redis(unix_socket_path=self.replica.url.removeprefix("unix://")) as client:
            await client.execute_command("REPLICAOF", "NO", "ONE")

    async def fail_over(self) -> None:
        """Kill the master, and send clients to the replica."""
        self.servers.at = Address.parse(self.replica.url)
        await self.master.kill()
        self.bus.bus.shared_connection.drop()  # or what is asked next may be asked of the dead one, and fail


async def replicated(bus: Bus) -> None:
    """Wait until a replica has everything written over this connection."""
    async with asyncio.timeout(30):
        while await bus.shared_connection.call("WAIT", 1, 1000) != 1:
            pass


@pytest_asyncio.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    (port,) = free_ports(1)
    master = EmbeddedServer(tmp_path / "master", port, options=("--repl-diskless-sync-delay", "0"))
    replica = EmbeddedServer(tmp_path / "replica", options=("--replicaof", "127.0.0.1", str(port)))
    async with master, replica:
        bus = await Bus.connect(Settings(redis_url=master.url, data_dir=tmp_path, lease_ms=400))
        await replicated(bus)
        bus.servers = Movable(master.url)
        bus.servers.at = Address.parse(master.url)
        # the connection that is open already asks the old place
        await bus.shared_connection.close()
        bus.shared_connection = bus.new_connection(0)
        try:
            yield Pair(master, replica, bus.servers, TestBus(bus))
        finally:
            await bus.close()


def turns(call: str, count: int) -> list[UserTurnEnded]:
    return [UserTurnEnded(call=call, turn=turn, text="") for turn in range(1, count + 1)]


async def completed(bus: TestBus) -> list[tuple[str | None, int]]:
    return [(event.cause, event.turn) for event in await bus.published(TurnCompleted)]


async def test_events_whose_commit_was_lost_with_the_master_are_handled_again(pair: Pair) -> None:
    consumer, gate, call = Consumer("mood"), asyncio.Event(), pair.bus.call(3)

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> TurnCompleted:
        await gate.wait()
        return TurnCompleted(call=event.call, turn=event.turn, agent="a")

    follow = pair.bus.bus.follow([3])
    await follow.start()
    async with pair.bus.run(consumer):
        stored = await pair.bus.publish(*turns(call, 10))
        await pair.cut_off()
        gate.set()
        await pair.bus.settled()
        followed = [(await anext(follow)).id for _ in range(20)]
        await pair.fail_over()
        async with asyncio.timeout(30):  # nothing more is published: the worker's next sign of life tells it
            while len(await completed(pair.bus)) < 10:  # noqa: ASYNC110 - another loop's
                await asyncio.sleep(0.02)
        await pair.bus.settled()
        (last,) = await pair.bus.publish(CallEnded(call=call, reason="silence"))
    assert await completed(pair.bus) == [(event.id, event.turn) for event in stored]
    assert len(set(followed)) == 20
    assert (await anext(follow)).id == last.id  # what came a second time is passed over


async def test_events_after_a_lost_commit_are_handled_after_those_of_the_commit(pair: Pair) -> None:
    consumer, gate, call = Consumer("mood"), asyncio.Event(), pair.bus.call(3)

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> TurnCompleted:
        await gate.wait()
        return TurnCompleted(call=event.call, turn=event.turn, agent="a")

    async with pair.bus.run(consumer):
        stored = await pair.bus.publish(*turns(call, 10))
        await pair.cut_off()
        gate.set()
        await pair.bus.settled()
        await pair.fail_over()
        stored += await pair.bus.publish(*turns(call, 3))
        await pair.bus.settled()
    assert await completed(pair.bus) == [(event.id, event.turn) for event in stored]


async def test_an_event_that_was_lost_with_the_master_has_no_effect_on_the_new_one(pair: Pair) -> None:
    consumer, gate, begun, call = Consumer("mood"), asyncio.Event(), asyncio.Event(), pair.bus.call(3)

    @consumer.on(UserTurnEnded)
    async def handle(event: UserTurnEnded) -> TurnCompleted:
        begun.set()
        await gate.wait()
        return TurnCompleted(call=event.call, turn=event.turn, agent="a")

    async with pair.bus.run(consumer):
        await pair.bus.settled()
        await pair.cut_off()
        ended = pair.bus.bus.publisher("ended")  # who goes on publishing sends it again
        ended.publish(turns(call, 1)[0])
        await begun.wait()
        await pair.fail_over()
        gate.set()
        (kept,) = await pair.bus.publish(*turns(call, 1))
        await pair.bus.settled()
    assert await completed(pair.bus) == [(kept.id, 1)]
