"""The frame of the console: pages, errors, streams that end, and Redis that comes late."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter, FastAPI, WebSocket
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.responses import Response
from starlette.routing import BaseRoute
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from orchestra.bus import EmbeddedServer
from orchestra.console.answers import as_json
from orchestra.console.console import Console
from orchestra.console.event_stream import event_stream, message
from orchestra.console.open_streams import SIGNED_OUT, STOPPING
from orchestra.console.pages import page_files, page_paths
from orchestra.console.roles import Operator, Required, Role, requires
from orchestra.console.server import create_app
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallAccessed
from tests.console.consoles import TOKENS, RunningConsole, as_operator, console_app, console_settings, serving_console

HEAVIEST_PAGES = 300_000
#: what shows nothing of any call
OPEN_TO_ALL = {*page_paths(), "/pages/{name:path}", "/pages/report.css", "/healthz", "/metrics"}
#: pages that are drawn by the server, which sends others to the sign-in page
DRAWN = {
    "/results/comparisons/{name}",
    "/results/evaluations/{set_folder}/{name}",
    "/results/simulations/{name}",
}


def add_streams(app: FastAPI) -> None:
    """A stream and a WebSocket that never end by themselves."""
    router = APIRouter()

    async def ticks() -> AsyncIterator[bytes]:
        yield message({"said": "two\nlines"}, "tick", "7")
        await asyncio.Event().wait()

    @router.get("/api/ticks", dependencies=[requires(Role.READ)])
    async def stream() -> Response:
        return event_stream(ticks())

    @router.websocket("/api/echo")
    async def echo(socket: WebSocket, operator: Annotated[Operator, requires(Role.OPERATE)]) -> None:
        await socket.accept()
        await socket.send_text(operator.name)
        await asyncio.Event().wait()

    app.include_router(router)


def socket_url(running: RunningConsole) -> str:
    return running.url.replace("http", "ws") + "/api/echo"


async def test_a_page_is_loaded_once_and_then_only_asked_about(tmp_path: Path) -> None:
    async with console_app(console_settings(Settings(data_dir=tmp_path))) as running:
        first = await running.http.get("/sign-in")
        assert first.headers["content-type"].startswith("text/html")
        assert "script-src 'self'" in first.headers["content-security-policy"]
        assert "unsafe" not in first.headers["content-security-policy"]
        again = await running.http.get("/sign-in", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_what_is_no_page_is_said_to_be_none(tmp_path: Path) -> None:
    """In JSON to programs, as a page to browsers."""
    async with console_app(console_settings(Settings(data_dir=tmp_path))) as running:
        for path in ("/nothing", "/pages/../server.py", "/pages/%2e%2e/server.py", "/pages/", "/api/nothing"):
            answer = await running.http.get(path)
            assert (answer.status_code, list(answer.json())) == (404, ["error"])
        answer = await running.http.get("/nothing", headers={"Accept": "text/html,*/*"})
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_all_pages_together_are_light() -> None:
    assert sum(len(file.content) for file in page_files().values()) <= HEAVIEST_PAGES


async def test_what_is_long_is_sent_compressed(tmp_path: Path) -> None:
    async with console_app(console_settings(Settings(data_dir=tmp_path))) as running:

        @running.app.get("/api/long")
        async def long() -> Response:
            return as_json(["again"] * 1000)

        answer = await running.http.get("/api/long")
        assert answer.json() == ["again"] * 1000
        assert int(answer.headers["content-length"]) < 200
        page = await running.http.get("/pages/steering.js")
        assert (page.headers["content-encoding"], page.headers["vary"]) == ("gzip", "Accept-Encoding")
        plain = await running.http.get("/pages/steering.js", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert page.content == plain.content


async def test_redis_that_is_away_is_said_and_comes_back(tmp_path: Path) -> None:
    settings = console_settings(Settings(data_dir=tmp_path / "data"))
    async with console_app(settings) as running:
        async with asyncio.timeout(20):
            while "orchestra up" not in await running.console.redis_problem():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        health = await running.http.get("/api/health", headers=as_operator("read"))
        assert health.json()["redis"] is False
        assert (await running.http.get("/healthz")).json() == {"status": "ok", "redis": False}
        async with EmbeddedServer(settings.data_dir), asyncio.timeout(20):
            while await running.console.redis_problem():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            health = await running.http.get("/api/health", headers=as_operator("read"))
            assert health.json() == {"redis": True, "problem": ""}


async def test_what_needs_redis_is_answered_with_503_while_it_is_away(tmp_path: Path) -> None:
    async with console_app(console_settings(Settings(data_dir=tmp_path))) as running:

        @running.app.get("/api/needs-redis")
        async def needs() -> list[int]:
            return [running.console.bus.partitions]

        answer = await running.http.get("/api/needs-redis")
        assert (answer.status_code, answer.json()["redis"]) == (503, False)


async def test_a_section_runs_once_redis_is_there_and_again_after_it_failed(bus: TestBus) -> None:
    seen: asyncio.Queue[int] = asyncio.Queue()

    async def follow(connected: object) -> None:
        seen.put_nowait(1)
        msg = "the projection is broken"
        raise ValueError(msg)

    console = Console(bus.bus.settings)
    console.while_connected("test", follow)
    async with asyncio.timeout(10):
        await console.start()
        await seen.get()
        await seen.get()
    await console.close()


async def test_a_look_at_a_call_is_on_its_journal_and_in_the_log(bus: TestBus) -> None:
    async with console_app(console_settings(bus.bus.settings)) as running:
        call = bus.call()
        ann = Operator("ann", Role.READ)
        with capture_logs() as logs:
            running.console.audit.record(ann, "played recording", call)
            running.console.audit.record(ann, "played recording", "07-019357aa-0000-7000-8000-000000000000")
        await running.console.publisher.flush(5)
        (event,) = await bus.published(CallAccessed)
    assert (event.call, event.operator, event.action) == (call, "ann", "played recording")
    assert [(each["event"], each["operator"]) for each in logs] == [("console.audit", "ann")] * 2


async def test_streams_and_sockets_end_when_the_token_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestra.console.open_streams._CHECK_EVERY_S", 0.02)
    settings = console_settings(Settings(data_dir=tmp_path))
    assert settings.console_tokens is not None
    async with serving_console(settings) as running, asyncio.timeout(30):
        add_streams(running.app)
        socket = await connect(socket_url(running), additional_headers=as_operator("operate"))
        assert await socket.recv() == "operator"
        async with running.http.stream("GET", "/api/ticks", headers=as_operator("operate"), timeout=None) as answer:
            chunks = answer.aiter_text()
            told = ""
            while "\n\ndata" not in told and "two" not in told:
                told += await anext(chunks)
            assert 'event: tick\nid: 7\ndata: {"said":"two\\nlines"}\n\n' in told
            settings.console_tokens.write_text(f"reader:read:{TOKENS['read']}\n")
            async for _ in chunks:
                pass
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == SIGNED_OUT


async def test_a_console_that_stops_ends_what_is_open(tmp_path: Path) -> None:
    async with serving_console(console_settings(Settings(data_dir=tmp_path))) as running, asyncio.timeout(30):
        add_streams(running.app)
        socket = await connect(socket_url(running), additional_headers=as_operator("admin"))
        await socket.recv()
        running.app.state.streams.end_all()
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == STOPPING


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (as_operator("read"), 403),
        ({}, 401),
        ({**as_operator("operate"), "Origin": "https://evil.example"}, 403),
    ],
)
async def test_a_socket_of_somebody_without_rights_is_never_opened(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    async with serving_console(console_settings(Settings(data_dir=tmp_path))) as running:
        add_streams(running.app)
        with pytest.raises(InvalidStatus) as refused:
            await connect(socket_url(running), additional_headers=headers)
    assert refused.value.response.status_code == status


def every_route(routes: Iterable[BaseRoute]) -> Iterator[APIRoute | APIWebSocketRoute]:
    for route in routes:
        if isinstance(route, APIRoute | APIWebSocketRoute):
            yield route
        elif (included := getattr(route, "original_router", None)) is not None:
            yield from every_route(included.routes)


async def test_every_route_names_a_role_and_what_acts_needs_more_than_reading(tmp_path: Path) -> None:
    app = create_app(Console(console_settings(Settings(data_dir=tmp_path))))
    routes = [route for route in every_route(app.routes) if route.path not in OPEN_TO_ALL | DRAWN]
    assert routes
    for route in routes:
        roles = [each.call.role for each in route.dependant.dependencies if isinstance(each.call, Required)]
        methods = getattr(route, "methods", {"WEBSOCKET"})
        if route.path == "/api/session" and methods != {"GET"}:
            continue
        assert roles, f"{route.path} is open to everybody"
        assert methods == {"GET"} or max(roles) >= Role.OPERATE, f"{route.path} acts for readers"


async def test_a_page_that_the_server_draws_sends_strangers_to_the_sign_in_page(tmp_path: Path) -> None:
    async with console_app(console_settings(Settings(data_dir=tmp_path))) as running:
        for path in DRAWN:
            answer = await running.http.get(path)
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")


async def test_the_metrics_count_streams(tmp_path: Path) -> None:
    async with console_app(console_settings(Settings(data_dir=tmp_path))) as running:
        found = (await running.http.get("/metrics")).text
    assert 'orchestra_console_streams{kind="websocket"} 0.0' in found
    assert "orchestra_console_redis_up 0.0" in found
