"""The process of an edge: its socket, its server, and its end."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from functools import partial

import structlog
import uvicorn
from fastapi import FastAPI

from orchestra.app_phrases import EdgeLines
from orchestra.bus import Bus
from orchestra.bus.redis.server_checks import check_server
from orchestra.bus.worker.process import tune_gc
from orchestra.child_process import on_one_core
from orchestra.errors import SettingError
from orchestra.settings import Settings
from orchestra.voice.carriers.registry import open_carriers
from orchestra.voice.edge.app_reload import reload_on_sighup
from orchestra.voice.edge.connections import Config, raise_open_files
from orchestra.voice.edge.drain import drain
from orchestra.voice.edge.edge import open_edge
from orchestra.voice.edge.http import create_app
from orchestra.voice.engines import load_engines

_LOG = structlog.get_logger("orchestra.voice")

_BACKLOG = 128
#: carriers that press the extension of a person's number
_PRESS_EXTENSIONS = ("twilio",)


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers: the edge ends its calls first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket to listen on; ``port`` 0 takes a free one. Several edges of this machine may serve a ``shared`` port.

    A shared socket listens only once it is served: earlier connections would wait for this edge while others are ready.

    Raises:
        SettingError: the address cannot be used.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
        if not shared:
            listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        cure = "end what runs there, or set ORCHESTRA_HOST or ORCHESTRA_PORT"
        msg = f"the edge cannot listen on {host}:{port} ({error.strerror}): {cure}"
        raise SettingError(msg) from None
    listener.setblocking(False)
    return listener


@contextlib.asynccontextmanager
async def serving(app: FastAPI, listener: socket.socket, **limits: float) -> AsyncIterator[uvicorn.Server]:
    """Serve the application on this socket for as long as the block runs; ``limits`` as in `Config`."""
    server = _Server(Config(app, **limits))
    task = asyncio.create_task(server.serve(sockets=[listener]), name="edge server")
    try:
        while not server.started:
            if task.done():
                task.result()
                msg = "the edge's server ended at start"
                raise RuntimeError(msg)
            await asyncio.sleep(0.005)
        yield server
    finally:
        server.should_exit = True
        await task


async def run_edge(settings: Settings, lines: EdgeLines) -> None:
    """Run an edge until SIGTERM or SIGINT. Then it takes no more calls, gives the running ones time to end, and exits.

    On SIGHUP it loads the app again.

    Raises:
        UsageError: the operator must change something: an address in use, no server, a missing setting, extra or model.

    """
    if lines.extensions and settings.carrier not in _PRESS_EXTENSIONS:
        msg = (
            f"ORCHESTRA_CARRIER is {settings.carrier!r}, which cannot press the extension of {lines.extensions[0]}: "
            f"give a number without one, or use {' or '.join(_PRESS_EXTENSIONS)}"
        )
        raise SettingError(msg)
    for carrier in open_carriers(settings):
        carrier.check_settings()  # before anything slow
    raise_open_files()
    listener = listen(settings.host, settings.port, shared=settings.share_port)
    settings = settings.model_copy(update={"port": listener.getsockname()[1]})
    with contextlib.closing(listener):
        bus = await Bus.connect(settings)
        try:
            await check_server(bus)
            with on_one_core():
                engines = await load_engines(settings)
            edge = open_edge(settings, bus, engines, lines)
            tune_gc()
            async with serving(create_app(edge), listener) as server:
                _LOG.info("edge.ready", url=edge.public_url, engines=engines.name, max_calls=settings.max_calls)
                with reload_on_sighup(edge):
                    await _until_signalled()
                await drain(edge, server, partial(listen, settings.host, settings.port, shared=True))
            await engines.close()
        finally:
            await bus.close()
    _LOG.info("edge.stopped")


async def _until_signalled() -> None:
    loop = asyncio.get_running_loop()
    signalled = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled.set)
    await signalled.wait()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)  # a second signal ends the process at once
