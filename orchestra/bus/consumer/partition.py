"""A partition that this worker owns for a group: what is taken, in which order it runs, how it ends."""

import asyncio
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from redis.exceptions import ConnectionError as LostConnectionError

from orchestra.bus import keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.consumer.backpressure import Load
from orchestra.bus.consumer.committer import Commits
from orchestra.bus.consumer.definition import Consumer, Handler, Published
from orchestra.bus.consumer.delivery import Rest, Work, attempts, resume
from orchestra.bus.consumer.position import REQUEUED, Cursor
from orchestra.bus.redis.connection import Argument, Reply, Wire
from orchestra.bus.stream.encode import Sealed, seal, stamp
from orchestra.bus.stream.entry import Raw, read_entry, text
from orchestra.errors import FencedError
from orchestra.mask import without_secrets
from orchestra.tasks import ended
from orchestra_schemas import DecodeError, Event

if TYPE_CHECKING:
    from orchestra.bus.bus import Bus

_LOG = structlog.get_logger("orchestra.bus")
#: deliveries from which on an entry is suspected of killing its worker
SUSPECT = 3


class Host(Protocol):
    """What an owned partition needs of the engine around it."""

    suspects: asyncio.Lock
    missing: int

    def watch(self, task: asyncio.Task[None]) -> None:
        """A task of ours has ended; its error, if any, is the engine's."""

    def reread(self, partition: int) -> None:
        """The partition can take more."""


