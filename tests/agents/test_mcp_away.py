"""MCP servers over HTTP that are away, come back, forget sessions, want tokens, and answer with what is no answer."""

import asyncio
import gzip
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from orchestra import Agent, App, mcp_tools
from orchestra.agents import Tool
from orchestra.agents.loader import check_app
from orchestra.cli.doctor.app import app_and_tool_servers
from orchestra.errors import AppError, ToolFailed
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import PromptRequested, ToolCompleted, TurnCompleted
from tests.agents.team import Line, Parcels, call_of, last, team
from tests.agents.test_mcp_odd import ask, close, data_dir, tools_of
from tests.execution.test_worker import run_tool
from tests.servers.mcp_http import McpHttpServer

__all__ = ["data_dir"]


@pytest.fixture
def server() -> McpHttpServer:
    return McpHttpServer()


@pytest_asyncio.fixture
async def found(server: McpHttpServer) -> AsyncIterator[Tool]:
    with server:
        (tool,) = await asyncio.to_thread(mcp_tools, server.url)
        yield tool
        await close(tool)


def app_of(tools: tuple[Tool, ...]) -> App:
    return App(name="lab", agents=(Agent(name="lab", about="it", prompt="You help.", tools=tools),), entry="lab")


@pytest.mark.parametrize(
    "unknown",
    [
        (404, {}),
        (404, {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "Session not found"}}),
        (404, {"jsonrpc": "2.0", "id": None, "error": {"code": -32001, "message": "Session not found"}}),
        (
            400,
            {
                "jsonrpc": "2.0",
                "id": None,
                "error": {"code": -32000, "message": "Bad Request: No valid session ID provided"},
            },
        ),
    ],
)
async def test_a_restarted_server_is_initialized_again_and_called_once(
    server: McpHttpServer, found: Tool, unknown: tuple[int, dict[str, Any]]
) -> None:
    assert await ask(found, number=1) == "found 1"
    server.unknown = unknown
    server.sessions.clear()
    assert await ask(found, number=2) == "found 2"
    assert server.calls == [{"number": 1}, {"number": 2}]


async def test_a_server_that_is_away_for_a_while_costs_the_calls_of_that_while(
    server: McpHttpServer, found: Tool
) -> None:
    assert await ask(found) == "found 1"
    server.__exit__()
    with pytest.raises(ToolFailed, match="find_it is away right now: nothing was done"):
        await ask(found)
    with pytest.raises(ToolFailed, match="find_it is away right now"):
        await ask(found)
    server.__enter__()
    assert await ask(found) == "found 2"


async def test_an_answer_that_breaks_off_is_an_outcome_that_is_not_known(server: McpHttpServer, found: Tool) -> None:
    assert await ask(found) == "found 1"
    server.odd = "cut"
    with pytest.raises(ToolFailed, match="its outcome is not known"):
        await ask(found)
    assert len(server.calls) == 2  # not sent again
    assert await ask(found) == "found 3"


@pytest.mark.parametrize(
    "odd",
    [
        {"status": 500, "body": b"<html>oops</html>", "headers": {"Content-Type": "text/html"}},
        {"status": 502, "body": {"error": "bad gateway"}},
        {"body": b"<html>Log in</html>", "headers": {"Content-Type": "text/html"}},
        {"body": b"{"},
        {"body": [1, 2]},
        {"body": b"x" * 6_000_000},
        {"body": gzip.compress(b"x" * 9_000_000, mtime=0), "headers": {"Content-Encoding": "gzip"}},
        {"status": 302, "headers": {"Location": "http://127.0.0.1:9/elsewhere"}},
        {"status": 202},
        {"body": b"data: {\n\n", "headers": {"Content-Type": "text/event-stream"}},
        {"body": b"data: " + b"x" * 3_000_000, "headers": {"Content-Type": "text/event-stream"}},
    ],
    ids=lambda odd: str(odd)[:40],
)
async def test_an_invalid_answer_fails_only_its_own_call(
    server: McpHttpServer, found: Tool, odd: dict[str, Any]
) -> None:
    server.odd = odd
    with pytest.raises(ToolFailed):
        await ask(found)
    assert await ask(found) == "found 2"


