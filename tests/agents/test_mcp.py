"""Tools of an MCP server, which runs as a process of its own."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import structlog

from orchestra import mcp_tools
from orchestra.agents.loader import check_app
from orchestra.errors import AppError
from orchestra.testing import TestBus
from orchestra_schemas import PromptRequested, ToolCompleted, TurnCompleted
from tests.agents.team import Line, Parcels, call_of, last, team
from tests.servers.first_answer import first_answer

SERVER = (sys.executable, str(Path(__file__).parents[1] / "servers" / "mcp_parcels.py"))


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path / "data"))


@pytest_asyncio.fixture(params=["stdio", "http"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[str | Sequence[str]]:
    if request.param == "stdio":
        yield SERVER
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(*SERVER, str(port), stderr=asyncio.subprocess.DEVNULL)
    try:
        async with asyncio.timeout(30), httpx.AsyncClient() as http:
            await first_answer(http, f"http://127.0.0.1:{port}/mcp", has_ended=lambda: process.returncode is not None)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        await process.wait()


async def test_an_agent_calls_the_tools_of_an_mcp_server(bus: TestBus, server: str | Sequence[str]) -> None:
    tools = await asyncio.to_thread(mcp_tools, server, timeout_s=20)
    assert [tool.name for tool in tools] == ["whereabouts"]
    assert tools[0].parameters["required"] == ["number"]

    def decide(prompt: PromptRequested) -> object:
        if last(prompt).startswith("user"):
            number = last(prompt).rsplit(maxsplit=1)[-1]
            return [call_of("whereabouts", "{}" if number == "it" else f'{{"number":"{number}"}}')]
        return last(prompt)

    async with Line(bus, decide, app=team(Parcels(), tools=tools)).running() as line:
        for text in ("where is my parcel 7", "and 0", "where is it"):
            await line.say(text)
    results = await line.events(ToolCompleted)
    assert [event.failed for event in results] == [False, True, True]
    assert results[0].result == "parcel 7 is in the van"
    assert results[1].result == "Error executing tool whereabouts"
    assert "number is missing" in results[2].result
    assert not any(turn.failed for turn in await line.events(TurnCompleted))


def test_a_tool_that_the_server_does_not_have_is_refused_at_start() -> None:
    with pytest.raises(AppError, match="has no tool 'fly': choose among whereabouts"):
        mcp_tools(SERVER, only=["fly"])


@pytest.mark.parametrize("away", ["http://127.0.0.1:9/mcp", ("/nowhere/server",)])
def test_a_server_that_is_away_keeps_no_app_from_its_start(away: str | Sequence[str]) -> None:
    with structlog.testing.capture_logs() as log:
        tools = mcp_tools(away)
    check_app(team(Parcels(), tools=tools), "parcels:app")
    assert [entry["log_level"] for entry in log if entry["event"] == "mcp.away"] == ["error"]
