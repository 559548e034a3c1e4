"""The HTTP server of a worker: ``/healthz`` for a supervisor, ``/metrics`` in Prometheus's text format."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence

import structlog
from prometheus_client.core import Metric
from redis.exceptions import RedisError

from orchestra.bus.bus import Bus, GroupStatus
from orchestra.bus.redis.memory import ServerMemory
from orchestra.bus.worker.presence import Report
from orchestra.bus.worker.runtime import ConsumerRuntime
from orchestra.prometheus_page import CONTENT_TYPE, Labels, counter, gauge, histogram, page

_LOG = structlog.get_logger("orchestra.bus")
_SILENT_S = 5.0
_REQUEST_S = 5.0


class Health:
    """A small HTTP server that reports on the consumers of a process. If ``port`` is 0, it becomes a free one."""

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
            problems = self.problems()
            if not problems:
                return "200 OK", "text/plain", b"ok\n"
            return "503 Service Unavailable", "text/plain", problems.encode()
        if path == "/metrics":
            return "200 OK", CONTENT_TYPE, (await self.metrics()).encode()
        return "404 Not Found", "text/plain", b"/healthz or /metrics\n"

    def problems(self) -> str:
        """What keeps this worker from working, a line each; empty if it works."""
        now = asyncio.get_running_loop().time()
        return "".join(
            f"{runtime.consumer.name}: no contact with Redis for {now - runtime.rebalancer.last_contact:.0f} s"
            f"{runtime.rebalancer.last_error and ': '}{runtime.rebalancer.last_error}\n"
            for runtime in self._runtimes
            if now - runtime.rebalancer.last_contact > _SILENT_S
        )

    def report(self) -> Report:
        """What this worker tells the other processes of itself."""
        handlers = [
            handler
            for runtime in self._runtimes
            for handler in {id(each): each for each in runtime.consumer.all_handlers()}.values()
        ]
        return Report(
            groups=tuple(runtime.consumer.name for runtime in self._runtimes),
            problems=tuple(self.problems().splitlines()),
            apps=tuple(dict.fromkeys(app for runtime in self._runtimes for app in runtime.consumer.apps)),
            load={
                "partitions": sum(len(runtime.rebalancer.owned) for runtime in self._runtimes),
                "handled": sum(handler.handled for handler in handlers),
                "failed": sum(handler.failed for handler in handlers),
                "dead": sum(handler.dead for handler in handlers),
                "missing": sum(runtime.missing for runtime in self._runtimes),
            },
        )

    async def metrics(self) -> str:
        """All metrics as Prometheus reads them."""
        return page([*self._counted(), *[metric async for metric in self._of_groups()]]).decode()

    def _counted(self) -> Iterator[Metric]:
        handlers = [
            ({"group": runtime.consumer.name, "handler": handler.name}, handler)
            for runtime in self._runtimes
            for handler in {id(each): each for each in runtime.consumer.all_handlers()}.values()
        ]
        groups = [({"group": runtime.consumer.name}, runtime) for runtime in self._runtimes]
        yield counter(
            "orchestra_events_handled_total", "events finished by a handler",
            *((labels, handler.handled) for labels, handler in handlers),
        )  # fmt: skip
        yield counter(
            "orchestra_attempts_failed_total", "deliveries whose handler raised or took too long",
            *((labels, handler.failed) for labels, handler in handlers),
        )  # fmt: skip
        yield counter(
            "orchestra_events_dead_total", "events given up to the dead letters",
            *((labels, handler.dead) for labels, handler in handlers),
        )  # fmt: skip
        yield counter(
            "orchestra_handler_seconds_total", "seconds spent in a handler, waiting included",
            *((labels, handler.seconds) for labels, handler in handlers),
        )  # fmt: skip
        yield histogram(
            "orchestra_handler_duration_seconds", "time of one run of a handler, waiting included; a batch is one run",
            *((labels, handler.durations()) for labels, handler in handlers),
        )  # fmt: skip
        yield gauge(
            "orchestra_partitions_owned", "partitions that this worker owns",
            *((labels, len(runtime.rebalancer.owned)) for labels, runtime in groups),
        )  # fmt: skip
        yield counter(
            "orchestra_partitions_lost_total", "leases that this worker has lost to another",
            *((labels, runtime.rebalancer.lost) for labels, runtime in groups),
        )  # fmt: skip
        yield counter(
            "orchestra_events_missing_total", "entries removed before the group had read them",
            *((labels, runtime.missing) for labels, runtime in groups),
        )  # fmt: skip
        yield from _own(gauge, [(labels, runtime.consumer.gauges) for labels, runtime in groups])
        yield from _own(counter, [(labels, runtime.consumer.counters) for labels, runtime in groups])

    async def _of_groups(self) -> AsyncIterator[Metric]:
        """What Redis knows of the groups; without samples while it is away."""
        owned = {(each.consumer.name, partition) for each in self._runtimes for partition in each.rebalancer.owned}
        groups: list[tuple[Labels, GroupStatus]] = []
        memory = ServerMemory()
        with contextlib.suppress(RedisError):
            memory = await self._bus.memory()
        known: list[tuple[Labels, ServerMemory]] = [({}, memory)] if memory.limit else []
        yield gauge(
            "orchestra_redis_memory_bytes", "memory that the Redis server uses, in a cluster the fullest one",
            *((labels, each.used) for labels, each in known),
        )  # fmt: skip
        yield gauge(
            "orchestra_redis_memory_limit_bytes", "its maxmemory, or without one its machine's memory",
            *((labels, each.limit) for labels, each in known),
        )  # fmt: skip
        with contextlib.suppress(RedisError):  # the page still has what this process knows
            groups = [
                ({"group": each.group, "partition": str(each.partition)}, each)
                for each in await self._bus.groups()
                if (each.group, each.partition) in owned
            ]
        yield gauge(
            "orchestra_group_lag", "entries of the owned partitions that the group has not read",
            *((labels, status.lag) for labels, status in groups if status.lag is not None),
        )  # fmt: skip
        yield gauge(
            "orchestra_group_pending", "entries of the owned partitions that are taken and unfinished",
            *((labels, status.pending) for labels, status in groups),
        )  # fmt: skip
        yield gauge(
            "orchestra_group_dead", "dead letters of the owned partitions",
            *((labels, status.dead) for labels, status in groups),
        )  # fmt: skip


def _own(
    kind: Callable[..., Metric], consumers: Iterable[tuple[Labels, dict[str, tuple[str, Callable[[], float]]]]]
) -> Iterator[Metric]:
    """The metrics that consumers have of their own; those with one name have one help text."""
    own: dict[str, tuple[str, list[tuple[Labels, float]]]] = {}
    for labels, metrics in consumers:
        for name, (meaning, read) in metrics.items():
            own.setdefault(name, (meaning, []))[1].append((labels, read()))
    for name, (meaning, samples) in own.items():
        yield kind(name, meaning, *samples)