async def test_a_token_and_headers_are_sent_and_never_shown(
    server: McpHttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_TOKEN", "s3cret")
    server.token = "s3cret"
    with server, structlog.testing.capture_logs() as log:
        (tool,) = await asyncio.to_thread(
            mcp_tools, server.url, token="${LAB_TOKEN}", headers={"X-Team": "lab ${LAB_TOKEN}"}
        )
        assert await ask(tool) == "found 1"
        await close(tool)
    assert {seen.get("X-Team") or seen.get("x-team") for seen in server.seen} == {"lab s3cret"}
    assert "s3cret" not in str(log)
    with pytest.raises(AppError, match="token needs the environment variable NO_SUCH_TOKEN: set it"):
        mcp_tools(server.url, token="${NO_SUCH_TOKEN}")


async def test_a_server_that_wants_a_token_says_so_in_the_log(server: McpHttpServer) -> None:
    server.token = "s3cret"
    with server, structlog.testing.capture_logs() as log:
        await asyncio.to_thread(mcp_tools, server.url)
    (entry,) = [each for each in log if each["event"] == "mcp.away"]
    assert entry["problem"] == "it answers 401: give mcp_tools its token= or headers="


async def test_a_server_that_comes_back_brings_its_tools_without_a_restart(
    server: McpHttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestra.agents.mcp.server._FIRST_RETRY_S", 0.05)
    with server:
        pass  # it has a port, and is away
    tools = await asyncio.to_thread(mcp_tools, server.url)
    app = app_of(tools)
    check_app(app, "lab:app")
    assert "find_it" not in app.tools
    with pytest.raises(ToolFailed, match="These tools are away right now"):
        await ask(tools[0])
    with server:
        async with asyncio.timeout(20):
            while "find_it" not in app.tools:  # noqa: ASYNC110 - a thread finds it
                await asyncio.sleep(0.02)
        assert await ask(app.tools["find_it"]) == "found 1"
        assert [tool.name for tool in app.tools_of(app.agents[0])] == ["find_it", "end_call"]
        await close(app.tools["find_it"])


async def test_the_tools_of_a_server_that_was_known_are_there_while_it_is_away(server: McpHttpServer) -> None:
    with server:
        await asyncio.to_thread(mcp_tools, server.url)
    tools = await asyncio.to_thread(mcp_tools, server.url, only=["find-it"])
    assert [tool.name for tool in tools] == ["find_it"]
    with pytest.raises(ToolFailed, match="find_it is away right now"):
        await ask(tools[0])
    await close(tools[0])


async def test_a_caller_hears_that_a_tool_is_away_and_all_others_work(bus: TestBus, server: McpHttpServer) -> None:
    with server:
        await asyncio.to_thread(mcp_tools, server.url)
    tools = await asyncio.to_thread(mcp_tools, server.url)

    def decide(prompt: PromptRequested) -> object:
        return [call_of("find_it")] if last(prompt).startswith("user") else last(prompt)

    async with Line(bus, decide, app=team(Parcels(), tools=tools)).running() as line:
        await line.say("where is my parcel")
        server.__enter__()
        await line.say("and now, where is my parcel")
        server.__exit__()
    away, back = await line.events(ToolCompleted)
    assert away.failed
    assert "find_it is away right now: nothing was done" in away.result
    assert back.result == "found 1"
    assert not any(turn.failed for turn in await line.events(TurnCompleted))


@pytest.mark.parametrize("server", ["", "ftp://lab.example/mcp", "lab-server", (), ("npx", 7)])
def test_an_invalid_server_address_is_refused_with_the_cure(server: Any) -> None:
    with pytest.raises(AppError, match="mcp_tools: server"):
        mcp_tools(server)


async def test_a_slow_start_does_not_count_as_the_tools_time(bus: TestBus) -> None:
    tools = await tools_of("slow", timeout_s=0.5)
    completed = await run_tool(Line(bus, lambda _: "", app=team(Parcels(), tools=tools)), "told")
    assert (completed.failed, completed.result) == (False, "one\ntwo")


async def test_a_server_that_never_answers_a_call_has_the_tools_time_and_no_more(bus: TestBus) -> None:
    tools = await tools_of("plain", timeout_s=0.5)
    line = Line(bus, lambda _: "", app=team(Parcels(), tools=tools))
    completed = await run_tool(line, "told", '{"kind":"mute"}')
    assert completed.result == "told took longer than 0.5 s; its outcome is not known."


def test_doctor_names_the_servers_of_tools_that_are_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lab.py").write_text(
        "from orchestra import Agent, App, mcp_tools\n"
        "tools = mcp_tools('http://127.0.0.1:9/mcp')\n"
        "app = App(name='lab', agents=(Agent(name='lab', about='it', prompt='Help.', tools=tools),), entry='lab')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "lab", raising=False)
    app, _languages, away = app_and_tool_servers(Settings(app="lab:app", data_dir=tmp_path))
    assert (app.ok, app.detail) == (True, "lab:app, 1 agent, 2 tools")
    assert (away.what, away.ok) == ("tools of http://127.0.0.1:9/mcp", False)
    assert away.detail.startswith(
        "away: it cannot be reached (ConnectError); its tools cannot be used until it is back"
    )
    (missing,) = app_and_tool_servers(Settings(app="nowhere:app", data_dir=tmp_path))
    assert (missing.ok, "there is no module 'nowhere'" in missing.detail) == (False, True)


def test_the_list_is_kept_for_its_owner_only(server: McpHttpServer, data_dir: Path) -> None:
    with server:
        mcp_tools(server.url)
    (kept,) = (data_dir / "data" / "mcp").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
