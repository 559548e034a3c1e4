"""An edge is killed while it dials, or in calls that were placed: no number is dialled twice for one request."""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from orchestra.child_process import die_with_parent
from orchestra.errors import OrchestraError
from orchestra.settings import Settings
from orchestra.simulator import Caller, PhoneLine
from orchestra.testing import TestBus
from orchestra_schemas import CallStarted
from orchestra_workers.persistence import consumer
from tests.faults.test_campaign_dies import Campaign, call_of, own_server
from tests.servers.twilio import TwilioServer
from tests.voice.edge.test_dial_api import DIAL, order
from tests.voice.edges import AUTH_TOKEN, running_edge

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

KEY = {**DIAL, "Idempotency-Key": "order 7"}
PEOPLE = 3


def account(carrier: TwilioServer) -> dict[str, str]:
    return {
        "twilio_account_sid": "AC1",
        "twilio_auth_token": AUTH_TOKEN,
        "twilio_api_url": carrier.url,
        "twilio_number": "+15550999",
        "dial_token": "dial token",
        "dial_prefixes": "+1555",
    }


@asynccontextmanager
async def edge_process(folder: Path, **settings: object) -> AsyncIterator[tuple[subprocess.Popen[bytes], str]]:
    """An edge in a process of its own, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    chosen = {"data_dir": folder, "port": port, "public_url": url, "prerender": False} | settings
    process = _start_edge(folder, chosen)
    try:
        async with asyncio.timeout(90), httpx.AsyncClient(trust_env=False) as http:
            while True:
                with suppress(httpx.TransportError):
                    if (await http.get(f"{url}/healthz")).is_success:
                        break
                assert process.poll() is None, (folder / "edge.log").read_text()
                await asyncio.sleep(0.1)
        yield process, url
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


def _start_edge(folder: Path, settings: dict[str, object]) -> subprocess.Popen[bytes]:
    environment = os.environ | {f"ORCHESTRA_{name.upper()}": str(value) for name, value in settings.items()}
    with (folder / "edge.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "orchestra.cli", "edge"], env=environment, stdout=log, stderr=log,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - runs prctl only
        )  # fmt: skip


async def state(url: str, key: str) -> tuple[str, str]:
    async with httpx.AsyncClient(trust_env=False) as http:
        told = (await http.get(f"{url}/calls/{key}", headers=DIAL)).json()
    return told["state"], told.get("outcome", "")


async def test_a_call_that_a_killed_edge_was_placing_is_placed_once_and_answered_elsewhere(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    async with TwilioServer("AC1", AUTH_TOKEN) as carrier, running_edge(bus, settings, **account(carrier)) as other:
        carrier.may_answer.clear()
        async with (
            edge_process(tmp_path, redis_url=bus.bus.url, **account(carrier)) as (process, url),
            httpx.AsyncClient(timeout=60, trust_env=False) as http,
        ):
            asking = asyncio.create_task(http.post(f"{url}/calls", json={"to": "+15550001"}, headers=KEY))
            await asyncio.wait_for(carrier.asked.wait(), 60)
            process.send_signal(signal.SIGKILL)
            with pytest.raises(httpx.TransportError):
                await asking
        carrier.may_answer.set()
        assert (await order(other, {"to": "+15550001"}, KEY)).json()["reason"] == "in_progress"
        assert await state(other.url, "order 7") == ("queued", "")
        (placed,) = carrier.orders

        async def talk(line: PhoneLine) -> None:
            await other.event(CallStarted)
            assert await state(other.url, "order 7") == ("answered", "")
            await line.until(lambda: False, 0.2)

        voice_url = placed["Url"].replace(url, other.url)
        caller = Caller(other.url, AUTH_TOKEN, answered_by="human", voice_url=voice_url, call_sid=placed["Sid"])
        async with asyncio.timeout(60):
            await caller.call(PhoneLine(), talk)
            while (await state(other.url, "order 7"))[0] != "ended":  # noqa: ASYNC110 - another task publishes it
                await asyncio.sleep(0.05)
        assert await state(other.url, "order 7") == ("ended", "answered")
        assert (await order(other, {"to": "+15550001"}, KEY)).json()["call"] == call_of(placed)
    assert len(carrier.orders) == 1


async def test_whoever_has_answered_is_not_called_again_when_their_edge_is_killed(tmp_path: Path) -> None:
    async with (
        own_server(tmp_path, lost_call_s=2.0) as (server, bus),
        TwilioServer("AC1", AUTH_TOKEN) as carrier,
        bus.run(consumer),
        edge_process(tmp_path, redis_url=server.url, **account(carrier)) as (process, url),
    ):
        campaign = Campaign(tmp_path, bus, carrier, random.Random(1), people=PEOPLE, edge=url, token=AUTH_TOKEN)
        running = campaign.run()
        async with asyncio.timeout(60):
            while len(carrier.orders) < PEOPLE:  # noqa: ASYNC110 - another process orders them
                await asyncio.sleep(0.02)
        talking = [asyncio.create_task(_answer(url, each)) for each in carrier.orders]
        async with asyncio.timeout(60):
            while len(await bus.published(CallStarted)) < PEOPLE:  # noqa: ASYNC110 - an edge publishes them
                await asyncio.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        assert await asyncio.wait_for(asyncio.to_thread(running.wait), 60) == 0, campaign.log()
        await asyncio.gather(*talking)
    assert len(carrier.orders) == PEOPLE
    assert json.loads(campaign.log().splitlines()[-1])["outcomes"] == {"answered": PEOPLE}


async def _answer(url: str, placed: dict[str, str]) -> None:
    """Answer, and listen until the call is cut off."""
    caller = Caller(url, AUTH_TOKEN, answered_by="human", voice_url=placed["Url"], call_sid=placed["Sid"])

    async def listen(line: PhoneLine) -> None:
        await line.until(lambda: False, 90)

    with suppress(OrchestraError, OSError):
        await caller.call(PhoneLine(), listen)
