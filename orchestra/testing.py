"""Fixtures for testing consumers on a real server: import ``bus``, ``redis_url`` and ``settings`` where the tests are.

>>> async def test_a_greeting_is_scored(bus):                                       # doctest: +SKIP
...     async with bus.run(consumer):
...         await bus.publish(UserTurnEnded(call=bus.call(), text="lovely"))
...         await bus.settled()
...     assert (await bus.published(MoodScored))[0].mood == "good"
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar, overload

import structlog

from orchestra.bus import Bus, Consumer, EmbeddedServer
from orchestra.bus.group.dead_letters import DeadLetter, dead_letters
from orchestra.bus.keys import STREAMS
from orchestra.bus.stream.stream_id import StreamId
from orchestra.bus.worker.runtime import ConsumerRuntime
from orchestra.errors import MissingExtraError
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


class TestBus:
    """A `Bus` with what a test needs around it; ``bus`` is the real one."""

    __test__ = False  # it is no test itself

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
        """What is on the journal and the media streams: of this type, of this call, or all; in order per call."""
        found = []
        for partition in range(self.bus.partitions):
            for stream in STREAMS:
                async for entry in self.bus.entries(partition, stream):
                    event = entry.event() if call is None or entry.call == call else None
                    if event is not None and (event_type is None or isinstance(event, event_type)):
                        found.append((StreamId.parse(entry.stream_id).ms, event))
        return [event for _, event in sorted(found, key=lambda pair: pair[0])]

    async def full(self, partition: int) -> int:
        """Wait until the one running consumer reads no more of a partition; how many entries are unfinished then."""
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
        """Run consumers meanwhile; entered once they own every partition."""
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
        """Wait until the running consumers have handled everything, also what they published to one another.

        Raises:
            AssertionError: an event became a dead letter (unless ``allow_dead``), or they do not come to an end.

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
        """Have told what was read, which otherwise may wait."""
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
    """A `TestBus` on an empty server; what the bus logs for whoever looks for its faults is left out."""
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
