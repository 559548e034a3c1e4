"""A partition that this worker owns for a group: what is taken, in which order it runs, how it ends."""

import asyncio
import time
import traceback
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable
from types import coroutine
from typing import TYPE_CHECKING, Any

import structlog

from orchestra.bus import keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.commits import Commits
from orchestra.bus.consumer import Consumer, Handler, Published
from orchestra.bus.entry import Raw, read_entry, text
from orchestra.bus.seal import Sealed, fill, seal
from orchestra.bus.wire import Argument, Reply, Wire
from orchestra.bus.work import Work
from schemas import DecodeError, Event

if TYPE_CHECKING:
    from orchestra.bus.bus import Bus

_LOG = structlog.get_logger("orchestra.bus")
_PLACES = {keys.JOURNAL: 5, keys.MEDIA: 6, "requeued": 7}

Rest = Coroutine[Any, Any, None]


class Cursor:
    """How far a group has taken one stream: ``last`` id, ``read`` entries ever; ``place`` among the script's keys."""

    __slots__ = ("acks", "committed", "key", "last", "place", "read", "requeued", "stream")

    def __init__(self, partition: int, stream: str, group: str) -> None:
        self.stream = stream
        self.requeued = stream == "requeued"
        self.key = keys.key(partition, stream, group) if self.requeued else keys.key(partition, stream)
        self.place = _PLACES[stream]
        self.last: bytes = b"0-0"
        self.committed: bytes = b"0-0"
        self.read = 0
        self.acks: list[bytes] = []


@coroutine
def resume(waiting: Coroutine[Any, Any, Published], first: Any) -> Generator[Any, Any, Published]:
    """Go on with a coroutine that is suspended already: ``first`` is what it waits for."""
    pending = first
    while True:
        try:
            value = yield pending
        except GeneratorExit:
            waiting.close()
            raise
        except BaseException as error:  # noqa: BLE001 - every exception belongs to the coroutine, also its cancellation
            step = lambda error=error: waiting.throw(error)  # noqa: E731
        else:
            step = lambda value=value: waiting.send(value)  # noqa: E731
        try:
            pending = step()
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


