"""What a worker says of itself over HTTP: ``/healthz`` for a supervisor, ``/metrics`` in Prometheus's text format."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

import structlog
from redis.exceptions import RedisError

from orchestra.bus.bus import Bus
from orchestra.bus.worker.runtime import ConsumerRuntime

_LOG = structlog.get_logger("orchestra.bus")
_SILENT_S = 5.0
_REQUEST_S = 5.0

_METRICS = {
    "orchestra_events_handled_total": ("counter", "events finished by a handler"),
    "orchestra_attempts_failed_total": ("counter", "deliveries whose handler raised or took too long"),
    "orchestra_events_dead_total": ("counter", "events given up to the dead letters"),
    "orchestra_handler_seconds_total": ("counter", "seconds spent in a handler, waiting included"),
    "orchestra_partitions_owned": ("gauge", "partitions that this worker owns"),
    "orchestra_partitions_lost_total": ("counter", "leases that this worker has lost to another"),
    "orchestra_events_missing_total": ("counter", "entries removed before the group had read them"),
    "orchestra_group_lag": ("gauge", "entries of the owned partitions that the group has not read"),
    "orchestra_group_pending": ("gauge", "entries of the owned partitions that are taken and unfinished"),
    "orchestra_group_dead": ("gauge", "dead letters of the owned partitions"),
}

_Sample = tuple[str, dict[str, str], float]


class Health:
    """A small HTTP server beside the consumers of a process. ``port`` is the one it got, where 0 was asked for."""

    def __init__(self, bus: Bus, runtimes: Sequence[ConsumerRuntime], port: int, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, port
        self._bus = bus
        self._all_runtimes = runtimes
        self._server: asyncio.Server | None = None

    @property
    def _runtimes(self) -> list[ConsumerRuntime]:
        return [runtime for runtime in self._all_runtimes if runtime.running]

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be listened on.

        """
        self._server = await asyncio.start_server(self._answer, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_REQUEST_S):
                request = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)
                status, kind, body = await self._page(request[1].decode("latin-1") if len(request) > 1 else "")
                head = (
                    f"HTTP/1.1 {status}",
                    f"Content-Type: {kind}",
                    f"Content-Length: {len(body)}",
                    "Connection: close",
                )
                writer.write("\r\n".join((*head, "", "")).encode() + body)
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _page(self, path: str) -> tuple[str, str, bytes]:
        if path == "/healthz":
            wrong = self.wrong()
            if not wrong:
                return "200 OK", "text/plain", b"ok\n"
            return "503 Service Unavailable", "text/plain", wrong.encode()
        if path == "/metrics":
            return "200 OK", "text/plain; version=0.0.4", (await self.metrics()).encode()
        return "404 Not Found", "text/plain", b"/healthz or /metrics\n"

    def wrong(self) -> str:
        """What keeps this worker from working; empty for nothing."""
        now = asyncio.get_running_loop().time()
        return "".join(
            f"{runtime.consumer.name}: no contact with Redis for {now - runtime.rebalancer.last_contact:.0f} s"
            f"{runtime.rebalancer.last_error and ': '}{runtime.rebalancer.last_error}\n"
            for runtime in self._runtimes
            if now - runtime.rebalancer.last_contact > _SILENT_S
        )

    async def metrics(self) -> str:
        """All metrics as Prometheus reads them."""
        samples = list(self._counted())
        with contextlib.suppress(RedisError):  # what this process knows itself is told all the same
            samples += await self._of_groups()
        lines = []
        kinds = dict(_METRICS)
        for runtime in self._runtimes:
            for name, (meaning, read) in runtime.consumer.gauges.items():
                kinds[name] = ("gauge", meaning)
                samples.append((name, {"group": runtime.consumer.name}, read()))
        for name, (kind, meaning) in kinds.items():
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
            for each, labels, value in samples:
                if each == name:
                    shown = ",".join(f'{label}="{text}"' for label, text in labels.items())
                    lines.append(f"{name}{{{shown}}} {value:g}")
        return "\n".join(lines) + "\n"

    def _counted(self) -> Iterator[_Sample]:
        for runtime in self._runtimes:
            group = runtime.consumer.name
            for handler in {id(each): each for each in runtime.consumer.all_handlers()}.values():
                labels = {"group": group, "handler": handler.name}
                yield "orchestra_events_handled_total", labels, handler.handled
                yield "orchestra_attempts_failed_total", labels, handler.failed
                yield "orchestra_events_dead_total", labels, handler.dead
                yield "orchestra_handler_seconds_total", labels, handler.seconds
            yield "orchestra_partitions_owned", {"group": group}, len(runtime.rebalancer.owned)
            yield "orchestra_partitions_lost_total", {"group": group}, runtime.rebalancer.lost
            yield "orchestra_events_missing_total", {"group": group}, runtime.missing

    async def _of_groups(self) -> list[_Sample]:
        found: list[_Sample] = []
        owned = {(each.consumer.name, partition) for each in self._runtimes for partition in each.rebalancer.owned}
        for status in await self._bus.groups():
            if (status.group, status.partition) in owned:
                labels = {"group": status.group, "partition": str(status.partition)}
                if status.lag is not None:
                    found.append(("orchestra_group_lag", labels, status.lag))
                found.append(("orchestra_group_pending", labels, status.pending))
                found.append(("orchestra_group_dead", labels, status.dead))
        return found
