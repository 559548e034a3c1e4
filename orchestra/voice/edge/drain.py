"""Graceful drain: an edge that stops takes no new calls, and answers the carrier's questions about the running ones.

::

    SIGTERM   other edges take the port and the new calls          drain_s            the last calls are released
    edge 1    |---- running calls continue ---------------------------|------------------------------------| exit
    edge 2    |---- takes new calls, resumes those whose stream broke ---------------------------------------------

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
            self._leave()
        elif self.left and not answers:
            await self._take_back()

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

    def _leave(self) -> None:
        for listening in self._server.servers:
            listening.close()
        self._server.servers.clear()
        for connection in list(self._server.server_state.connections):
            # a proxy's idle connection would bring the next call here; a WebSocket, which has no cycle, stays open
            if hasattr(connection, "cycle"):
                connection.shutdown()
        self.left = True

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


async def drain(edge: Edge, server: uvicorn.Server, listen: Callable[[], socket.socket]) -> None:
    """End the calls of this edge, after the time that the settings give them. ``listen`` as in `SharedPort`."""
    settings, calls = edge.settings, edge.admission
    if not settings.share_port:
        _LOG.info("edge.draining", calls=len(calls), for_s=settings.drain_s)
        await calls.drain(settings.drain_s)
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
