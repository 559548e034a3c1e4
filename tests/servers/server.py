"""What the test servers of all vendors share: a free loopback port, a record of requests, faults."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Faults:
    """How a server misbehaves.

    Args:
        status: refuse with this HTTP status (401, 429, 500).
        slow_s: wait this long before the first audio, text or final transcript.
        drop_after: after this many content messages, cut the TCP connection without a word.
        cut: end the stream cleanly, but before its last message.
        no_alignment: audio without character times (ElevenLabs).
        times: the number of requests that fail, later ones succeed; None: all of them fail.

    """

    status: int | None = None
    slow_s: float = 0.0
    drop_after: int | None = None
    cut: bool = False
    no_alignment: bool = False
    times: int | None = None


NO_FAULTS = Faults()


@dataclass(slots=True)
class Seen:
    """One request as the server saw it, the connection it came on, and the messages it carried."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: Any = None
    peer: Any = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)

    def every(self, name: str) -> list[str]:
        """The values of a parameter that may be given several times."""
        return [value for other, value in self.pairs if other == name]


class Dropped(Exception):  # noqa: N818 - not an error: the requested fault
    """The connection was cut on purpose."""


class Fuse:
    """Cuts one connection after a number of content messages."""

    def __init__(self, request: web.Request, faults: Faults) -> None:
        self._request = request
        self._left = faults.drop_after

    async def burn(self) -> None:
        """Call before each message of content."""
        if self._left is None:
            return
        if self._left == 0:
            transport: Any = self._request.transport
            assert transport is not None
            while transport.get_write_buffer_size():  # noqa: ASYNC110 - there is no event for "all is written"
                await asyncio.sleep(0)
            transport.abort()
            raise Dropped
        self._left -= 1


class ProtocolServer:
    """An HTTP and WebSocket server on a free loopback port; use as an async context manager.

    ``seen`` holds the requests in order, ``disconnects`` counts answers that the client did not read to the end,
    and ``left`` is set at the first of them.
    """

    largest_request = 1024**2
    fixed_port = 0

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.seen: list[Seen] = []
        self.disconnects = 0
        self.left = asyncio.Event()
        self._struck = 0
        self._runner: web.AppRunner | None = None

    def routes(self) -> list[web.RouteDef]:
        """The paths that are served."""
        raise NotImplementedError

    def lose(self) -> None:
        """Count an answer that the client did not read to the end."""
        self.disconnects += 1
        self.left.set()

    @property
    def port(self) -> int:
        """The TCP port."""
        assert self._runner is not None, "the server is not running"
        port: int = self._runner.addresses[0][1]
        return port

    @property
    def url(self) -> str:
        """``http://127.0.0.1:<port>``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """``ws://127.0.0.1:<port>``."""
        return f"ws://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=self.largest_request)
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.fixed_port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def close_idle(self) -> None:
        """Close the connections that have no request in progress; returns once they are closed."""
        assert self._runner is not None
        assert self._runner.server is not None
        for connection in list(self._runner.server.connections):
            connection.close()
            if (transport := connection.transport) is not None:
                transport.close()
        while self._runner.server.connections:  # noqa: ASYNC110 - there is no event for their closing
            await asyncio.sleep(0.01)

    def admit(self, request: web.Request, body: Any = None) -> tuple[Seen, Faults]:
        """Record a request and return the faults that apply to it.

        Raises:
            web.HTTPException: the request is refused.

        """
        seen = Seen(request.path, dict(request.query), {k.lower(): v for k, v in request.headers.items()}, body)
        seen.pairs = list(request.query.items())
        seen.peer = request.transport.get_extra_info("peername") if request.transport is not None else None
        self.seen.append(seen)
        faults = self.faults
        if faults.times is not None and self._struck >= faults.times:
            faults = NO_FAULTS
        self._struck += 1
        if faults.status is not None:
            raise refused(faults.status)
        return seen, faults


def refused(status: int) -> web.HTTPException:
    """The answer with which a vendor refuses a request."""
    headers = {"Retry-After": "1"} if status == 429 else {}
    exceptions: dict[int, type[web.HTTPException]] = {
        401: web.HTTPUnauthorized,
        429: web.HTTPTooManyRequests,
        500: web.HTTPInternalServerError,
        503: web.HTTPServiceUnavailable,
    }
    return exceptions[status](
        text='{"error":{"message":"refused by the test","type":"refused"}}',
        content_type="application/json",
        headers=headers,
    )
