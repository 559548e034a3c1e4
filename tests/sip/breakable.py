"""A way to an edge that can be cut, as if the edge had been killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Breakable:
    """Passes on connections to an edge until it is cut."""

    url: str = ""
    _server: asyncio.Server | None = None
    _open: list[asyncio.StreamWriter] = field(default_factory=list)

    def cut(self) -> None:
        """All connections are gone at once, and there is nobody to connect to."""
        assert self._server is not None
        self._server.close()
        self.interrupt()

    def interrupt(self) -> None:
        """All connections are gone at once; the next ones are passed on again."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def serve(self, to: str) -> None:
        async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            parts = urlsplit(to)
            there, back = await asyncio.open_connection(parts.hostname, parts.port)
            self._open += [writer, back]
            await asyncio.gather(_pass(reader, back), _pass(there, writer))

        self._server = await asyncio.start_server(passed, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


@asynccontextmanager
async def breakable(to: str) -> AsyncIterator[Breakable]:
    made = Breakable()
    await made.serve(to)
    try:
        yield made
    finally:
        made.cut()
