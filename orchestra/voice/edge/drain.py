"""Graceful drain: an edge that stops takes no new calls, and answers the carrier's questions about the running ones.

::

    SIGTERM   other edges take the port and the new calls          drain_s            the last calls are released
    edge 1    |---- running calls continue ---------------------------|------------------------------------| exit
    edge 2    |---- takes new calls, resumes those whose stream broke ---------------------------------------------

Behind a proxy, edges have a port each. Then an edge says first that it will stop (``/readyz``), and takes calls until
the proxy has noticed it.

If no other edge takes calls, because all of them stop, the port is kept: a call whose stream breaks comes back here,
and new callers get the busy tone.
"""

import asyncio
import socket
from collections.abc import Callable

import httpx
import structlog
import uvicorn

from orchestra.errors import SettingError
from orchestra.voice.edge.edge import Edge

_LOG = structlog.get_logger("orchestra.voice")

#: how often a port that was given up is checked for an edge that answers, and one that was kept, in seconds
_LEFT_LOOK_EVERY_S = 0.2
_LOOK_EVERY_S = 1.0
_ANSWER_WITHIN_S = 1.0
#: requests that arrived before the port was closed are answered for this long, in seconds
_LAST_REQUESTS_WITHIN_S = 1.0
_LAST_REQUESTS_LOOK_S = 0.01
_TOLD_WITHIN_S = 0.3
#: the kernel chooses which edge a connection reaches: this many attempts find one that takes calls if there is one
_PROBES = 12


class SharedPort:
    """An edge's port, which other edges may serve, too.

    Args:
        server: this edge's server.
        url: where the edges are reached on this machine.
        listen: opens the port again; raises SettingError if that is not possible.

    Attributes:
        left: it is given up to the other edges.

    """

    def __init__(self, server: uvicorn.Server, url: str, listen: Callable[[], socket.socket]) -> None:
        self._server = server
        self._url = url
        self._listen = listen
        self.left = False

    async def check(self) -> None:
        """Give the port up to an edge that takes calls; take it back if no edge answers."""
        takes_calls, answers = await self._others()
        if not self.left and takes_calls:
            stop_listening(self._server)
            self.left = True
        elif self.left and not answers:
            await self._take_back()
        elif self.left:
            close_idle(self._server)

    async def watch(self) -> None:
        """`check` regularly, until cancelled."""
        while True:
            await asyncio.sleep(_LEFT_LOOK_EVERY_S if self.left else _LOOK_EVERY_S)
            await self.check()

    async def _others(self) -> tuple[bool, bool]:
        """Whether an edge takes calls at the port, and whether any edge answers there."""
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(timeout=_ANSWER_WITHIN_S, limits=limits, trust_env=False) as http:
            for _ in range(1 if self.left else _PROBES):
                try:
                    answer = await http.get(f"{self._url}/healthz")
                except httpx.ConnectError:
                    return False, False
                except httpx.TransportError:
                    continue  # an edge is there, but busy or stopping
                if answer.status_code == httpx.codes.OK and answer.json().get("status") == "ok":
                    return True, True
        return False, True

    async def _take_back(self) -> None:
        try:
            listener = self._listen()
        except SettingError as error:
            _LOG.warning("edge.port_lost", error=str(error))
            return
        server = self._server

        def protocol() -> asyncio.Protocol:
            return server.config.http_protocol_class(  # type: ignore[call-arg]
                config=server.config, server_state=server.server_state, app_state=server.lifespan.state
            )

        server.servers.append(await asyncio.get_running_loop().create_server(protocol, sock=listener))
        self.left = False
        _LOG.info("edge.port_taken_back", url=self._url)


def stop_listening(server: uvicorn.Server) -> None:
    """Accept no more connections; those that were accepted get an answer to their request."""
    for listening in server.servers:
        listening.close()
    server.servers.clear()
    close_idle(server)


def close_idle(server: uvicorn.Server) -> None:
    """Close the HTTP connections whose request was answered: a proxy's would bring the next call to this edge."""
    for connection in list(server.server_state.connections):
        # one without a cycle yet is about to send its request, or is a WebSocket
        if getattr(connection, "cycle", None) is not None:
            connection.shutdown()


async def drain(edge: Edge, server: uvicorn.Server, listen: Callable[[], socket.socket]) -> None:
    """End the calls of this edge, after the time that the settings give them. ``listen`` as in `SharedPort`."""
    settings, calls = edge.settings, edge.admission
    if not settings.share_port:
        calls.ending = True
        await asyncio.sleep(settings.stop_notice_s)
        _LOG.info("edge.draining", calls=len(calls), for_s=settings.drain_s)
        await calls.drain(settings.drain_s)
        await _end_late_calls(edge, server)
        return
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    port = SharedPort(server, f"http://{host}:{settings.port}", listen)
    calls.ending = True
    # a supervisor that stops signals all edges: each must see that of the others before it gives the port up to them
    await asyncio.sleep(_TOLD_WITHIN_S)
    await port.check()
    _LOG.info("edge.draining", calls=len(calls), for_s=settings.drain_s, port="left" if port.left else "kept")
    looking = asyncio.create_task(port.watch(), name="shared port")
    try:
        await calls.drain(settings.drain_s, elsewhere=lambda: port.left)
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    await _end_late_calls(edge, server)


async def _end_late_calls(edge: Edge, server: uvicorn.Server) -> None:
    """Stop listening, and drain once more: a call may have come back since the last one ended."""
    stop_listening(server)
    deadline = asyncio.get_running_loop().time() + _LAST_REQUESTS_WITHIN_S
    while _is_answering(edge, server) and asyncio.get_running_loop().time() < deadline:
        close_idle(server)
        await asyncio.sleep(_LAST_REQUESTS_LOOK_S)
    # the port is closed, so the carrier cannot come back to this edge
    await edge.admission.drain(edge.settings.drain_s, elsewhere=lambda: True)


def _is_answering(edge: Edge, server: uvicorn.Server) -> bool:
    """Whether a connection has yet to send its request, to get its answer, or to say whose stream it is."""
    return bool(edge.pending) or any(hasattr(each, "cycle") for each in server.server_state.connections)
