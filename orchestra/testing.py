"""Fixtures for testing consumers on a real server: import ``bus``, ``redis_url`` and ``settings`` into the test module.

>>> async def test_a_greeting_is_scored(bus):                                       # doctest: +SKIP
...     async with bus.run(consumer):
...         await bus.publish(UserTurnEnded(call=bus.call(), text="lovely"))
...         await bus.settled()
...     assert (await bus.published(MoodScored))[0].mood == "good"

A recorded call is a test, too. Its journal comes from `orchestra calls export`, or from ``bus.published()``:

>>> assert history("calls/complaint.jsonl").turns[1].agent == "complaints"            # doctest: +SKIP
>>> async def test_the_recorded_call_is_handled_as_before():                          # doctest: +SKIP
...     await replay("calls/complaint.jsonl", consumer)  # raises ReplayDivergedError with the differences
"""

import asyncio
import logging
import tempfile
import time
import warnings
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, TypeVar, overload

import structlog

from orchestra.bus import Bus, Consumer, EmbeddedServer
from orchestra.bus.group.dead_letters import DeadLetter, dead_letters
from orchestra.bus.keys import STREAMS
from orchestra.bus.stream.stream_id import StreamId
from orchestra.bus.worker.runtime import ConsumerRuntime
from orchestra.counted import counted
from orchestra.errors import MissingExtraError, ReplayDivergedError, UsageError
from orchestra.history.call import CallHistory
from orchestra.history.reduce import history_of
from orchestra.history.views.transcript import json_lines
from orchestra.replay.pace import Pace
from orchestra.replay.replay import Replay
from orchestra.replay.selection import Selection
from orchestra.replay.sources.json_lines import file_entries
from orchestra.replay.targets.consumer import consumer_target
from orchestra.replay.targets.output_diff import IGNORED, ConsumerResult
from orchestra.settings import Settings
from orchestra_schemas import Event

try:
    import pytest
    import pytest_asyncio
except ModuleNotFoundError as error:
    msg = f'orchestra.testing needs {error.name}, which is not installed: pip install "orchestra-voice[test]"'
    raise MissingExtraError(msg) from error

E = TypeVar("E", bound=Event)
_SETTLED_S = 20.0
_MOST_DIFFERENCES = 20


def history(journal: str | Path | Iterable[Event]) -> CallHistory:
    """The history of a recorded call: its turns with words, tools and times, its call record, and more.

    Args:
        journal: a file of JSON lines (`orchestra calls export`), or the events of the call.

    Raises:
        UsageError: there is no such file, or it contains no event.
        ValueError: the journal has more than one call.

    """
    events = _events(Path(journal)) if isinstance(journal, str | Path) else list(journal)
    if len(calls := {event.call for event in events}) > 1:
        msg = f"a history covers one call, but this journal has {len(calls)}: pass the events of one of them"
        raise ValueError(msg)
    return history_of(events)


def _events(path: Path) -> list[Event]:
    if not path.is_file():
        msg = f"there is no journal {path}"
        raise UsageError(msg)
    events = [event for entry in file_entries(path, warnings.warn) if (event := entry.event()) is not None]
    if not events:
        msg = f"{path} contains no event"
        raise UsageError(msg)
    return events


