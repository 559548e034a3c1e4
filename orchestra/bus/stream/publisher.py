"""Publishes from outside a handler: never blocks, buffers while Redis is away, and never stores an event twice."""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable

import structlog
from redis.exceptions import RedisError

from orchestra.bus import keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.redis.address import Address
from orchestra.bus.redis.connection import Argument, RedisConnection, Reply, pack
from orchestra.bus.redis.refusal import Outage, cause_of, describe_error
from orchestra.bus.redis.scripts import PUBLISH, PUBLISH_ANYWAY
from orchestra.bus.sealing import Sealing
from orchestra.bus.stream.encode import EncodedEvent, encode_event, fill_header
from orchestra.clock import SYSTEM_CLOCK
from orchestra.version import package_version
from orchestra_schemas import Event

#: how long the server remembers the number of a call's last event, seconds
NUMBERS_KEPT_S = 24 * 3600
#: claims a call for good: it is over
CLOSED = 1_000_000
_BATCH = 200
#: what was stored in the last so many seconds before a connection was lost, the server of the next one may lack: a
#: master without its replicas accepts writes for ten seconds more (the default of min-replicas-max-lag)
_MAY_BE_LOST_S = 15.0
#: and later than this after it was stored, in seconds, it is not sent again; far less than `NUMBERS_KEPT_S`
_SENT_AGAIN_WITHIN_S = 3600.0
_LOG = structlog.get_logger("orchestra.bus")

#: its number, and the number by which this producer claims the call; "": it claims none
_Numbered = tuple[int, EncodedEvent, int | str]


