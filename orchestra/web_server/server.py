"""A socket and a server for a web application of this process."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from fastapi import FastAPI

from orchestra.errors import SettingError
from orchestra.web_server.connections import LONGEST_MESSAGE, REQUEST_WITHIN_S, Config

_BACKLOG = 128


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers: the process ends what it serves first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def listen(
    host: str,
    port: int,
    *,
    shared: bool = False,
    server: str = "the edge",
    settings: str = "ORCHESTRA_HOST or ORCHESTRA_PORT",
) -> socket.socket:
    """A socket to listen on; ``port`` 0 takes a free one. Several servers of this machine may serve a ``shared`` port.

    A shared socket listens only once it is served: earlier connections would wait for this server while others are
    ready. The error names the ``server`` and the ``settings`` that move it.

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
        msg = f"{server} cannot listen on {host}:{port} ({error.strerror}): end what runs there, or set {settings}"
        raise SettingError(msg) from None
    listener.setblocking(False)
    return listener


@contextlib.asynccontextmanager
async def serving(
    app: FastAPI,
    listener: socket.socket,
    *,
    request_within_s: float = REQUEST_WITHIN_S,
    longest_message: int = LONGEST_MESSAGE,
) -> AsyncIterator[uvicorn.Server]:
    """Serve the application on this socket for as long as the block runs; limits as in `Config`."""
    server = _Server(Config(app, request_within_s, longest_message))
    task = asyncio.create_task(server.serve(sockets=[listener]), name="web server")
    try:
        while not server.started:
            if task.done():
                task.result()
                msg = "the web server ended at start"
                raise RuntimeError(msg)
            await asyncio.sleep(0.005)
        yield server
    finally:
        server.should_exit = True
        await task
