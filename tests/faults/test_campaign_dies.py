"""A campaign's process, or the server, is killed at random moments: nobody is called twice for one attempt."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestra.bus import Bus, EmbeddedServer
from orchestra.child_process import die_with_parent
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallAnswered, CallEnded, CallStarted, Event
from orchestra_workers.persistence import consumer
from tests.bus.conftest import AT_ONCE
from tests.servers.twilio import TwilioServer

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

PEOPLE, KILLS, RETRIES = 40, 8, 2


class Campaign:
    """Processes of one campaign, one at a time, and the people whom their carrier rings."""

    def __init__(
        self,
        folder: Path,
        bus: TestBus,
        carrier: TwilioServer,
        chance: random.Random,
        *,
        people: int = PEOPLE,
        edge: str = "https://voice.example.com",
        token: str = "token",
    ) -> None:
        self.folder, self.bus, self.carrier, self.chance = folder, bus, carrier, chance
        (folder / "people.csv").write_text(
            "number,name\n" + "".join(f"+15550{number:03},n{number}\n" for number in range(people))
        )
        self._environment = {
            **os.environ, "ORCHESTRA_REDIS_URL": bus.bus.url, "ORCHESTRA_DATA_DIR": str(folder),
            "ORCHESTRA_TWILIO_ACCOUNT_SID": "AC1", "ORCHESTRA_TWILIO_AUTH_TOKEN": token,
            "ORCHESTRA_TWILIO_API_URL": carrier.url, "ORCHESTRA_TWILIO_NUMBER": "+15550999",
            "ORCHESTRA_PUBLIC_URL": edge, "ORCHESTRA_RING_S": "5",
            "ORCHESTRA_LEASE_MS": "400",
        }  # fmt: skip

    def command(self, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "orchestra.cli", "campaign", *words], env=self._environment, cwd=self.folder,
                stdout=log, stderr=subprocess.STDOUT, preexec_fn=die_with_parent(),  # noqa: PLW1509 - runs prctl only
            )  # fmt: skip

    def run(self) -> subprocess.Popen[bytes]:
        return self.command(
            "run", "people.csv", "--name", "spring", "--per-minute", "6000", "--at-a-time", "6",
            "--retry", f"busy={RETRIES}x1s", "--retry", f"failed={RETRIES}x1s", "--json",
        )  # fmt: skip

    def log(self) -> str:
        return (self.folder / "log").read_text()

    async def placed(self, more: int, process: subprocess.Popen[bytes]) -> None:
        """Wait until so many more calls were ordered, or the process has ended."""
        wanted = len(self.carrier.orders) + more
        async with asyncio.timeout(60):
            while len(self.carrier.orders) < wanted and process.poll() is None:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def people(self) -> AsyncIterator[None]:
        """Whoever is rung answers, is busy, or has a machine."""
        ringing = asyncio.create_task(self._ring())
        try:
            yield
        finally:
            ringing.cancel()

    async def _ring(self) -> None:
        rung = 0
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(0.02)
                self.carrier.loses_answers = self.chance.random() < 0.1
                for order in self.carrier.orders[rung:]:
                    rung += 1
                    group.create_task(self._answer(call_of(order)))

    async def _answer(self, call: str) -> None:
        await asyncio.sleep(self.chance.uniform(0.02, 0.4))
        fates: list[list[Event]] = [
            [CallStarted(call=call, direction="outbound"), CallEnded(call=call, reason="caller_hung_up")],
            [CallEnded(call=call, reason="busy")],
            [CallAnswered(call=call, by="machine"), CallEnded(call=call, reason="agent_hung_up")],
        ]
        await self.bus.publish(*self.chance.choice(fates))


def call_of(order: dict[str, str]) -> str:
    return parse_qs(urlsplit(order["Url"]).query)["call"][0]


async def test_nobody_is_called_twice_for_one_attempt_however_often_the_campaign_dies(
    bus: TestBus, tmp_path: Path
) -> None:
    chance = random.Random(20261128)
    async with TwilioServer("AC1", "token") as carrier, bus.run(consumer):
        campaign = Campaign(tmp_path, bus, carrier, chance)
        async with campaign.people():
            for _ in range(KILLS):
                process = campaign.run()
                await campaign.placed(chance.randint(1, 6), process)
                await asyncio.sleep(chance.uniform(0, 0.1))
                process.kill()
                await asyncio.to_thread(process.wait)
            process = campaign.run()
            assert await asyncio.wait_for(asyncio.to_thread(process.wait), 120) == 0, campaign.log()
        await nobody_was_called_twice(campaign)


async def test_nobody_is_called_twice_when_the_server_is_killed_and_comes_back(tmp_path: Path) -> None:
    chance = random.Random(20261129)
    async with own_server(tmp_path) as (server, bus), TwilioServer("AC1", "token") as carrier, bus.run(consumer):
        campaign = Campaign(tmp_path, bus, carrier, chance)
        async with campaign.people():
            process = campaign.run()
            for away_s in (0.0, 1.0):
                await campaign.placed(chance.randint(4, 8), process)
                await server.kill()
                await asyncio.sleep(away_s)
                await server.start()
            assert await asyncio.wait_for(asyncio.to_thread(process.wait), 120) == 0, campaign.log()
        await nobody_was_called_twice(campaign)


@asynccontextmanager
async def own_server(folder: Path, **changed: object) -> AsyncIterator[tuple[EmbeddedServer, TestBus]]:
    """A server that a test may kill; it forgets nothing that it has said yes to."""
    server = EmbeddedServer(folder / "server", options=AT_ONCE)
    await server.start()
    chosen = {"redis_url": server.url, "data_dir": folder, "lease_ms": 400} | changed
    bus = await Bus.connect(Settings.model_validate(chosen))
    try:
        yield server, TestBus(bus)
    finally:
        await bus.close()
        await server.stop()


async def nobody_was_called_twice(campaign: Campaign, people: int = PEOPLE) -> None:
    """Everybody was called, again only where an attempt failed, and nobody who had answered."""
    bus, orders = campaign.bus, campaign.carrier.orders
    ended = {event.call: event for event in await bus.published(CallEnded)}
    answered = {event.call for event in await bus.published(CallStarted)}
    progress = json.loads(campaign.log().splitlines()[-1])
    assert (progress["contacts"], progress["waiting"], progress["calling"]) == (people, 0, 0)
    assert sum(progress["outcomes"].values()) == people
    assert len({call_of(order) for order in orders}) == len(orders), "a call was ordered twice"
    for number, calls in Counter(order["To"] for order in orders).items():
        own = [call_of(order) for order in orders if order["To"] == number]
        assert calls <= 1 + RETRIES, number
        assert all(ended[call].reason == "busy" for call in own[:-1]), f"{number} was called again after {own}"
        assert not answered & set(own[:-1])