class Publisher:
    """Numbers the events of one producer per call and sends them in batches, in order.

    A batch without an answer is sent again under the same numbers, and the server skips the events that it has. So
    the journal events that were stored last are sent again, too, over a new connection: its server may have taken the
    place of another one, and lack them. While
    Redis is away, up to ``capacity`` events of a partition wait. Beyond that, media events are dropped, oldest first,
    and counted in ``dropped``. Journal events are never dropped.
    """

    def __init__(
        self,
        source: str,
        connection_of: Callable[[int], RedisConnection],
        *,
        capacity: int = 10_000,
        version: str = "",
        sealing: Sealing | None = None,
    ) -> None:
        self.source = source
        self.version = version or package_version()
        self.dropped = 0
        # unique: an edge that restarts under its old name begins to number at 1 again, and must not be skipped as known
        self._producer = f"{source}-{os.urandom(3).hex()}"
        self._connection_of = connection_of
        self._sealing = sealing
        self._capacity = capacity
        self._numbers: dict[str, int] = {}
        self._versions: dict[str, str] = {}
        self._claims: dict[str, int] = {}
        self._waiting: dict[int, deque[_Numbered]] = {}
        self._sending: dict[int, list[_Numbered]] = {}
        self._recent: dict[int, deque[tuple[float, _Numbered]]] = {}  # stored events, and when, on the monotonic clock
        self._again_sent: dict[int, list[_Numbered]] = {}  # those of them that go before the batch of a partition
        self._connections: dict[int, tuple[Address | None, int]] = {}  # over which a partition was sent last
        self._sent_at: dict[int, float] = {}  # when the batch of a partition was first sent, on the monotonic clock
        self._scheduled: set[int] = set()
        self._retries: set[asyncio.Task[None]] = set()
        self._flushes: list[tuple[dict[int, int], asyncio.Future[None]]] = []
        self._accepted: dict[int, int] = {}
        self._media: dict[int, int] = {}
        self._stored: dict[int, int] = {}
        self._away: set[int] = set()
        self._outage = Outage()
        self._is_full = False
        self._closing = False
        #: when the last outage ended, on the monotonic clock, in seconds; -inf before one
        self.recovered_at = float("-inf")
        self._backoff: dict[int, Backoff] = {}

    @property
    def buffered(self) -> int:
        """Events that are not confirmed yet."""
        return sum(map(len, self._waiting.values())) + sum(map(len, self._sending.values()))

    @property
    def connected(self) -> bool:
        """Whether the last batch was accepted by the server, or by every server of a cluster."""
        return not self._away

    @property
    def unanswered_s(self) -> float:
        """For how many seconds a batch has been waiting for its answer; 0 if none is on its way."""
        return time.monotonic() - min(self._sent_at.values()) if self._sent_at else 0.0

    def publish(self, event: Event, *, even_if_replaced: bool = False) -> Event:
        """Fill in the event's header and send it in the event loop's next step; returns it as it will be stored.

        An event of the journal about a call that this producer has claimed is dropped by the server if another one has
        the call by then, unless it is ``even_if_replaced``: what it tells is true whoever has the call.
        """
        partition = keys.partition_of(event.call)
        number = self._numbers[event.call] = self._numbers.get(event.call, 0) + 1
        event_id = f"{event.call}:{self._producer}.{number}"
        version = self._versions.get(event.call, self.version) if self._versions else self.version
        event = fill_header(event, event_id, SYSTEM_CLOCK.time(), self.source, event.cause, version=version)
        queue = self._waiting.get(partition)
        if queue is None:
            queue = self._waiting[partition] = deque()
        encoded = encode_event(event, self._sealing)
        claim = "" if even_if_replaced or encoded.stream == keys.MEDIA else self._claims.get(event.call, "")
        queue.append((number, encoded, claim))
        if encoded.stream == keys.MEDIA:
            self._media[partition] = self._media.get(partition, 0) + 1
        self._accepted[partition] = self._accepted.get(partition, 0) + 1
        if len(queue) > self._capacity and self._media.get(partition):
            self._drop_media(partition, queue)
        if partition not in self._sending and partition not in self._scheduled:
            # not now: events published in the same step of the event loop go in one batch
            self._scheduled.add(partition)
            asyncio.get_running_loop().call_soon(self._send, partition)
        return event

    def use_version(self, call: str, version: str) -> None:
        """From now on the events of this call have this version, until it is forgotten."""
        self._versions[call] = version

    def claim(self, call: str, number: int) -> None:
        """From now on events of this call are published for as long as no other producer has a larger number.

        A process that was cut off may not know that its call goes on elsewhere. What it has to say about the call once
        it is back would be believed: that a sentence was heard, or that the call is over.
        """
        self._claims[call] = number

    def release(self, call: str, number: int) -> None:
        """Claim the call by this number no more; a larger one, of its next stream, holds."""
        if self._claims.get(call, number) <= number:
            self._claims.pop(call, None)

    def forget(self, call: str) -> None:
        """Forget the number and the version of a call that is over, and claim it no more."""
        self._claims.pop(call, None)
        self._numbers.pop(call, None)
        self._versions.pop(call, None)

    def _drop_media(self, partition: int, queue: deque[_Numbered]) -> None:
        for index, (_, encoded, _) in enumerate(queue):
            if encoded.stream == keys.MEDIA:
                del queue[index]
                self.dropped += 1
                self._media[partition] -= 1
                self._stored[partition] = self._stored.get(partition, 0) + 1
                return

    def _drop_all_media(self, partition: int) -> None:
        queue = self._waiting[partition]
        kept = deque(each for each in queue if each[1].stream != keys.MEDIA)
        dropped = len(queue) - len(kept)
        self._waiting[partition], self._media[partition] = kept, 0
        self.dropped += dropped
        self._stored[partition] = self._stored.get(partition, 0) + dropped

    def _send(self, partition: int) -> None:
        self._scheduled.discard(partition)
        queue = self._waiting.get(partition)
        if not queue or partition in self._sending:  # one batch of a partition at a time, or order would be lost
            return
        batch = self._sending[partition] = [queue.popleft() for _ in range(min(_BATCH, len(queue)))]
        if self._media.get(partition):
            self._media[partition] -= sum(encoded.stream == keys.MEDIA for _, encoded, _ in batch)
        self._sent_at[partition] = time.monotonic()
        self._transmit(partition)

    def _transmit(self, partition: int) -> None:
        connection = self._connection_of(partition)
        if not connection.connected:
            self._retry(partition)
            return
        self._send_over(connection, partition)

    def _send_over(self, connection: RedisConnection, partition: int) -> None:
        over = connection.address, connection.client_id
        if self._connections.setdefault(partition, over) != over:
            self._connections[partition] = over
            since = time.monotonic() - _SENT_AGAIN_WITHIN_S
            self._again_sent[partition] = [each for at, each in self._recent.get(partition, ()) if at > since]
        connection.send(self._command(partition), lambda reply: self._answered(partition, reply))

    def _command(self, partition: int) -> bytes:
        calls: dict[str, int] = {}
        events: list[Argument] = []
        for number, encoded, claim in (*self._again_sent.get(partition, ()), *self._sending[partition]):
            key_index = calls.setdefault(encoded.call, len(calls) + 4)
            fields = encoded.fields()
            stream = 2 if encoded.stream == keys.MEDIA else 1
            events += (f"{stream} {claim}" if claim != "" else stream, key_index, number, len(fields))
            events += fields
        names = [keys.key(partition, keys.JOURNAL), keys.key(partition, keys.MEDIA), keys.tombstones_key(partition)]
        names += [keys.key(partition, "numbers", call) for call in calls]
        script = PUBLISH_ANYWAY if self._closing else PUBLISH
        return pack(("EVALSHA", script.sha, len(names), *names, self._producer, NUMBERS_KEPT_S, *events))

    def _answered(self, partition: int, reply: Reply) -> None:
        if isinstance(reply, RedisError):
            self._unreachable(partition, reply)
            self._retry(partition)
            return
        if self._away:
            self._away.discard(partition)
            if not self._away:
                _LOG.info("publisher.recovered", source=self.source, buffered=self.buffered, dropped=self.dropped)
                self.recovered_at = time.monotonic()
                self._outage.reset()
        self._backoff.pop(partition, None)
        done = self._sending.pop(partition)
        self._again_sent.pop(partition, None)
        self._remember(partition, done)
        self._sent_at.pop(partition, None)
        self._stored[partition] = self._stored.get(partition, 0) + len(done)
        self._settle_flushes()
        self._send(partition)

    def _remember(self, partition: int, stored: list[_Numbered]) -> None:
        recent, now = self._recent.setdefault(partition, deque()), time.monotonic()
        while recent and recent[0][0] < now - _MAY_BE_LOST_S:
            recent.popleft()
        recent += ((now, each) for each in stored if each[1].stream != keys.MEDIA)

    def _retry(self, partition: int) -> None:
        task = asyncio.get_running_loop().create_task(self._again(partition))
        self._retries.add(task)
        task.add_done_callback(self._retries.discard)

    async def _again(self, partition: int) -> None:
        backoff = self._backoff.setdefault(partition, Backoff())
        connection = self._connection_of(partition)
        while True:
            if backoff.tries:
                await backoff.wait()
            backoff.tries = max(1, backoff.tries)
            try:
                await connection.open()
            except RedisError as error:
                self._unreachable(partition, error)
            else:
                break
        self._send_over(connection, partition)

    def _unreachable(self, partition: int, error: RedisError) -> None:
        self._is_full = cause_of(str(error)) == "OOM"
        if self._outage.should_log(error):
            _LOG.warning("publisher.waiting", source=self.source, error=describe_error(error), buffered=self.buffered)
        self._away.add(partition)

    def _settle_flushes(self) -> None:
        still = []
        for goal, done in self._flushes:
            if all(self._stored.get(partition, 0) >= count for partition, count in goal.items()):
                if not done.done():
                    done.set_result(None)
            else:
                still.append((goal, done))
        self._flushes = still

    async def flush(self, timeout_s: float | None = None) -> None:
        """Wait until everything published so far is stored in Redis.

        Raises:
            TimeoutError: it was not within ``timeout_s`` seconds.

        """
        goal = dict(self._accepted)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flushes.append((goal, done))
        self._settle_flushes()
        async with asyncio.timeout(timeout_s):
            await done

    async def close(self, timeout_s: float = 5.0) -> None:
        """Flush for at most ``timeout_s`` seconds and stop; events that are left then are lost, which is logged.

        Journal events that are left are sent even to a server whose memory is full; media events are not.
        """
        self._closing = True
        if self._is_full and self._away:
            for partition in self._waiting:
                self._drop_all_media(partition)
        try:
            await self.flush(timeout_s)
        except TimeoutError:
            _LOG.error("publisher.lost", source=self.source, events=self.buffered)
        for task in list(self._retries):
            task.cancel()
        await asyncio.gather(*self._retries, return_exceptions=True)