class Owned:
    """One partition under a lease."""

    def __init__(self, consumer: Consumer, bus: "Bus", partition: int, token: str, host: Host) -> None:
        self.consumer = consumer
        self.bus = bus
        self.partition = partition
        self.token = token
        self.ready = False
        self.load = Load(consumer.most_unfinished, consumer.most_bytes)
        self.lanes: dict[bytes, deque[Work]] = {}
        self.running: dict[asyncio.Task[None], None] = {}
        self.cursors = {stream: Cursor(partition, stream, consumer.name) for stream in (*consumer.streams, REQUEUED)}
        self._linger_s = (bus.settings.linger_ms if consumer.linger_ms is None else consumer.linger_ms) / 1000
        self.commits = Commits(
            partition, consumer.name, token, self.wire, self.cursors.values(), self.has_room, self._linger_s
        )
        self.clock: Callable[[], float] = asyncio.get_running_loop().time
        self._host = host
        self._starved = False
        self._room = asyncio.Event()
        self._prefix = f"{partition:02d}-"
        self._group = consumer.name
        self._full = consumer.most_unfinished

    def wire(self) -> Wire:
        """The connection to the server of this partition."""
        return self.bus.wire(self.partition)

    def is_full(self) -> bool:
        """Whether to read no more for now; the host is told when there is room again."""
        self._starved = self.load.full or self.commits.beyond() >= self._full
        return self._starved

    def has_room(self) -> None:
        """Something was finished or committed."""
        if self._starved and self.load.low and self.commits.beyond() < self._full // 2:
            self._starved = False
            self._room.set()
            self._host.reread(self.partition)

    async def room(self) -> None:
        """Wait until more may be taken."""
        while self.is_full():
            self._room.clear()
            await self._room.wait()

    def tell(self, *, mine: bool) -> None:
        """Tell the consumer, if it wants to know, that the partition is its own now, or is so no longer."""
        if self.consumer.partition_changed is not None:
            self.consumer.partition_changed(self.partition, mine)

    # -- running

    def take(self, cursor: Cursor, raw: Raw, handler: Handler, call: bytes) -> tuple[Work, Rest] | None:
        """Start a new entry, or put it behind its call's running one. What is left to be awaited is returned.

        A handler that takes nothing but its event, does not wait and publishes nothing costs no object of ours.
        """
        if call in self.lanes:
            self.queue(Work(self, cursor, raw, handler, call))
            return None
        running = handler.begin_direct(raw[1]) if handler.direct and not cursor.requeued else None
        if running is None:
            work = Work(self, cursor, raw, handler, call)
            rest = self.start(work)
            return None if rest is None else (work, rest)
        try:
            first = running.send(None)
        except StopIteration as stop:
            try:
                self._publish_first(raw[1], handler, stop.value)
            except (TypeError, ValueError) as error:
                work = Work(self, cursor, raw, handler, call)
                return work, self._unfinished(work, None, error)
            handler.handled += 1
            return None
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted, retried and kept
            work = Work(self, cursor, raw, handler, call)
            return work, self._unfinished(work, None, error)
        work = Work(self, cursor, raw, handler, call)
        return work, self._unfinished(work, resume(running, first), None)

    def start(self, work: Work) -> Rest | None:
        """Run the handler until it ends or waits; what is left to be awaited is returned."""
        try:
            running = work.begin()
        except DecodeError as error:
            self.bury(work, error)
            return None
        try:
            first = running.send(None)
        except StopIteration as stop:
            try:
                self.finish(work, stop.value)
            except (TypeError, ValueError) as error:
                return self._unfinished(work, None, error)
            return None
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted, retried and kept
            return self._unfinished(work, None, error)
        return self._unfinished(work, resume(running, first), None)

    async def start_counted(self, work: Work) -> None:
        """Count this delivery in Redis before the handler runs; see the work through."""
        if work.attempt < SUSPECT:
            await self.count(work)
            rest = self.start(work)
        else:  # suspects run one at a time, so that what merely ran beside a killer is not counted again and again
            async with self._host.suspects:
                await self.count(work)
                rest = self.start(work)
                if rest is not None:
                    await rest
                return
        if rest is not None:
            await rest

    async def count(self, work: Work) -> None:
        """Pending in Redis, with this delivery counted.

        Raises:
            FencedError: the partition is another's now.

        """
        work.counted = work.attempt
        self.commits.claim(work)
        await self.commits.flush()

    def _unfinished(self, work: Work, going: Any, error: Exception | None) -> Rest:
        work.counted = work.attempt
        self.commits.claim(work)
        self.load.add(work.raw)
        return attempts(work, going, error)

    async def see_through(self, work: Work, rest: Rest) -> None:
        """In a task of its own: end this work, then what waited behind it in its call."""
        task = asyncio.current_task()
        assert task is not None
        self.running[task] = None
        try:
            if not work.handler.concurrent:
                self.lanes.setdefault(work.call, deque())
            await rest
            if not work.handler.concurrent:
                await self._rest_of_lane(work.call)
        except FencedError:
            return  # the partition is another's, and so is its work
        finally:
            self.running.pop(task, None)

    async def _rest_of_lane(self, call: bytes) -> None:
        lane = self.lanes[call]
        while lane:
            work = lane.popleft()
            self.load.remove(work.raw)
            if work.handler.concurrent and not work.careful:
                await self.start_apart(work)
                continue
            rest = self.start_counted(work) if work.careful else self.start(work)
            if rest is None:
                continue
            if work.handler.concurrent:
                self.spawn(work, rest)
            else:
                await rest
        del self.lanes[call]
        self.has_room()

    async def start_apart(self, work: Work) -> None:
        """Run the handler in a task of its own, from its first step on; returns when it has ended or waits."""
        begun = asyncio.get_running_loop().create_future()

        async def run() -> None:
            rest = self.start(work)
            begun.set_result(None)
            if rest is not None:
                await rest

        await asyncio.wait({self.spawn(work, run()), begun}, return_when=asyncio.FIRST_COMPLETED)

    def spawn(self, work: Work, rest: Rest) -> asyncio.Task[None]:
        """See work through in a new task; ``rest`` has not begun yet."""
        if not work.handler.concurrent:
            self.lanes.setdefault(work.call, deque())
        task = asyncio.get_running_loop().create_task(self.see_through(work, rest))
        task.add_done_callback(self._host.watch)
        self.running[task] = None
        return task

    def queue(self, work: Work) -> None:
        """Behind the call's running event."""
        self.lanes[work.call].append(work)
        self.load.add(work.raw)
        if not work.claimed:
            self.commits.claim(work)

    def miss(self, entries: int) -> None:
        """So many entries were removed before the group had handled them."""
        self._host.missing += entries

    def ended(self, work: Work) -> None:
        """Work that waited has ended."""
        self.load.remove(work.raw)
        self.has_room()

    # -- how it ends

    def finish(self, work: Work, result: Published) -> None:
        """Publish what the handler returned, write its state and ack, in one commit.

        Raises:
            TypeError: it returned something that is no event.
            ValueError: an event belongs to a call of another partition.

        """
        urgent = result is not None
        if result is not None:
            self._publish(work, (result,) if isinstance(result, Event) else result)
        if work.operations:
            self._write_state(work)
            urgent = True
        work.handler.handled += 1
        self.commits.finish(work)
        if urgent:
            self.commits.linger()
        else:
            self.commits.soon()

    def _publish_first(self, values: list[bytes], handler: Handler, result: Published) -> None:
        """Publish what the first attempt at an entry has returned at once: nothing of it can be there yet."""
        if result is None:
            return
        cause, commits = text(values[5]), self.commits
        if isinstance(result, Event) and result.call.startswith(self._prefix):  # one event: the usual case
            group = self._group
            stamped = stamp(result, f"{cause}.{group}.1", time.time(), group, cause, version=self.consumer.version)
            commits.publish(seal(stamped))
        else:
            events = (result,) if isinstance(result, Event) else result
            for sealed in self._sealed(handler, cause, 0, events):
                commits.publish(sealed)
        if self._linger_s:
            commits.linger()
        else:
            commits.urgent = True  # the drain that called us lets go of the commits soon

    def _publish(self, work: Work, events: Iterable[Event]) -> None:
        cause = work.cause
        sealed = self._sealed(work.handler, cause, work.published, events)
        for number, each in enumerate(sealed, work.published + 1):
            if work.guarded:
                self.commits.publish_guarded(each, cause, number)
            else:
                self.commits.publish(each)
        work.published += len(sealed)

    def _sealed(self, handler: Handler, cause: str, number: int, events: Iterable[Event]) -> list[Sealed]:
        sealed, at, group = [], time.time(), self._group
        for event in events:
            if not isinstance(event, Event):
                msg = f"{handler.name} published {event!r}, which is no event"
                raise TypeError(msg)
            if not event.call.startswith(self._prefix):
                msg = (
                    f"{handler.name} published an event of call {event.call!r} while it handled one of partition"
                    f" {self.partition}: what is published belongs to the same call"
                )
                raise ValueError(msg)
            number += 1
            stamped = stamp(event, f"{cause}.{group}.{number}", at, group, cause, version=self.consumer.version)
            sealed.append(seal(stamped))
        return sealed

    def _write_state(self, work: Work) -> None:
        self.commits.state(self.state_key(work.call), work.operations)
        work.operations.clear()

    def bury(self, work: Work, error: BaseException) -> None:
        """Move an event that cannot be handled to the group's dead letters, in the commit that acks it."""
        entry = read_entry(work.raw, self.partition, work.cursor.stream)
        _LOG.error(
            "event.dead", group=self.consumer.name, partition=self.partition, event_id=entry.id, type=entry.type,
            attempts=work.attempt, error=repr(error),
        )  # fmt: skip
        fields: list[Argument] = [
            "type", entry.type, "call", entry.call, "id", entry.id, "body", entry.body,
            "stream", entry.stream, "stream_id", entry.stream_id, "handler", work.handler.name,
            "attempts", work.attempt, "at", f"{time.time():.3f}",
            "error", without_secrets(repr(error)),
            "traceback", without_secrets("".join(traceback.format_exception(error)))[-8000:],
        ]  # fmt: skip
        if entry.audio is not None:
            fields += ["audio", entry.audio]
        work.handler.dead += 1
        work.guarded = True  # whatever it published was counted, and is forgotten with the ack
        self.commits.dead(work.cause, fields)
        self.commits.finish(work)
        self.commits.soon()

    # -- for the context

    def state_key(self, call: bytes) -> str:
        """The key of the group's state of a call."""
        return keys.key(self.partition, self.consumer.state, text(call))

    async def read_state(self, call: bytes, command: str, *args: str) -> Reply:
        """Read the state of a call, after all that was written to it before."""
        key = self.state_key(call)
        if self.commits.writes(key):
            await self.commits.flush()
        return await self._ask(command, key, *args)

    async def server_back(self) -> None:
        """Wait for a server that is away, and until it has all that was to be committed.

        Raises:
            FencedError: the partition is another's now.

        """
        await self._ask("PING")
        await self.commits.flush()

    async def _ask(self, *command: Argument) -> Reply:
        """Read something, waiting for a server that is away: that is not the handler's fault."""
        backoff = Backoff()
        while True:
            try:
                return await self.wire().call(*command)
            except LostConnectionError as error:
                self.wire().complain(error, group=self._group)
                if self.commits.lost.done():
                    msg = f"the lease {self.token} is lost"
                    raise FencedError(msg) from None
                await backoff.wait()

    def publish_now(self, work: Work, events: Iterable[Event]) -> asyncio.Future[None]:
        """Publish under the lease, before the ack; the future ends when it is stored."""
        work.guarded = True
        work.counted = work.attempt
        self._publish(work, events)
        if work.operations:
            self._write_state(work)
        self.commits.claim(work)
        return self.commits.flush()

    async def published_by(self, work: Work) -> list[Event]:
        """What earlier attempts at this work have published, in order."""
        counts = keys.key(self.partition, "published", self.consumer.name)
        count = int(await self._ask("HGET", counts, work.cause) or 0)
        prefix = f"{work.cause}.{self.consumer.name}."
        found: dict[int, Event] = {}
        for stream in keys.STREAMS:
            if len(found) == count:
                break
            async for entry in self.bus.entries(self.partition, stream, since=text(work.raw[0])):
                number = entry.id.removeprefix(prefix)
                if number != entry.id and number.isdecimal() and (event := entry.event()) is not None:
                    found[int(number)] = event
                if len(found) == count:
                    break
        return [found[number] for number in sorted(found)]

    # -- the end of the lease

    async def cancel(self) -> None:
        """Cancel what runs, and again what does not end by it; it stays pending."""
        tasks = [task for task in self.running if task is not asyncio.current_task()]
        await asyncio.gather(*(ended(task) for task in tasks), return_exceptions=True)
