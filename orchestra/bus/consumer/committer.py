"""The commits of one partition: one is on its way to Redis while the next one collects."""

import asyncio
from collections.abc import Callable, Iterable

import structlog
from redis.exceptions import RedisError, ResponseError

from orchestra.bus import keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer.delivery import Delivery, StateOperation
from orchestra.bus.consumer.position import REQUEUED, GroupPosition
from orchestra.bus.redis.connection import Argument, RedisConnection, Reply, pack
from orchestra.bus.redis.refusal import ran_in_part
from orchestra.bus.redis.scripts import COMMIT
from orchestra.bus.stream.encode import EncodedEvent
from orchestra.errors import FencedError

_LOG = structlog.get_logger("orchestra.bus")
#: how long an ack may wait for others, seconds
_QUIET_S = 0.01
#: how long a read position that skipped entries of others may wait, seconds; not when it has skipped so many
_IDLE_S, _MANY = 0.1, 200
#: an answer that is later than this many seconds counts as an outage, not as a slow handler
_OVERDUE_S = 0.25
#: Lua's `unpack` takes a limited number of arguments
_ACK_CHUNK = 1000
_STREAM_KEYS = {keys.JOURNAL: 5, keys.MEDIA: 6}
_JOURNAL, _MEDIA = b"P", b"Q"


