"""Puts chosen events into the queues of their endpoints, from which they are delivered.

journal ─▶ batch ─▶ redacted ─▶ queue of crm ───▶ POST ─▶ 2xx: the next of the call
                       │            └─ not received: later, for three days, then a dead letter
                       └────▶ queue of billing ─▶ …        (in Redis: the journal goes on and can be trimmed)
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import structlog
from redis.exceptions import RedisError

from orchestra.async_tasks import cancel_and_wait
from orchestra.bus import Bus, Consumer, Entry, Refusal, keys
from orchestra.bus.redis.reply import text
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import RejectedError, SettingError
from orchestra.telemetry.redaction import Redaction, redaction_of
from orchestra.webhooks.delivery import EndpointDelivery
from orchestra.webhooks.endpoint_status import EndpointStatus
from orchestra.webhooks.endpoints import load_endpoints
from orchestra.webhooks.http_post import TIMEOUT_S, HttpPost
from orchestra.webhooks.message import Message, message_of
from orchestra.webhooks.queue import GROUP, Addressed, EndpointQueue, add_messages, app_key, until_answered

_LOG = structlog.get_logger("orchestra.webhooks")

_STATUS_S = 1.0
#: events that say which app has a call
TELL_APP = frozenset({"call.started", "app.changed"})


class Webhooks:
    """The handlers of the group ``webhooks``; a request takes at most ``timeout_s`` seconds."""

    _bus: Bus
    _redaction: Redaction | None
    _deliveries: list[EndpointDelivery]
    _wanted: frozenset[str]
    _filtered: bool

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        # an endpoint gets what happens from now on, not a day of calls when it is set up
        self.consumer = Consumer(GROUP, start="now")
        self.consumer.lifespan(self.opened)
        self.consumer.on_partition(self.partition_changed)
        self.consumer.on_batch(pending=False)(self.queue_events)
        self._queues: dict[int, list[EndpointQueue]] = {}
        self._running: dict[int, list[asyncio.Task[None]]] = {}
        self._locks: dict[int, asyncio.Lock] = {}
        self._cancelled: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def opened(self, bus: Bus) -> AsyncIterator[None]:
        """Keep the connections to the endpoints open; what waits for them stays in Redis."""
        settings = bus.settings
        endpoints = load_endpoints(settings)
        if not endpoints:
            msg = "there are no webhooks to deliver: name a file with their endpoints in ORCHESTRA_WEBHOOKS"
            raise SettingError(msg)
        self._bus, self._redaction, self._deliveries = bus, redaction_of(settings), []
        posts = [HttpPost(each.url, private=settings.webhooks_private, timeout_s=self._timeout_s) for each in endpoints]
        for endpoint, post in zip(endpoints, posts, strict=True):
            status = EndpointStatus(bus, endpoint.name)
            await until_answered(status.read)  # the server may go as we come
            self._deliveries.append(EndpointDelivery(endpoint, post, status, settings.lag_alarm_s))
        for each in endpoints:
            if each.unknown_events:
                _LOG.warning("webhooks.unknown_events", endpoint=each.name, types=each.unknown_events)
        self._wanted = frozenset[str]().union(*(each.events for each in endpoints))
        self._filtered = any(each.apps for each in endpoints)
        self._set_metrics()
        writing = asyncio.create_task(self._keep_statuses(), name="webhooks: status")
        try:
            yield
        finally:
            for partition in list(self._running):
                self.partition_changed(partition, False)
            await asyncio.gather(*self._cancelled, return_exceptions=True)
            await cancel_and_wait(writing)
            await self._write_statuses()
            for post in posts:
                await post.close()

    def partition_changed(self, partition: int, mine: bool) -> None:
        """Deliver what waits on a partition of ours, and no longer on one that goes."""
        self._cancelled = [task for task in self._cancelled if not task.done()]
        for task in self._running.pop(partition, []):
            task.cancel()
            self._cancelled.append(task)
        self._queues.pop(partition, None)
        if not mine:
            return
        queues = [EndpointQueue(self._bus, partition, each.endpoint.name) for each in self._deliveries]
        self._queues[partition] = queues
        self._running[partition] = [
            asyncio.create_task(each.run(queue), name=f"webhooks: {queue.endpoint}, {partition}")
            for each, queue in zip(self._deliveries, queues, strict=True)
        ]

    async def queue_events(self, entries: list[Entry]) -> list[Refusal]:
        """Add a batch to the queues of its endpoints; returns the entries that cannot be sent."""
        partition = entries[0].partition
        async with self._locks.setdefault(partition, asyncio.Lock()):  # the batches of a partition, in their order
            refused: list[Refusal] = []
            messages: list[Addressed] = []
            apps = await until_answered(lambda: self._known_apps(entries)) if self._filtered else {}
            changed: dict[str, str] = {}
            for entry in entries:
                if entry.type not in self._wanted and not (self._filtered and entry.type in TELL_APP):
                    continue
                try:
                    message, header = message_of(entry, self._redaction, SYSTEM_CLOCK.time())
                except RejectedError as error:
                    refused.append(Refusal(entry, error))
                    continue
                if header.app and entry.type in TELL_APP:
                    apps[entry.call] = changed[entry.call] = header.app
                messages += self._addressed(entry, message, header.app or apps.get(entry.call, ""))
            await until_answered(lambda: self._store(partition, messages, changed, entries[-1]))
        for queue in self._queues.get(partition, ()) if messages else ():
            queue.changed.set()
        return refused

    def _addressed(self, entry: Entry, message: Message, app: str) -> Iterator[Addressed]:
        stream_id = entry.stream_id if entry.stream == keys.JOURNAL else ""  # a dead letter is sent again
        for each in self._deliveries:
            if each.endpoint.wants(entry.type, app) and not each.status.stopped:
                yield Addressed(each.endpoint.name, entry.call, stream_id, message)

    async def _store(self, partition: int, messages: list[Addressed], apps: dict[str, str], last: Entry) -> None:
        connection = self._bus.connection(partition)
        if apps:
            kept_s = self._bus.settings.session_ttl_s
            await connection.calls([("SET", app_key(call), app, "EX", kept_s) for call, app in apps.items()])
        if messages:
            position = last.stream_id if last.stream == keys.JOURNAL else ""
            await add_messages(self._bus, partition, messages, position, SYSTEM_CLOCK.time())

    async def _known_apps(self, entries: list[Entry]) -> dict[str, str]:
        """The apps that had the calls of a batch before it."""
        calls = list(dict.fromkeys(entry.call for entry in entries if entry.type in self._wanted))
        partition = entries[0].partition
        found = await self._bus.connection(partition).calls([("GET", app_key(call)) for call in calls])
        return {call: text(app) for call, app in zip(calls, found, strict=True) if app}

    async def _keep_statuses(self) -> None:
        while True:
            await asyncio.sleep(_STATUS_S)
            await self._write_statuses()

    async def _write_statuses(self) -> None:
        for each in self._deliveries:
            try:
                await each.status.write()
            except RedisError as error:  # what has changed is stored the next time
                _LOG.debug("webhooks.redis", endpoint=each.endpoint.name, error=repr(error))

    def _set_metrics(self) -> None:
        def total(name: str) -> float:
            return float(sum(getattr(each.status, name) for each in self._deliveries))

        self.consumer.counters = {
            "orchestra_webhooks_delivered_total": ("messages that were received", lambda: total("delivered")),
            "orchestra_webhooks_failed_total": ("attempts that were not received", lambda: total("failed")),
            "orchestra_webhooks_given_up_total": ("messages that became dead letters", lambda: total("given_up")),
        }
        self.consumer.gauges = {
            "orchestra_webhooks_waiting_calls": (
                "calls with messages that wait for an endpoint",
                lambda: float(sum(queue.size for queues in self._queues.values() for queue in queues)),
            ),
            "orchestra_webhooks_endpoints_away": (
                "endpoints that do not answer, or are stopped",
                lambda: float(sum(bool(each.health.away or each.status.stopped) for each in self._deliveries)),
            ),
        }
