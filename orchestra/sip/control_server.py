"""The gateway's HTTP: calls that the edges have it place, ``/healthz`` and ``/metrics``."""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import structlog
from prometheus_client.core import Metric

from orchestra.errors import CarrierError, RejectedError, SettingError
from orchestra.prometheus_page import CONTENT_TYPE, counter, gauge, page
from orchestra.settings import Settings
from orchestra.storage.secrets import sip_token

if TYPE_CHECKING:
    from orchestra.sip.gateway import Gateway

_LOG = structlog.get_logger("orchestra.sip")

_REQUEST_WITHIN_S = 15.0
_LONGEST_BODY = 4_096


class PlaceRequest(msgspec.Struct, frozen=True):
    """``{"call": "07-…", "to": "+15550001"}``."""

    call: str
    to: str


class ControlServer:
    """A small HTTP server. Whoever asks for a call must have the token that gateway and edges share."""

    def __init__(self, gateway: "Gateway", settings: Settings) -> None:
        self._gateway = gateway
        self._expected = f"Bearer {sip_token(settings)}".encode()
        self._url = urlsplit(settings.sip_url)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            SettingError: the address cannot be used.

        """
        try:
            self._server = await asyncio.start_server(self._serve, self._url.hostname, self._url.port or 80)
        except (OSError, ValueError) as error:
            msg = f"the SIP gateway cannot listen at {self._url.geturl()}: {error}: set ORCHESTRA_SIP_URL"
            raise SettingError(msg) from None

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_REQUEST_WITHIN_S):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                size = _size(fields.get("content-length", "0"))
                body = await reader.readexactly(size) if size <= _LONGEST_BODY else b""
                words = [*head[0].split(" "), "", ""]
                status, kind, content = await self._answer(words[0], words[1], fields, body)
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
                    "Connection: close\r\n\r\n".encode()
                    + content
                )
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _answer(self, method: str, path: str, fields: dict[str, str], body: bytes) -> tuple[str, str, bytes]:
        if (method, path) == ("POST", "/calls"):
            return await self._place(fields, body)
        if path == "/healthz":
            edges = await self._gateway.edges.answering()
            status = "draining" if self._gateway.draining else "ok" if edges else "no edge answers"
            said = {
                "status": status,
                "calls": len(self._gateway.calls),
                "registered": self._gateway.registered,
                "edges": edges,
            }
            return "200 OK", "application/json", msgspec.json.encode(said)
        if path == "/metrics":
            return "200 OK", CONTENT_TYPE, page(self._metrics())
        return "404 Not Found", "text/plain", b"/calls, /healthz or /metrics\n"

    async def _place(self, fields: dict[str, str], body: bytes) -> tuple[str, str, bytes]:
        if not secrets.compare_digest(fields.get("authorization", "").encode(), self._expected):
            return _json("401 Unauthorized", {"error": "the token of the SIP gateway is needed"})
        try:
            asked = msgspec.json.decode(body, type=PlaceRequest)
            placed = await self._gateway.place(asked.call, asked.to)
        except (msgspec.DecodeError, RejectedError, SettingError) as error:
            return _json("422 Unprocessable Entity", {"error": str(error)})
        except CarrierError as error:
            return _json("502 Bad Gateway", {"error": str(error)})
        return _json("201 Created", {"provider_call": placed})

    def _metrics(self) -> Iterator[Metric]:
        gateway = self._gateway
        dropped = gateway.filter.dropped if gateway.filter is not None else 0
        yield gauge("orchestra_sip_calls", "Calls that are running.", ({}, len(gateway.calls)))
        yield gauge("orchestra_sip_calls_limit", "Most calls at a time.", ({}, gateway.settings.sip_max_calls))
        yield gauge("orchestra_sip_draining", "1 when no new calls are taken.", ({}, gateway.draining))
        yield gauge("orchestra_sip_registered", "1 while the registrar has us.", ({}, gateway.registered))
        yield gauge(
            "orchestra_sip_send_queue_seconds",
            "The longest queue of audio that waits to be sent, in one call.",
            ({}, gateway.delay.worst_ms / 1000),
        )
        yield counter("orchestra_sip_send_queue_renewed_total", "Queues that were renewed.", ({}, gateway.delay.mended))
        yield counter("orchestra_sip_calls_begun_total", "Calls that were taken or placed.", ({}, gateway.begun))
        yield counter("orchestra_sip_calls_refused_total", "Calls that were answered busy.", ({}, gateway.refused))
        yield counter("orchestra_sip_packets_dropped_total", "Packets of addresses that may not call.", ({}, dropped))
        yield counter(
            "orchestra_sip_edges_away_total", "Questions that no edge has answered.", ({}, gateway.edges.away)
        )


def _size(length: str) -> int:
    """The size of a body by its header; more than is read if that is no number."""
    plain = length.isascii() and length.isdecimal() and len(length) <= len(str(_LONGEST_BODY))
    return int(length) if plain else _LONGEST_BODY + 1


def _json(status: str, content: dict[str, str]) -> tuple[str, str, bytes]:
    return status, "application/json", msgspec.json.encode(content)
