"""`orchestra edge` as an operator meets it."""

import asyncio
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

import httpx
import pytest
from loguru import logger
from structlog.testing import capture_logs

from orchestra.settings import Settings
from orchestra.simulator.caller import Caller
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.pipeline.pipecat_logging import redirect_pipecat_log
from orchestra_schemas import CallStarted
from tests.voice.edges import AUTH_TOKEN


async def edge(settings: Settings, **changed: str) -> Process:
    variables = {
        "ORCHESTRA_REDIS_URL": settings.redis_url or "",
        "ORCHESTRA_DATA_DIR": str(settings.data_dir),
        "ORCHESTRA_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
    }
    command = [sys.executable, "-c", "from orchestra.cli import main; main()", "edge"]
    return await asyncio.create_subprocess_exec(
        *command, env=os.environ | variables | changed, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )


@pytest.mark.integration
async def test_an_edge_logs_when_it_is_ready_and_stops_on_sigterm(bus: TestBus, settings: Settings) -> None:
    process = await edge(settings, ORCHESTRA_PORT="0")
    assert process.stderr is not None
    async with asyncio.timeout(90):
        lines = [line async for line in _until(process.stderr, b"edge.ready")]
    url = re.search(rb"http://127\.0\.0\.1:\d+", lines[-1])
    assert url is not None
    async with httpx.AsyncClient(timeout=30) as http:
        health = (await http.get(f"{url[0].decode()}/healthz")).json()
    assert (health["status"], health["calls"]) == ("ok", 0)
    process.send_signal(signal.SIGTERM)
    _, rest = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert b"Traceback" not in b"".join(lines) + rest


@pytest.mark.integration
async def test_an_edge_uses_a_changed_app_for_its_next_calls(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    init = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestra.cli", "init", "shop", "--folder", str(tmp_path), stdout=DEVNULL
    )
    assert await init.wait() == 0
    source = tmp_path / "shop" / "shop.py"
    path = os.pathsep.join([str(source.parent), str(Path(__file__).parents[3])])
    process = await edge(settings, ORCHESTRA_PORT="0", ORCHESTRA_APP="shop:app", PYTHONPATH=path)
    assert process.stderr is not None
    async with asyncio.timeout(90):
        ready = [line async for line in _until(process.stderr, b"edge.ready")][-1].decode()
        found = re.search(r"http://[\d.:]+", ready)
        assert found is not None

        async def greeted() -> str:
            async def hang_up(line: PhoneLine) -> None:
                await line.until(lambda: line.agent_audible_s > 0.1, 20)

            before = len(await bus.published(CallStarted))
            await Caller(found[0], AUTH_TOKEN).call(PhoneLine(), hang_up)
            return (await bus.published(CallStarted))[before].greeting

        first = await greeted()
        text = source.read_text(encoding="utf-8")
        source.write_text(text.replace("Welcome", "Good day, and welcome", 1), encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        assert [line async for line in _until(process.stderr, b"edge.app_read")]
        assert "Good day" in await greeted()
        assert "Good day" not in first
        source.write_text("this is no app", encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        assert [line async for line in _until(process.stderr, b"edge.app_not_read")]
        assert "Good day" in await greeted()
    started = await bus.published(CallStarted)
    assert started[0].version != started[1].version == started[2].version
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0


@pytest.mark.integration
async def test_an_address_in_use_is_one_clear_line(bus: TestBus, settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = await _refused(settings, ORCHESTRA_PORT=str(port))
    assert code == 2
    assert f"127.0.0.1:{port}" in said
    assert "ORCHESTRA_PORT" in said


@pytest.mark.integration
async def test_an_edge_without_twilios_auth_token_does_not_start(bus: TestBus, settings: Settings) -> None:
    code, said = await _refused(settings, ORCHESTRA_TWILIO_AUTH_TOKEN="", ORCHESTRA_PORT="0")
    assert code == 2
    assert "ORCHESTRA_TWILIO_AUTH_TOKEN" in said


async def _refused(settings: Settings, **changed: str) -> tuple[int | None, str]:
    process = await edge(settings, **changed)
    _, said = await asyncio.wait_for(process.communicate(), 100)
    text = said.decode()
    assert "Traceback" not in text
    assert len([line for line in text.splitlines() if line.startswith("orchestra:")]) == 1
    return process.returncode, text


async def _until(stream: asyncio.StreamReader, mark: bytes):  # noqa: ANN202
    while line := await stream.readline():
        yield line
        if mark in line:
            return
    pytest.fail("the process ended before")


def test_warnings_of_pipecat_are_in_our_log_and_its_chatter_is_not() -> None:
    redirect_pipecat_log()
    try:
        with capture_logs() as logs:
            logger.info("chatter")
            logger.warning("a socket was lost")
            logger.error("{not a template}")
    finally:
        logger.remove()
    assert [(entry["log_level"], entry["message"]) for entry in logs] == [
        ("warning", "a socket was lost"),
        ("error", "{not a template}"),
    ]