async def replay(
    journal: str | Path | Iterable[Event],
    consumer: Consumer,
    *,
    settings: Settings | None = None,
    clock: Literal["now", "then"] = "now",
    patience_s: float = 5.0,
    ignored: Collection[str] = (),
) -> ConsumerResult:
    """Run a recorded journal through a consumer, and compare what it publishes with the recording.

    The consumer runs on its own embedded server, as in `orchestra replay --into`. Its side effects outside Redis
    are real: tools run and models are called.

    Args:
        journal: a file of JSON lines, or the events of one or more calls, each with its id.
        consumer: the consumer whose handlers run.
        settings: by default those of the environment.
        clock: ``now`` moves the times in the events so that the calls happen now; ``then`` keeps them.
        patience_s: how long to wait for an output while its handler is running and nothing else happens.
        ignored: names of more fields that are not compared, beside times, deadlines and versions.

    Returns:
        The comparison, if everything agrees.

    Raises:
        ReplayDivergedError: an output differs, is missing or is new, or an event became a dead letter.

    """
    with tempfile.TemporaryDirectory(prefix="orchestra-replay-") as name:
        folder = Path(name)
        source = str(journal) if isinstance(journal, str | Path) else str(folder / "journal.jsonl")
        if not isinstance(journal, str | Path):
            await asyncio.to_thread(Path(source).write_bytes, json_lines(journal))
        known = Settings(data_dir=folder / "data") if settings is None else settings
        run = Replay(
            settings=known,
            selection=Selection(),
            source=source,
            pace=Pace(None),
            stop=asyncio.Event(),
            on_warning=warnings.warn,
        )
        target = consumer_target(
            consumer, known, folder / "server", clock=clock, patience_s=patience_s, ignored=IGNORED | set(ignored)
        )
        async with target as candidate:
            await run.into(candidate)
            result = await candidate.result()
    if not result.agrees:
        raise ReplayDivergedError("\n".join(_differences(consumer.name, result)))
    return result


def _differences(name: str, result: ConsumerResult) -> Iterator[str]:
    """The differences, one line each."""
    differing = result.outputs.of("changed", "missing", "new")
    yield f"{name} diverges from the recording in {len(differing)} of {len(result.outputs.all)} outputs:"
    for output in differing[:_MOST_DIFFERENCES]:
        yield f"  {output.verdict} {output.entry.type} {output.entry.id}"
        for change in output.changes:
            yield f"    {change.field}: recorded {change.recorded or 'nothing'}, now {change.candidate or 'nothing'}"
    if len(differing) > _MOST_DIFFERENCES:
        yield f"  … and {len(differing) - _MOST_DIFFERENCES} more"
    for letter in result.dead[:_MOST_DIFFERENCES]:
        yield f"  dead letter {letter.type} {letter.id}: {letter.error}"
    if result.unfinished:
        unfinished = counted(result.unfinished, "event")
        yield f"  {unfinished} still being handled at the end: raise patience_s if that takes longer"


