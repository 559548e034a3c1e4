"""Every guess of a token or link is logged, and guessing does not lock out the holder of the right one."""

import asyncio
import time
from collections.abc import MutableMapping, Sequence
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from orchestra.recordings.signed_links import Links
from orchestra.settings import Settings
from orchestra.testing import TestBus
from tests.attacks.wire import a_caller_gets_through
from tests.voice.edges import RunningEdge, running_edge

RIGHT = {"Authorization": "Bearer let-me-in"}


async def get(http: httpx.AsyncClient, running: RunningEdge, path: str, token: str = "") -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return (await http.get(running.url + path, headers=headers)).status_code


def refused(logs: Sequence[MutableMapping[str, Any]]) -> int:
    return [entry["event"] for entry in logs].count("api.refused")


@pytest.mark.parametrize(
    "path", ["/calls", "/calls/07-x", "/calls/07-x/recording", "/calls/07-x/recording?signature=0"]
)
async def test_every_refused_token_and_link_is_logged(bus: TestBus, settings: Settings, path: str) -> None:
    async with running_edge(bus, settings, api_token="let-me-in") as running, httpx.AsyncClient() as http:
        with capture_logs() as logs:
            answers = [await get(http, running, path, "guess") for _ in range(3)]
    assert set(answers) <= {401, 403}
    lines = [entry for entry in logs if entry["event"] == "api.refused"]
    assert [(entry["log_level"], entry["peer"]) for entry in lines] == [("warning", "127.0.0.1")] * 3
    assert "guess" not in str(lines)


@pytest.mark.integration
async def test_guesses_are_delayed_and_the_right_token_is_accepted_at_once(bus: TestBus, settings: Settings) -> None:
    limits = httpx.Limits(max_connections=None)
    async with (
        running_edge(bus, settings, api_token="let-me-in") as running,
        httpx.AsyncClient(timeout=60, limits=limits) as http,
    ):
        with capture_logs() as logs:
            began = time.monotonic()
            guessing = [asyncio.create_task(get(http, running, "/calls", f"guess {number}")) for number in range(200)]
            assert await get(http, running, "/calls", "let-me-in") == 200
            answers = await asyncio.gather(*guessing)
            took_s = time.monotonic() - began
            assert await get(http, running, "/calls", "let-me-in") == 200
        await a_caller_gets_through(running)
    assert set(answers) <= {401, 429}
    assert took_s >= 1.9
    assert refused(logs) == answers.count(401) >= 64


async def test_each_access_is_logged(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, api_token="let-me-in") as running, httpx.AsyncClient() as http:
        link = Links((settings.data_dir / "keys" / "link").read_bytes()).sign(running.url, "07-x", 2**33)
        with capture_logs() as logs:
            for path in ("/calls", "/calls/07-x", "/calls/07-x/recording"):
                await get(http, running, path, "let-me-in")
            await http.get(link)
    looks = [(entry["event"], entry["call"], entry["by"]) for entry in logs if "by" in entry]
    assert looks == [
        ("calls.listed", "", "token"),
        ("call.read", "07-x", "token"),
        ("recording.read", "07-x", "token"),
        ("recording.read", "07-x", "link"),
    ]


async def test_a_link_cannot_be_signed_with_the_token(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, api_token="let-me-in") as running, httpx.AsyncClient() as http:
        forged = Links(b"let-me-in").sign(running.url, "07-x", 2**33)
        assert (await http.get(forged)).status_code == 403
