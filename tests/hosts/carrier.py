"""The carrier's side of the network: it reaches the edges under one address, and notices when one is gone."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

#: how long an edge may take to accept a connection, and to acknowledge what was sent to it, in seconds: a load balancer
#: has such limits, and a carrier has them for its media streams
_ACCEPTS_WITHIN_S, _GONE_AFTER_S = 1.0, 2.5

Place = tuple[str, int]


class Balancer:
    """Passes each connection on to one of several places, in turn, leaving out those that do not accept it."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = list(places)
        self._turn = count()
        self._open: set[asyncio.Task[None]] = set()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it or the place is gone."""
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._pass_on(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # one of the two has gone: that is all that the other one gets to know, too
        finally:
            self._open.discard(task)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await self._connect()
        try:
            tasks = [
                asyncio.ensure_future(_copy(reader, there_writer)),
                asyncio.ensure_future(_copy(there_reader, writer)),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            there_writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        first = next(self._turn)
        for index in range(len(self.places)):
            host, port = self.places[(first + index) % len(self.places)]
            with contextlib.suppress(OSError):
                async with asyncio.timeout(_ACCEPTS_WITHIN_S):
                    found = await asyncio.open_connection(host, port)
                there: socket.socket = found[1].get_extra_info("socket")
                there.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(_GONE_AFTER_S * 1000))
                return found
        msg = f"none of {self.places} accepts a connection"
        raise ConnectionRefusedError(msg)

    async def close(self) -> None:
        """End every connection."""
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def balanced(port: int, *places: Place) -> AsyncIterator[Balancer]:
    """These places under one port of the host on which this process is."""
    balancer = Balancer(places)
    server = await asyncio.start_server(balancer.pass_on, "0.0.0.0", port)
    try:
        yield balancer
    finally:
        server.close()
        await balancer.close()