class TestBus:
    """A `Bus` with helpers for tests; ``bus`` is the real one."""

    __test__ = False  # not a test itself

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self._publisher = bus.publisher("test")
        self._running: dict[str, tuple[ConsumerRuntime, asyncio.Task[None]]] = {}

    @property
    def runtimes(self) -> list[ConsumerRuntime]:
        """The run-times of the running consumers."""
        return [runtime for runtime, _ in self._running.values()]

    def call(self, partition: int | None = None) -> str:
        """The id of a new call."""
        return self.bus.new_call(None if partition is None else [partition])

    async def publish(self, *events: Event) -> list[Event]:
        """Publish as an edge would; returns the events as they are stored."""
        stored = [self._publisher.publish(event) for event in events]
        await self._publisher.flush(_SETTLED_S)
        return stored

    @overload
    async def published(self, event_type: type[E], call: str | None = None) -> list[E]: ...
    @overload
    async def published(self, event_type: None = None, call: str | None = None) -> list[Event]: ...
    async def published(self, event_type: type[Event] | None = None, call: str | None = None) -> list[Event]:  # type: ignore[misc]
        """The events on the journal and the media streams: all, or of a type or a call; in order per call."""
        found = []
        for partition in range(self.bus.partitions):
            for stream in STREAMS:
                async for entry in self.bus.entries(partition, stream):
                    event = entry.event() if call is None or entry.call == call else None
                    if event is not None and (event_type is None or isinstance(event, event_type)):
                        found.append((StreamId.parse(entry.stream_id).ms, event))
        return [event for _, event in sorted(found, key=lambda pair: pair[0])]

    async def full(self, partition: int) -> int:
        """Wait until the running consumer stops reading a partition; returns how many entries are then unfinished."""
        (runtime,) = self.runtimes
        owned = runtime.rebalancer.owned[partition]
        async with asyncio.timeout(_SETTLED_S):
            while not (runtime.dispatcher.empty.is_set() and owned.at_capacity()):  # noqa: ASYNC110 - the state of another's loop
                await asyncio.sleep(0.003)
        return owned.in_flight.entries

    async def dead(self, group: str | None = None) -> list[DeadLetter]:
        """The dead letters, of one group or of all that run here."""
        return [
            letter for name in ([group] if group else self._running) for letter in await dead_letters(self.bus, name)
        ]

    @asynccontextmanager
    async def run(self, *consumers: Consumer) -> AsyncIterator[None]:
        """Run consumers while the block runs; it begins when they own every partition."""
        stop = asyncio.Event()
        for consumer in consumers:
            runtime = ConsumerRuntime(consumer, self.bus, grace_s=0.1)
            self._running[consumer.name] = runtime, asyncio.create_task(runtime.run(stop))
        try:
            for consumer in consumers:
                await self._until_ready(*self._running[consumer.name])
            yield
        finally:
            stop.set()
            await asyncio.gather(*(self._running[consumer.name][1] for consumer in consumers))
            for consumer in consumers:
                del self._running[consumer.name]

    @staticmethod
    async def _until_ready(runtime: ConsumerRuntime, running: asyncio.Task[None]) -> None:
        ready = asyncio.create_task(runtime.rebalancer.ready.wait())
        await asyncio.wait([ready, running], timeout=_SETTLED_S, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            ready.cancel()
            running.result()
        assert ready.done(), f"consumer {runtime.consumer.name} does not get its partitions"

    async def settled(self, timeout_s: float = _SETTLED_S, *, allow_dead: bool = False) -> None:
        """Wait until the running consumers have handled everything, including what they published to one another.

        Raises:
            AssertionError: an event became a dead letter (unless ``allow_dead``), or they do not end in time.

        """
        deadline = time.monotonic() + timeout_s
        before: int | None = None
        while True:
            for _, task in self._running.values():
                if task.done():
                    task.result()
            self._commit()
            open_work = await self._open_work()
            added = await self._added()
            if not open_work and added == before:
                break
            before = added
            assert time.monotonic() < deadline, f"not settled after {timeout_s} s: {open_work}"
            await asyncio.sleep(0.003)
        if not allow_dead:
            for letter in await self.dead():
                msg = f"{letter.group} could not handle {letter.type} {letter.id}:\n{letter.traceback}"
                raise AssertionError(msg)

    def _commit(self) -> None:
        """Commit read positions, which would otherwise wait."""
        for runtime in self.runtimes:
            for owned in runtime.rebalancer.owned.values():
                owned.committer.schedule()

    async def _open_work(self) -> list[str]:
        return [
            f"{status.group} on partition {status.partition}: lag {status.lag}, pending {status.pending}"
            for status in await self.bus.groups()
            if status.group in self._running and (status.lag or status.pending)
        ]

    async def _added(self) -> int:
        added = 0
        for partition in range(self.bus.partitions):
            for stream in STREAMS:
                last = await self.bus.connection(partition).calls([("XLEN", self.bus.key(partition, stream))])
                added += last[0]
        return added


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """An embedded server for the whole test session."""
    with tempfile.TemporaryDirectory(prefix="orchestra-test-") as folder:
        server = EmbeddedServer(Path(folder))
        asyncio.run(server.start())
        try:
            yield server.url
        finally:
            asyncio.run(server.stop())


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    """Settings that point to that server and to a folder of this test."""
    return Settings(redis_url=redis_url, data_dir=tmp_path)


@pytest_asyncio.fixture
async def bus(settings: Settings) -> AsyncIterator[TestBus]:
    """A `TestBus` on an empty server. Debug lines of the log are left out."""
    if not structlog.is_configured():
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    first = await Bus.connect(settings)
    await first.redis.flushall()
    await first.close()
    connected = await Bus.connect(settings)
    try:
        yield TestBus(connected)
    finally:
        await connected.close()
