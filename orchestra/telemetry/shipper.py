"""Combines the rows of many batches into few requests, by size and time, with several requests in flight.

ship(rows) ──┐                       ┌─ stored ──────────────────────────────▶ done
ship(rows) ──┼─ by stream ─ request ─┼─ busy, no connection ─ wait longer ─ again (for ever; nothing is dropped)
ship(rows) ──┘  ≤ 2,000 rows         ├─ denied ─ say so, wait 30 s ─ again
                ≤ 0.2 s              ├─ accepted, not counted ─ again, five times, then as refused
                                     └─ refused ─ bisected, down to the row that is at fault ──▶ refused
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from orchestra.bus.backoff import Backoff
from orchestra.telemetry.openobserve import Outcome, Verdict
from orchestra.telemetry.rows import Row

_LOG = structlog.get_logger("orchestra.telemetry")

_SAY_EVERY_S = 10.0


class Sink(Protocol):
    """The destination of rows."""

    async def insert(self, stream: str, rows: Sequence[Row]) -> Verdict:
        """Send rows of one stream and return the verdict."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a request is sent, and how long to wait after a failure.

    A request has at most ``rows`` rows or about ``bytes`` bytes of JSON, and is sent after at most ``wait_s`` seconds
    (``wait_alone_s`` for a single row). At most ``in_flight`` requests run at a time. The first ``losses`` answers that
    count nothing are blamed on the server, further ones on the rows. Rows that wait for more than ``alarm_s`` seconds
    are logged as an error.
    """

    rows: int = 2000
    bytes: int = 2_000_000
    wait_s: float = 0.2
    wait_alone_s: float = 0.01
    in_flight: int = 4
    first_backoff_s: float = 0.1
    longest_backoff_s: float = 5.0
    denied_s: float = 30.0
    losses: int = 5
    alarm_s: float = 600.0


@dataclass(slots=True)
class _Shipment:
    """The rows of one call of `Shipper.ship`: how many are left, and the indexes of those that were refused."""

    left: int
    begun: float
    done: "asyncio.Future[None]"
    refused: dict[int, str] = field(default_factory=dict)

    def settle(self, count: int) -> None:
        self.left -= count
        if self.left == 0 and not self.done.done():
            self.done.set_result(None)


@dataclass(frozen=True, slots=True)
class _Segment:
    """Rows of one shipment that belong to one stream, with their indexes in the shipment."""

    shipment: _Shipment
    rows: list[Row]
    indexes: list[int]

    def split(self, at: int) -> "tuple[_Segment, _Segment]":
        head = _Segment(self.shipment, self.rows[:at], self.indexes[:at])
        return head, _Segment(self.shipment, self.rows[at:], self.indexes[at:])


@dataclass(slots=True)
class _Waiting:
    """Rows that wait for one stream; they are sent at ``due`` (monotonic), even if they are few."""

    segments: deque[_Segment] = field(default_factory=deque)
    rows: int = 0
    bytes: int = 0
    due: float = 0.0


class Shipper:
    """Ships rows to a `Sink`, and gives up only rows that the sink refuses."""

    def __init__(self, sink: Sink, limits: Limits | None = None) -> None:
        self.shipped = 0
        self.refused = 0
        self.failures = 0
        self._sink = sink
        self._limits = limits or Limits()
        self._waiting: dict[str, _Waiting] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._begun: dict[int, float] = {}
        self._said = float("-inf")
        self._troubled = False

    def oldest_s(self) -> float:
        """How long the oldest rows have been waiting, in seconds; 0 if there are none."""
        return time.monotonic() - min(self._begun.values()) if self._begun else 0.0

    async def ship(self, rows: Sequence[Row]) -> dict[int, str]:
        """Return when every row is stored or refused: the index of each refused one, with the server's words."""
        if not rows:
            return {}
        shipment = _Shipment(len(rows), time.monotonic(), self._loop.create_future())
        self._begun[id(shipment)] = shipment.begun
        streams: dict[str, _Segment] = {}
        for index, row in enumerate(rows):
            segment = streams.get(row.stream)
            if segment is None:
                segment = streams[row.stream] = _Segment(shipment, [], [])
            segment.rows.append(row)
            segment.indexes.append(index)
        for stream, segment in streams.items():
            self._wait(stream, segment)
        self._pump()
        try:
            await shipment.done
        finally:
            del self._begun[id(shipment)]
        return shipment.refused

    async def close(self) -> None:
        """Drop what is in flight; the tasks that wait for it have been cancelled before."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- combining

    def _wait(self, stream: str, segment: _Segment) -> None:
        waiting = self._waiting.setdefault(stream, _Waiting())
        # a single row was pending at a worker that died: its successors may be held back until it is stored
        wait_s = self._limits.wait_s if segment.shipment.left > 1 else self._limits.wait_alone_s
        due = self._loop.time() + wait_s
        waiting.due = min(waiting.due, due) if waiting.segments else due
        waiting.segments.append(segment)
        waiting.rows += len(segment.rows)
        waiting.bytes += sum(len(row.rest) for row in segment.rows)

    def _pump(self) -> None:
        """Send what is full or due, while another request may run."""
        now, next_due = self._loop.time(), float("inf")
        for stream, waiting in list(self._waiting.items()):
            while waiting.segments and len(self._tasks) < self._limits.in_flight:
                if waiting.rows < self._limits.rows and waiting.bytes < self._limits.bytes and waiting.due > now:
                    next_due = min(next_due, waiting.due)
                    break
                self._send(stream, self._take(waiting))
                waiting.due = now + self._limits.wait_s
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if next_due != float("inf"):
            self._timer = self._loop.call_at(next_due, self._pump)

    def _take(self, waiting: _Waiting) -> list[_Segment]:
        taken, rows, size = [], 0, 0
        while waiting.segments and rows < self._limits.rows and size < self._limits.bytes:
            segment = waiting.segments.popleft()
            if rows + len(segment.rows) > self._limits.rows:
                segment, rest = segment.split(self._limits.rows - rows)
                waiting.segments.appendleft(rest)
            rows += len(segment.rows)
            size += sum(len(row.rest) for row in segment.rows)
            taken.append(segment)
        waiting.rows -= rows
        waiting.bytes -= size
        return taken

    def _send(self, stream: str, segments: list[_Segment]) -> None:
        task = self._loop.create_task(self._deliver(stream, segments))
        self._tasks.add(task)

        def sent(_: object) -> None:
            self._tasks.discard(task)
            if task.cancelled():
                return
            error = task.exception()
            if error is not None:  # the handler that waits for these rows runs again
                for segment in segments:
                    if not segment.shipment.done.done():
                        segment.shipment.done.set_exception(error)
            self._pump()

        task.add_done_callback(sent)

    # -- delivery

    async def _deliver(self, stream: str, segments: list[_Segment]) -> None:
        limits, losses = self._limits, 0
        backoff = Backoff(limits.first_backoff_s, limits.longest_backoff_s)
        while True:
            segments = [segment for segment in segments if not segment.shipment.done.done()]
            rows = [row for segment in segments for row in segment.rows]
            if not rows:
                return
            verdict = await self._sink.insert(stream, rows)
            if verdict.outcome is Outcome.STORED:
                self._stored(segments, len(rows))
                return
            self.failures += 1
            losses += verdict.outcome is Outcome.LOST
            if verdict.outcome is Outcome.REFUSED or losses > limits.losses:
                await self._refused(stream, segments, len(rows), verdict)
                return
            self._say(stream, verdict)
            await asyncio.sleep(limits.denied_s if verdict.outcome is Outcome.DENIED else backoff.next_s())

    def _stored(self, segments: list[_Segment], count: int) -> None:
        self.shipped += count
        for segment in segments:
            segment.shipment.settle(len(segment.rows))
        if self._troubled:
            self._troubled = False
            _LOG.info("shipping.recovered", waiting_s=round(self.oldest_s(), 1))

    async def _refused(self, stream: str, segments: list[_Segment], count: int, verdict: Verdict) -> None:
        if count == 1:
            (segment,) = segments
            self.refused += 1
            segment.shipment.refused[segment.indexes[0]] = verdict.words
            segment.shipment.settle(1)
            return
        for half in _halves(segments, count // 2):
            await self._deliver(stream, half)

    def _say(self, stream: str, verdict: Verdict) -> None:
        """Log a failure, but not at every attempt."""
        now = time.monotonic()
        if now - self._said < _SAY_EVERY_S and self._troubled:
            return
        self._said, self._troubled, age = now, True, round(self.oldest_s(), 1)
        if verdict.outcome is Outcome.DENIED:
            _LOG.error(
                "shipping.stopped", stream=stream, answer=verdict.words, oldest_s=age,
                cure="OpenObserve refuses us: set ORCHESTRA_OPENOBSERVE_URL, _ORG, _USER and _PASSWORD or _TOKEN right"
                " and start this worker again, or let its user in; nothing is dropped meanwhile",
            )  # fmt: skip
        elif age > self._limits.alarm_s:
            _LOG.error("shipping.behind", stream=stream, answer=verdict.words, oldest_s=age)
        else:
            _LOG.warning("shipping.waits", stream=stream, answer=verdict.words, oldest_s=age)


def _halves(segments: list[_Segment], at: int) -> tuple[list[_Segment], list[_Segment]]:
    """Split after the first ``at`` rows."""
    head: list[_Segment] = []
    rest = deque(segments)
    while at:
        segment = rest.popleft()
        if len(segment.rows) > at:
            segment, left = segment.split(at)
            rest.appendleft(left)
        head.append(segment)
        at -= len(segment.rows)
    return head, list(rest)