class Committer:
    """Collects the effects of handlers and commits them, each commit by one run of the commit script.

    Exactly once rests on three things. A commit is one script, so all of it takes effect or nothing. It carries the
    lease's token, so an owner that has lost its lease changes nothing more: it is *fenced*. And it carries its number
    under the lease, so a commit whose answer was lost is simply sent again: the script ignores one that it knows.

    One commit at a time is on its way. Under load, everything that is handled meanwhile goes with the next one, so the
    commits grow by themselves and Redis runs fewer scripts. Without load, published events are committed at once (or
    within the group's linger, if it has one). Acks may wait 10 ms, because nobody waits for them, and read positions
    that skipped entries of others 100 ms; both wait no less than the linger.
    """

    def __init__(  # noqa: PLR0917 - created once a lease
        self,
        partition: int,
        group: str,
        token: str,
        connection: Callable[[], RedisConnection],
        positions: Iterable[GroupPosition],
        on_commit: Callable[[], None],
        linger_s: float = 0.0,
    ) -> None:
        self.group = group
        self.token = token
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._positions = tuple(positions)
        self._on_commit = on_commit
        #: whether what is published waits a while for more
        self.lingers = linger_s > 0
        self._linger_s = linger_s
        self._quiet_s, self._idle_s = max(_QUIET_S, linger_s), max(_IDLE_S, linger_s)
        self._sent_reads: list[int] = []
        self.progress_key = keys.key(partition, "progress", group)
        self._fixed_keys = [
            keys.key(partition, "lease", group),
            self.progress_key,
            keys.key(partition, "published", group),
            keys.key(partition, "dead", group),
            *(keys.key(partition, stream) for stream in keys.STREAMS),
            keys.key(partition, REQUEUED, group),
            keys.tombstones_key(partition),
        ]
        self._number = 0
        self._operations: list[Argument] = []
        self._state_keys: dict[str, int] = {}
        self._sent_state_keys: dict[str, int] = {}
        self._paused_until = 0.0
        #: something was published: commit when `resume` is called
        self.urgent = False
        self._handled = False
        self._unclaimed: dict[Delivery, None] = {}
        self._waiters: list[asyncio.Future[None]] = []
        self._flight: tuple[bytes, list[asyncio.Future[None]]] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._retry: asyncio.Task[None] | None = None
        self._backoff = Backoff()

    # -- what to commit

    def claim(self, delivery: Delivery) -> None:
        """Make the entry pending with its delivery count: it stays unfinished for a while."""
        self._unclaimed[delivery] = None

    def finish(self, delivery: Delivery) -> None:
        """Acknowledge the entry, if it was ever pending; a requeued dead letter is deleted with that."""
        self._unclaimed.pop(delivery, None)
        if delivery.pending or delivery.position.requeued:
            delivery.position.acks.append(delivery.raw[0])
        if delivery.may_repeat:
            self._operations += ("F", delivery.cause)

    def publish(self, encoded: EncodedEvent) -> None:
        """Publish with the next commit."""
        if encoded.audio is None and not encoded.sealed:  # the usual case has operations of its own, which are shorter
            stream = _JOURNAL if encoded.stream == keys.JOURNAL else _MEDIA
            self._operations += (stream, encoded.type, encoded.call, encoded.id, encoded.body)
        else:
            fields = encoded.fields()
            self._operations += ("G", _STREAM_KEYS[encoded.stream], "", 0, len(fields), *fields)

    def publish_unless_stored(self, encoded: EncodedEvent, cause: str, number: int) -> None:
        """Publish with the next commit unless the cause has published its ``number``-th event already."""
        fields = encoded.fields()
        self._operations += ("G", _STREAM_KEYS[encoded.stream], cause, number, len(fields), *fields)

    def dead(self, cause: str, fields: list[Argument]) -> None:
        """Add a dead letter to the next commit."""
        self._operations += ("D", cause, len(fields), *fields)

    def state(self, key: str, operations: Iterable[StateOperation]) -> None:
        """Add writes to a call's state to the next commit."""
        index = self._state_keys.setdefault(key, len(self._fixed_keys) + 1 + len(self._state_keys))
        for letter, args in operations:
            self._operations += (letter, index, *args) if letter == "E" else (letter, index, len(args), *args)

    # -- when

    def schedule(self) -> None:
        """Commit within 10 ms, or the linger if that is longer: something was handled."""
        self._handled = True
        if self._flight is None:
            self._within(self._quiet_s)

    def schedule_idle(self) -> None:
        """Commit within 100 ms, or sooner if the read position has moved far: nothing else has changed."""
        if self._flight is None:
            self._within(self._quiet_s if self.uncommitted() >= _MANY else self._idle_s)

    def _within(self, seconds: float) -> None:
        if self._timer is not None:
            if self._timer.when() <= self._loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self.send)

    def pause(self, until: float) -> None:
        """Collect until `resume`, or until this time of the event loop at the latest: more is about to come."""
        self._paused_until = until

    def resume(self) -> None:
        """Commit what was collected since `pause`."""
        self._paused_until = 0.0
        if self.urgent:
            self.send()
        else:
            self.schedule()

    def after_linger(self) -> None:
        """Commit within the linger, or at once without one: something was published."""
        if not self.lingers:
            if self._flight is not None:
                self._handled = True
                return  # the next commit is sent as soon as this one is answered
            if self._paused_until and self._paused_until > self._loop.time():
                self.urgent = True
            else:
                self.send()
        else:
            self._within(self._linger_s)

    @property
    def stalled(self) -> bool:
        """Whether the server is unreachable, or was a moment ago: a commit is sent again, or an answer is overdue."""
        connection = self._connection()
        return self._backoff.tries > 0 or not connection.connected or connection.silent_s > _OVERDUE_S

    def uncommitted(self) -> int:
        """How many entries were read that no confirmed commit covers."""
        return sum(position.read - position.confirmed for position in self._positions)

    @property
    def answered(self) -> int:
        """The number of the last commit that the server has answered; 0 for none."""
        return self._number if self._flight is None else self._number - 1

    def writes(self, key: str) -> bool:
        """Whether a write to this state hash is not committed yet."""
        return key in self._state_keys or key in self._sent_state_keys

    def flush(self) -> asyncio.Future[None]:
        """Commit now; the future ends when everything collected so far is committed.

        It ends with FencedError when another worker has taken the lease.
        """
        done = self._loop.create_future()
        if self.lost.done():
            done.set_exception(FencedError(f"the lease {self.token} is lost"))
            done.exception()  # marked as seen: not everybody waits for it
            return done
        self._waiters.append(done)
        self.send()
        return done

    def send(self) -> None:
        """Send what was collected; while a commit is under way, its answer does that."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flight is not None or self.lost.done():
            return
        self.urgent = self._handled = False
        arguments = self._arguments()
        waiters, self._waiters = self._waiters, []
        if not arguments:
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
            return
        self._number += 1
        names = [*self._fixed_keys, *self._state_keys]
        self._sent_reads = [position.to_commit[1] for position in self._positions]
        self._sent_state_keys, self._state_keys = self._state_keys, {}
        command = pack(("EVALSHA", COMMIT.sha, len(names), *names, self.token, self.group, self._number, *arguments))
        self._flight = (command, waiters)
        self._send()

    def _arguments(self) -> list[Argument]:
        arguments: list[Argument] = []
        for position in self._positions:
            if position.moved:  # positions come first: the script checks them before it changes anything
                position.sent = position.to_commit
                arguments += ("R", position.key_index, *position.sent)
        for delivery in self._unclaimed:
            arguments += ("C", delivery.position.key_index, delivery.raw[0], delivery.deliveries)
            delivery.pending = True
        self._unclaimed = {}
        arguments += self._operations
        self._operations = []
        for position in self._positions:
            for start in range(0, len(position.acks), _ACK_CHUNK):
                chunk = position.acks[start : start + _ACK_CHUNK]
                arguments += ("A", position.key_index, len(chunk), *chunk)
            position.acks = []
        return arguments

    # -- the answer

    def _send(self) -> None:
        assert self._flight is not None
        self._connection().send(self._flight[0], self._answered)

    def _answered(self, reply: Reply) -> None:
        if self._flight is None or self.lost.done():
            return
        if isinstance(reply, RedisError):
            # refused for good, or run in part, which sending it again cannot repair: only a new owner can start clean
            if isinstance(reply, ResponseError) or ran_in_part(str(reply)):
                self._refused(reply)
            else:
                self._connection().log_refusal(reply, group=self.group)
                self._retry = self._loop.create_task(self._again())
            return
        self._backoff.reset()
        _, waiters = self._flight
        self._flight = None
        self._sent_state_keys = {}
        for position, read in zip(self._positions, self._sent_reads, strict=True):
            position.confirmed = read
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        if self._waiters or (self._operations and self._timer is None):
            self.send()
        elif self._handled or self._unclaimed:
            self.schedule()
        elif any(position.moved for position in self._positions):
            self.schedule_idle()
        self._on_commit()

    def _refused(self, error: RedisError) -> None:
        if not str(error).startswith("FENCED"):
            _LOG.error("commit.refused", group=self.group, token=self.token, error=str(error))
        self.abandon()

    async def _again(self) -> None:
        """Send the same commit until it is answered. If it took effect the first time, the script knows its number."""
        while not self.lost.done():
            await self._backoff.wait()
            try:
                await self._connection().open()
            except RedisError:
                continue  # the reader reports the outage; the loss of the lease ends this loop
            self._send()
            return

    def abandon(self) -> None:
        """Commit nothing more, and let everybody who waits for a commit fail: the lease is lost."""
        if self.lost.done():
            return
        self.lost.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
        if self._retry is not None:
            self._retry.cancel()
        waiting = self._waiters + (self._flight[1] if self._flight else [])
        for waiter in waiting:
            if not waiter.done():
                waiter.set_exception(FencedError(f"the lease {self.token} is lost"))
                waiter.exception()  # marked as seen: a waiter may have gone
