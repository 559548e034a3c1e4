"""Workers and Redis are killed, endpoints fail: a receiver that drops what it knows gets each event once, in order."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from redis.exceptions import RedisError

from orchestra.bus import Bus, EmbeddedServer
from orchestra.bus.group.dead_letters import dead_letters
from orchestra.child_process import die_with_parent
from orchestra.settings import Settings
from orchestra_schemas import CallEnded, CallStarted, Event, ReplySpoken
from tests.bus.conftest import AT_ONCE
from tests.servers.webhook_receiver import SECRET, Trouble, WebhookReceiver

pytestmark = [pytest.mark.faults, pytest.mark.timeout(200)]

PER_CALL, AT_A_TIME, ROUNDS = 12, 30, 10
EVENTS = PER_CALL * AT_A_TIME * ROUNDS


def a_call(call: str) -> list[Event]:
    said = [ReplySpoken(call=call, turn=turn, text=f"Reply {turn}.") for turn in range(1, PER_CALL - 1)]
    return [CallStarted(call=call, app="shop"), *said, CallEnded(call=call, reason="caller_hung_up")]


class Delivering:
    """A server, two receivers, an endpoint that never answers, worker processes, and the published events."""

    def __init__(
        self, folder: Path, server: EmbeddedServer, bus: Bus, receivers: tuple[WebhookReceiver, WebhookReceiver]
    ) -> None:
        self.server = server
        self.bus = bus
        self.receivers = receivers
        self.published: dict[str, list[str]] = defaultdict(list)
        self.workers: list[subprocess.Popen[bytes]] = []
        self._folder = folder
        self._publisher = bus.publisher("load")

    def worker(self) -> None:
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "orchestra.cli", "worker", "webhooks"],
                env={
                    **os.environ, "ORCHESTRA_REDIS_URL": self.bus.url, "ORCHESTRA_LEASE_MS": "500", "SECRET": SECRET,
                    "ORCHESTRA_DATA_DIR": str(self._folder), "ORCHESTRA_WEBHOOKS_PRIVATE": "true",
                    "ORCHESTRA_WEBHOOKS": str(self._folder / "webhooks.toml"),
                },
                stdout=log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent(),  # noqa: PLW1509 - runs prctl only
            )  # fmt: skip
        self.workers.append(process)

    async def end(self, process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGKILL) -> None:
        self.workers.remove(process)
        process.send_signal(number)
        await asyncio.to_thread(process.wait)  # the receivers run in this loop

    async def until_owned(self, done: Callable[[set[int]], bool] = bool) -> None:
        """Wait until every partition has an owner, and their process ids are as wanted."""
        async with asyncio.timeout(30):
            while not done(await self.owners()):  # noqa: ASYNC110 - other processes take them
                await asyncio.sleep(0.05)

    async def owners(self) -> set[int]:
        """The process ids of the workers that have partitions; none while one has no owner, or Redis is away."""
        try:
            owners = [each.owner for each in await self.bus.groups()]
        except RedisError:
            return set()
        if len(owners) < self.bus.partitions or not all(owners):
            return set()
        return {int(owner.split("-")[-2]) for owner in owners}

    async def more(self, receiver: WebhookReceiver, messages: int) -> None:
        """Wait until a receiver has so many messages more, or all there are."""
        wanted = len(receiver.arrived_at) + messages
        await receiver.until(lambda: len(receiver.arrived_at) >= min(wanted, EVENTS))

    async def load(self, rounds: int) -> None:
        """Calls side by side, one event of each after another."""
        for _ in range(rounds):
            calls = {call: a_call(call) for call in (self.bus.new_call() for _ in range(AT_A_TIME))}
            for number in range(PER_CALL):
                for call, events in calls.items():
                    self.published[call].append(self._publisher.publish(events[number]).id)
                await asyncio.sleep(0.05)
        await self._publisher.flush(20)

    async def arrived(self, receiver: WebhookReceiver) -> None:
        count = sum(len(ids) for ids in self.published.values())
        await receiver.until(lambda: len(receiver.arrived_at) >= count, 90)

    def check(self, receiver: WebhookReceiver) -> int:
        """Check that nothing is lost, foreign or out of order; returns the number of repetitions."""
        got: dict[str, list[str]] = defaultdict(list)
        for message in receiver.once():
            got[message["data"]["call"]].append(message["data"]["id"])
        assert got == self.published
        assert not receiver.refused
        return len(receiver.delivered) - sum(map(len, got.values()))


@pytest_asyncio.fixture
async def delivering(tmp_path: Path) -> AsyncIterator[Delivering]:
    async with (
        EmbeddedServer(tmp_path, options=AT_ONCE) as server,
        WebhookReceiver() as one,
        WebhookReceiver() as two,
        WebhookReceiver() as mute,
    ):
        mute.trouble = lambda _path, _message: "hang"
        events = '["call.started", "reply.spoken", "call.ended"]'
        (tmp_path / "webhooks.toml").write_text(
            "\n".join(
                f'[{name}]\nurl = "{receiver.url}"\nsecret_env = "SECRET"\nevents = {events}'
                for name, receiver in (("one", one), ("two", two), ("mute", mute))
            )
        )
        bus = await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path))
        delivering = Delivering(tmp_path, server, bus, (one, two))
        try:
            yield delivering
        finally:
            for process in delivering.workers:
                process.kill()
                process.wait()
            await bus.close()


async def test_kills_of_workers_and_redis_and_failures_of_endpoints_lose_nothing_and_keep_the_order(
    delivering: Delivering,
) -> None:
    one, two = delivering.receivers
    chance = random.Random(7)
    troubles: list[Trouble | None] = ["close", 500, 503, "late", None, None, None, None]
    one.trouble = lambda _path, _message: chance.choice(troubles)
    delivering.worker()
    delivering.worker()
    await delivering.until_owned()
    load = asyncio.create_task(delivering.load(ROUNDS))
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        await delivering.more(two, 300)
        await delivering.end(delivering.workers[0], number)
        await two.stop()  # refuses connections for a while
        delivering.worker()
        await delivering.more(one, 30)
        await two.start()
    await delivering.more(two, 300)
    await delivering.server.kill()
    await delivering.server.start()
    await delivering.more(two, 300)
    stopped = delivering.workers[0]
    await delivering.until_owned(lambda pids: stopped.pid in pids)
    stopped.send_signal(signal.SIGSTOP)  # it loses its partitions without knowing
    await delivering.until_owned(lambda pids: bool(pids) and stopped.pid not in pids)
    stopped.send_signal(signal.SIGCONT)
    await load
    one.trouble = lambda _path, _message: None
    for receiver in delivering.receivers:
        await delivering.arrived(receiver)
        repeated = delivering.check(receiver)
        assert repeated < len(receiver.delivered) / 4
    assert await dead_letters(delivering.bus, "webhooks") == []
    # the endpoint that never answers holds nothing back, the journal included
    async with asyncio.timeout(10):
        while any(each.lag or each.pending for each in await delivering.bus.groups()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
