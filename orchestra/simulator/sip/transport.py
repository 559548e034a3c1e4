"""The sockets of a SIP telephone, UDP and TCP (RFC 3261 §18)."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import NamedTuple

from orchestra.errors import RejectedError
from orchestra.simulator.sip.messages import Request, Response, parse_message, split_stream

_RECEIVED_AT_ONCE = 65_536


class Source(NamedTuple):
    """Whence a message came: its transport and address, and how to answer there."""

    transport: str
    host: str
    port: int
    reply: Callable[[bytes], None]


OnMessage = Callable[[Request | Response, Source], None]
OnNoise = Callable[[str], None]


class Transport(asyncio.DatagramProtocol):
    """Sends and receives whole messages on one port, by UDP and by TCP.

    Args:
        on_message: is given each message.
        on_noise: is told of what was none.

    """

    def __init__(self, on_message: OnMessage, on_noise: OnNoise) -> None:
        self._on_message, self._on_noise = on_message, on_noise
        self.host, self.port = "", 0
        self._udp: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._streams: dict[tuple[str, int], asyncio.StreamWriter] = {}
        self._reading: set[asyncio.Task[None]] = set()

    async def open(self, host: str, port: int = 0) -> None:
        """Listen on this port; 0: on any that is free for both."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._server = await asyncio.start_server(self._accepted, host, port, family=family)
        self.host, self.port = self._server.sockets[0].getsockname()[:2]
        self._udp, _ = await loop.create_datagram_endpoint(lambda: self, (self.host, self.port))

    async def close(self) -> None:
        """Close all sockets."""
        if self._udp is not None:
            self._udp.close()
        if self._server is not None:
            self._server.close()
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)

    async def send(self, data: bytes, host: str, port: int, transport: str) -> None:
        """Send a message there.

        Raises:
            OSError: nobody takes the connection.

        """
        if transport == "udp":
            assert self._udp is not None
            self._udp.sendto(data, (host, port))
            return
        if (host, port) not in self._streams:
            self._keep(*await asyncio.open_connection(host, port))
        self._streams[host, port].write(data)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take a datagram; those without a word keep a NAT open."""
        if not data.strip(b"\r\n\0"):
            return

        def reply(answer: bytes) -> None:
            assert self._udp is not None
            self._udp.sendto(answer, addr)

        self._take(data, Source("udp", addr[0], addr[1], reply))

    def error_received(self, exc: Exception) -> None:
        """The other end's port is closed: its silence shows that as well."""

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._keep(reader, writer)

    def _keep(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = writer.get_extra_info("peername")[:2]
        self._streams[host, port] = writer
        task = asyncio.create_task(self._read(reader, writer, Source("tcp", host, port, writer.write)))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: Source) -> None:
        buffer = bytearray()
        try:
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(_RECEIVED_AT_ONCE):
                    buffer += data
                    for message in split_stream(buffer):
                        self._take(message, source)
        except RejectedError as error:
            self._on_noise(str(error))
        finally:
            self._streams.pop((source.host, source.port), None)
            writer.close()

    def _take(self, data: bytes, source: Source) -> None:
        try:
            message = parse_message(data)
        except RejectedError as error:
            self._on_noise(str(error))
        else:
            self._on_message(message, source)
