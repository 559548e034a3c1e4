"""Limits on a server's connections: how long a request may take to arrive, how many may wait, how much each may hold.

::

    connected ──▶ waits ──▶ a whole request ──▶ answered ──▶ waits ──▶ …
                  │                             │
                  10 s, or too many wait        30 s in which the peer reads nothing
                  ▼                             ▼
                  closed                        closed
"""

import asyncio
import logging
import resource
from typing import Any, cast

import h11
import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from orchestra.refusal_log import Refusals
from orchestra.web_server.pending_connections import PendingConnections

_LOG = structlog.get_logger("orchestra.web_server")

REQUEST_WITHIN_S = 10.0
_TAKEN_WITHIN_S = 30.0
_CLOSED_WITHIN_S = 2.0
LONGEST_MESSAGE = 65_536
_MOST_WAITING = 512
#: carriers send each message as one fragment
_MOST_FRAGMENTS = 64

_UNFINISHED = (h11.IDLE, h11.SEND_BODY)


class Config(uvicorn.Config):
    """The settings of a server. ``longest_message``: of a WebSocket, in bytes.

    Attributes:
        pending: connections that have not sent a whole request.
        refusals: logs the connections that were closed.
        request_within_s: how long they may wait, in seconds.

    """

    def __init__(
        self, app: FastAPI, request_within_s: float = REQUEST_WITHIN_S, longest_message: int = LONGEST_MESSAGE
    ) -> None:
        super().__init__(
            app,
            http=_Http,
            ws=_WebSocket,
            log_config=None,
            access_log=False,
            # a message that is a little too long is refused with a reason; a much longer one is not read at all
            ws_max_size=2 * longest_message,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=5,
        )
        self.request_within_s = request_within_s
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        # file descriptors must be left for those that have been answered
        self.pending = PendingConnections(
            _MOST_WAITING if soft == resource.RLIM_INFINITY else min(_MOST_WAITING, soft // 4)
        )
        self.refusals = Refusals()
        logging.getLogger("uvicorn.error").addFilter(_RATE_LIMITED)


class _RateLimitedFilter(logging.Filter):
    """Logs invalid HTTP and broken WebSockets, but not every one of a thousand."""

    def __init__(self) -> None:
        super().__init__()
        self._refusals = Refusals()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR or self._refusals.due(str(record.msg)) is not None


_RATE_LIMITED = _RateLimitedFilter()


def raise_open_files() -> None:
    """Raise the limit of open files and sockets as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:
        _LOG.warning("server.open_files_limited", limit=soft, error=str(error))


class _StallTimer:
    """Closes a connection whose peer reads nothing for too long."""

    def __init__(self, config: Config, transport: asyncio.Transport) -> None:
        self._config = config
        self._transport = transport
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_TAKEN_WITHIN_S, self._close)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        reason = f"the peer took nothing for {_TAKEN_WITHIN_S:.0f} s"
        self._config.refusals.note("connection.closed", peer=_peer(self._transport), reason=reason)
        self._transport.abort()


class _StallTimeout(asyncio.Protocol):
    """A protocol of Uvicorn's that closes connections whose peer does not read."""

    _stall_timer: _StallTimer

    def pause_writing(self) -> None:
        self._stall_timer.begin()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._stall_timer.end()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stall_timer.end()
        super().connection_lost(exc)


class _Http(_StallTimeout, H11Protocol):
    """Uvicorn's HTTP protocol with a limit to the wait for a request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", transport))
        self._timer: asyncio.TimerHandle | None = None
        self._limits = cast("Config", self.config)
        self._stall_timer = _StallTimer(self._limits, self.transport)
        self._start_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state not in _UNFINISHED:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state in _UNFINISHED:
            self._start_waiting()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._stop_waiting()
        super().handle_websocket_upgrade(event)

    def _start_waiting(self) -> None:
        if self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(self._limits.request_within_s, self._close)
            self._limits.pending.add(self, lambda: self._close("others came, and it had waited longest"))

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._limits.pending.remove(self)

    def _close(self, reason: str = "") -> None:
        reason = reason or f"no whole request within {self._limits.request_within_s:.0f} s"
        self._limits.refusals.note("connection.closed", peer=_peer(self.transport), reason=reason)
        self._stop_waiting()
        self.transport.abort()


class _WebSocket(_StallTimeout, WebSocketsSansIOProtocol):
    """Uvicorn's WebSocket protocol. It buffers no pongs for a peer that does not read, and closes quickly."""

    def __init__(self, config: uvicorn.Config, *args: Any, **more: Any) -> None:
        super().__init__(config, *args, **more)
        self.close_timeout = _CLOSED_WITHIN_S

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._stall_timer = _StallTimer(cast("Config", self.config), self.transport)

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # a pong that nobody reads would stay in the buffer

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < _MOST_FRAGMENTS:
            super().handle_cont(event)
        else:
            self.transport.abort()  # empty fragments do not add to the size of a message


def _peer(transport: asyncio.Transport) -> str:
    address = transport.get_extra_info("peername")
    return str(address[0]) if isinstance(address, tuple) else ""
