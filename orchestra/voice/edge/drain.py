"""How an edge ends: it takes no new calls, and the carrier's questions about the running ones are answered to the last.

::

    SIGTERM   port left to the others, who take the new calls      drain_s            the last calls are handed over
    edge 1    |---- running calls go on ------------------------------|------------------------------------| exit
    edge 2    |---- takes new calls, and those whose stream broke -------------------------------------------------

Where there is no other edge that takes calls, because all of them end, the port is not left: a call whose stream breaks
comes back here, and whoever rings is told that the line is busy.
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

#: how often it is looked whether anybody answers at a port that was left, and who at one that was not, in seconds
_LEFT_LOOK_EVERY_S = 0.2
_LOOK_EVERY_S = 1.0
_ANSWER_WITHIN_S = 1.0
_TOLD_WITHIN_S = 0.3
#: which edge a connection reaches is the kernel's choice: so many find one that takes calls where there is one
_PROBES = 12


class SharedPort:
    """The port of an edge that other edges may serve too.

    Args:
        server: this edge's server.
        url: where the edges are reached on this machine.
        listen: opens the port once more; raises SettingError where that cannot be.

    Attributes:
        left: the others have it.

    """

    def __init__(self, server: uvicorn.Server, url: str, listen: Callable[[], socket.socket]) -> None:
        self._server = server
        self._url = url
        self._listen = listen
        self.left = False

    async def check(self) -> None:
        """Leave the port to an edge that takes calls; take it back where nobody answers at all."""
        takes_calls, answers = await self._others()
        if not self.left and takes_calls:
            self._leave()
        elif self.left and not answers:
            await self._take_back()

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_LEFT_LOOK_EVERY_S if self.left else _LOOK_EVERY_S)
            await self.check()

    async def _others(self) -> tuple[bool, bool]:
        """Whether an edge takes calls at the port, and whether anybody answers there."""
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(timeout=_ANSWER_WITHIN_S, limits=limits, trust_env=False) as http:
            for _ in range(1 if self.left else _PROBES):
                try:
                    answer = await http.get(f"{self._url}/healthz")
                except httpx.ConnectError:
                    return False, False
                except httpx.TransportError:
                    continue  # somebody is there, and busy or about to end
                if answer.status_code == httpx.codes.OK and answer.json().get("status") == "ok":
                    return True, True
        return False, True

    def _leave(self) -> None:
        for listening in self._server.servers:
            listening.close()
        self._server.servers.clear()
        for connection in list(self._server.server_state.connections):
            # a proxy's idle connection would bring the next call here; a stream, which has no cycle, goes on
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
    """End the calls of this edge: for so long as is set they may end by themselves. ``listen`` as in `SharedPort`."""
    settings, calls = edge.settings, edge.admission
    if not settings.share_port:
        _LOG.info("edge.draining", calls=len(calls), for_s=settings.drain_s)
        await calls.drain(settings.drain_s)
        return
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    port = SharedPort(server, f"http://{host}:{settings.port}", listen)
    calls.ending = True
    # a supervisor that ends tells all edges: each must know it of the others before one leaves the port to them
    await asyncio.sleep(_TOLD_WITHIN_S)
    await port.check()
    _LOG.info("edge.draining", calls=len(calls), for_s=settings.drain_s, port="left" if port.left else "kept")
    looking = asyncio.create_task(port.watch(), name="shared port")
    try:
        await calls.drain(settings.drain_s, elsewhere=lambda: port.left)
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