class Owned:
    """One partition under a lease."""

    def __init__(
        self, consumer: Consumer, bus: "Bus", partition: int, token: str, watch: "Callable[[asyncio.Task[None]], None]"
    ) -> None:
        self.watch = watch
        self.consumer = consumer
        self.bus = bus
        self.partition = partition
        self.token = token
        self.ready = False
        self.closing = False
        self.load = 0
        self.lanes: dict[bytes, deque[Work]] = {}
        self.running: dict[asyncio.Task[None], None] = {}
        self.cursors = {stream: Cursor(partition, stream, consumer.name) for stream in (*consumer.streams, "requeued")}
        self.commits = Commits(partition, consumer.name, token, self.wire, self.cursors.values())
        self.clock: Callable[[], float] = asyncio.get_running_loop().time
        self._linger_s = consumer.linger_ms / 1000
        self._prefix = f"{partition:02d}-"

    def wire(self) -> Wire:
        """The connection to the server of this partition."""
        return self.bus.wire(self.partition)

    # -- running

    def take(self, cursor: Cursor, raw: Raw, handler: Handler, call: bytes) -> tuple[Work, Rest] | None:
        """Start a new entry, or put it behind its call's running one. What is left to be awaited is returned.

        A handler that takes nothing but its event, does not wait and publishes nothing costs no object of ours.
        """
        if call in self.lanes:
            self.queue(Work(self, cursor, raw, handler, call))
            return None
        running = handler.begin_direct(raw[1]) if handler.direct else None
        if running is None:
            work = Work(self, cursor, raw, handler, call)
            rest = self.start(work)
            return None if rest is None else (work, rest)
        try:
            first = running.send(None)
        except StopIteration as stop:
            result = stop.value
            if result is None:
                return None
            try:
                self._publish_first(raw[1], handler, result)
            except (TypeError, ValueError) as error:
                work = Work(self, cursor, raw, handler, call)
                rest = self._unfinished(work, None, error)
            else:
                return None
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted, retried and kept
            work = Work(self, cursor, raw, handler, call)
            rest = self._unfinished(work, None, error)
        else:
            work = Work(self, cursor, raw, handler, call)
            rest = self._unfinished(work, resume(running, first), None)
        return None if rest is None else (work, rest)

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
            return self._ended(work, stop.value)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted, retried and kept
            return self._unfinished(work, None, error)
        return self._unfinished(work, resume(running, first), None)

    def _ended(self, work: Work, result: Published) -> Rest | None:
        try:
            self.finish(work, result)
        except (TypeError, ValueError) as error:
            return self._unfinished(work, None, error)
        return None

    def _unfinished(self, work: Work, going: Any, error: Exception | None) -> Rest:
        work.counted = work.attempt
        self.commits.claim(work)
        self.load += 1
        return self._attempts(work, going, error)

    async def _attempts(self, work: Work, going: Any, error: Exception | None) -> None:
        """The further life of work whose handler waits (``going``) or has failed (``error``)."""
        backoff = Backoff(0.05, 5.0)
        try:
            while True:
                if error is None:
                    error = await self._attempt(work, going)
                    if error is None:
                        return
                if work.attempt >= self.consumer.max_attempts or isinstance(error, DecodeError):
                    self.bury(work, error)
                    return
                _LOG.warning(
                    "handler.failed", group=self.consumer.name, handler=work.handler.name, event_id=work.cause,
                    attempt=work.attempt, error=repr(error),
                )  # fmt: skip
                await backoff.wait()
                work.attempt += 1
                work.counted = work.attempt
                work.guarded = True
                self.commits.claim(work)
                self.commits.soon()
                going, error = work.begin(), None
        finally:
            self.load -= 1

    async def _attempt(self, work: Work, going: Any) -> Exception | None:
        limit = asyncio.timeout(work.handler.timeout_s)
        try:
            async with limit:
                result = await going
            self.finish(work, result)
        except TimeoutError as error:
            return (
                TimeoutError(f"{work.handler.name} took longer than {work.handler.timeout_s} s")
                if limit.expired()
                else error
            )
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return RuntimeError(f"{work.handler.name} was cancelled from inside: {error!r}")
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is counted, retried and kept
            return error
        return None

    async def see_through(self, work: Work, rest: Rest) -> None:
        """In a task of its own: end this work, then what waited behind it in its call."""
        task = asyncio.current_task()
        assert task is not None
        self.running[task] = None
        try:
            if work.handler.concurrent:
                await rest
                return
            self.lanes.setdefault(work.call, deque())
            await rest
            await self._rest_of_lane(work.call)
        finally:
            self.running.pop(task, None)

    async def _rest_of_lane(self, call: bytes) -> None:
        lane = self.lanes[call]
        while lane:
            work = lane.popleft()
            self.load -= 1
            rest = self.start(work)
            if rest is None:
                continue
            if work.handler.concurrent:
                self.spawn(work, rest)
            else:
                await rest
        del self.lanes[call]

    def spawn(self, work: Work, rest: Rest) -> None:
        """See work through in a new task."""
        if not work.handler.concurrent:
            self.lanes.setdefault(work.call, deque())
        task = asyncio.get_running_loop().create_task(self.see_through(work, rest))
        task.add_done_callback(self.watch)
        self.running[task] = None

    def queue(self, work: Work) -> None:
        """Behind the call's running event."""
        self.lanes[work.call].append(work)
        self.load += 1
        self.commits.claim(work)

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
        if work.context is not None and work.context.state.operations:
            self._write_state(work)
            urgent = True
        work.finished = True
        self.commits.finish(work)
        if urgent:
            self.commits.linger(self._linger_s)
        else:
            self.commits.soon()

    def _publish_first(self, values: list[bytes], handler: Handler, result: Published) -> None:
        """Publish what the first attempt at an entry has returned at once: nothing of it can be there yet."""
        events = (result,) if isinstance(result, Event) else result or ()
        for sealed in self._sealed(handler, text(values[5]), 0, events):
            self.commits.publish(sealed)
        self.commits.linger(self._linger_s)

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
        sealed, at, group = [], time.time(), self.consumer.name
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
            sealed.append(seal(fill(event, f"{cause}.{group}.{number}", at, group, cause)))
        return sealed

    def _write_state(self, work: Work) -> None:
        assert work.context is not None
        operations = work.context.state.operations
        work.context.state.operations = []
        self.commits.state(self.state_key(work.call), operations)

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
            "attempts", work.attempt, "published", work.published, "at", f"{time.time():.3f}",
            "error", repr(error), "traceback", "".join(traceback.format_exception(error))[-8000:],
        ]  # fmt: skip
        if entry.audio is not None:
            fields += ["audio", entry.audio]
        self.commits.dead(fields)
        work.finished = True
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
        return await self.wire().call(command, key, *args)

    async def publish_now(self, work: Work, events: Iterable[Event]) -> None:
        """Publish under the lease, before the ack; returns when it is stored."""
        work.guarded = True
        work.counted = work.attempt
        self._publish(work, events)
        if work.context is not None and work.context.state.operations:
            self._write_state(work)
        self.commits.claim(work)
        await self.commits.flush()

    async def published_by(self, work: Work) -> list[Event]:
        """What earlier attempts at this work have published, in order."""
        count = int(
            await self.wire().call("HGET", keys.key(self.partition, "published", self.consumer.name), work.cause) or 0
        )
        prefix = f"{work.cause}.{self.consumer.name}."
        found: dict[int, Event] = {}
        for stream in keys.STREAMS:
            if len(found) == count:
                break
            async for entry in self.bus.entries(self.partition, stream, since=work.raw[0].decode()):
                if entry.id.startswith(prefix) and entry.id[len(prefix) :].isdecimal():
                    event = entry.event()
                    if event is not None:
                        found[int(entry.id[len(prefix) :])] = event
                if len(found) == count:
                    break
        return [found[number] for number in sorted(found)]

    # -- the end of the lease

    async def cancel(self) -> None:
        """Cancel what runs; it stays pending."""
        self.closing = True
        tasks = [task for task in self.running if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
