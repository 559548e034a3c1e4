"""Consoles for tests: within the test, or with a server of their own, with an operator of each role."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI

from orchestra.clock import SYSTEM_CLOCK, Clock
from orchestra.console.console import Console
from orchestra.console.server import create_app
from orchestra.settings import Settings
from orchestra.web_server.server import listen, serving

#: the tokens of the operators "reader", "operator" and "admin", by their roles
TOKENS = {role: f"{role}-".ljust(40, "0") for role in ("read", "operate", "admin")}
NAMES = {"read": "reader", "operate": "operator", "admin": "admin"}


def as_operator(role: str) -> dict[str, str]:
    """The headers of a program with this role."""
    return {"Authorization": f"Bearer {TOKENS[role]}"}


def token_file(folder: Path) -> Path:
    """A file with the tokens of all three."""
    file = folder / "console-tokens"
    file.write_text("".join(f"{NAMES[role]}:{role}:{token}\n" for role, token in TOKENS.items()))
    return file


def console_settings(settings: Settings) -> Settings:
    """These settings, with the three operators."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return settings.model_copy(update={"console_tokens": token_file(settings.data_dir), "console_port": 0})


@dataclass(frozen=True)
class RunningConsole:
    """A console that runs, and a client of it that nobody has signed in; ``http.base_url`` is where browsers go."""

    console: Console
    app: FastAPI
    http: httpx.AsyncClient

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return str(self.http.base_url).rstrip("/")


@asynccontextmanager
async def console_app(settings: Settings, *, clock: Clock = SYSTEM_CLOCK) -> AsyncIterator[RunningConsole]:
    """A console within this test, for requests that end; ``settings`` as `console_settings` has them."""
    console = Console(settings, clock)
    app = create_app(console)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http,
    ):
        await _connected(console)
        yield RunningConsole(console, app, http)


@asynccontextmanager
async def serving_console(settings: Settings) -> AsyncIterator[RunningConsole]:
    """A console with its own server on a free port, for browsers, streams and WebSockets."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    console = Console(settings.model_copy(update={"console_port": port}))
    app = create_app(console)
    async with (
        serving(app, listener),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        await _connected(console)
        try:
            yield RunningConsole(console, app, http)
        finally:
            app.state.streams.end_all()


async def _connected(console: Console) -> None:
    """Wait for Redis, if there is one."""
    if console.settings.redis_url is not None:
        async with asyncio.timeout(20):
            while await console.redis_problem():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
