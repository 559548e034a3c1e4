"""What every section of the console works with."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING

import structlog
from redis.exceptions import RedisError

from orchestra.async_tasks import cancel_and_wait
from orchestra.bus import Bus, Publisher
from orchestra.bus.backoff import Backoff
from orchestra.bus.redis.refusal import describe_error
from orchestra.clock import SYSTEM_CLOCK, Clock
from orchestra.console.audit import Audit
from orchestra.errors import OrchestraError, RedisAwayError
from orchestra.settings import Settings

if TYPE_CHECKING:
    from orchestra.analysis.shared_database import SharedCallDatabase
    from orchestra.archive.archive import Archive

_LOG = structlog.get_logger("orchestra.console")

_SOURCE = "console"
_ANSWERS_WITHIN_S = 2.0
_ASKED_EVERY_S = 1.0

Run = Callable[[Bus], Awaitable[None]]


class Console:
    """The console's settings, its connections, its audit and its clock.

    Redis may be away when the console starts, and at any time later: until it was reached, `bus` raises.
    """

    def __init__(self, settings: Settings, clock: Clock = SYSTEM_CLOCK) -> None:
        self.settings = settings
        self.clock = clock
        self.audit = Audit(lambda: self.publisher, settings.journal_retention_s, clock)
        self._bus: Bus | None = None
        self._publisher: Publisher | None = None
        self._problem = "the console has only just started"
        self._asked_at = float("-inf")
        self._runs: dict[str, Run] = {}
        self._running: list[asyncio.Task[None]] = []

    @property
    def bus(self) -> Bus:
        """The connection to Redis. Ask for it at each request.

        Raises:
            RedisAwayError: Redis was not reached yet.

        """
        if self._bus is None:
            raise RedisAwayError(self._problem)
        return self._bus

    @property
    def publisher(self) -> Publisher:
        """Publishes what operators do; sources of its events are named ``console``.

        Raises:
            RedisAwayError: Redis was not reached yet.

        """
        self._publisher = self._publisher or self.bus.publisher(_SOURCE)
        return self._publisher

    @cached_property
    def archive(self) -> "Archive":
        """The archive; made at its first use, since Arrow takes memory and half a second."""
        from orchestra.archive.archive import Archive  # noqa: PLC0415 - see above

        return Archive.of(self.settings)

    @cached_property
    def database(self) -> "SharedCallDatabase":
        """All calls as a database, for what asks about many; made at its first use, like the archive."""
        from orchestra.analysis.shared_database import SharedCallDatabase  # noqa: PLC0415 - see above

        return SharedCallDatabase(self.settings)

    def while_connected(self, name: str, run: Run) -> None:
        """Have ``run`` run from the moment Redis is reached until the console stops; once more, later, if it fails."""
        self._runs[name] = run

    async def redis_problem(self) -> str:
        """Why Redis does not answer, in words; empty if it does. Asks it about once a second at most."""
        now = self.clock.monotonic()
        if self._bus is not None and now - self._asked_at >= _ASKED_EVERY_S:
            self._asked_at = now
            try:
                async with asyncio.timeout(_ANSWERS_WITHIN_S):
                    await self._bus.redis.ping()
            except TimeoutError:
                self._problem = f"it does not answer within {_ANSWERS_WITHIN_S:g} s"
            except RedisError as error:
                self._problem = describe_error(error)
            else:
                self._problem = ""
        return self._problem

    async def start(self) -> None:
        """Connect, however long it takes, and begin to run what `while_connected` was given."""
        self._bus = bus = await self._connect()
        self._running += [
            asyncio.create_task(_again_and_again(name, run, bus), name=name) for name, run in self._runs.items()
        ]

    async def close(self) -> None:
        """End what runs and close the connections; what operators did last is sent before."""
        for each in self._running:
            await cancel_and_wait(each)
        if self._bus is not None:
            await self._bus.close()
        if "database" in vars(self):
            await self.database.close()

    async def _connect(self) -> Bus:
        backoff = Backoff()
        while True:
            try:
                bus = await Bus.connect(self.settings)
            except OrchestraError as error:  # settings that are wrong, too: the pages say so
                if str(error) != self._problem:
                    _LOG.warning("console.redis_away", error=str(error))
                self._problem = str(error)
                await backoff.wait()
            else:
                self._problem = ""
                _LOG.info("console.connected", server=bus.servers.name)
                return bus


async def _again_and_again(name: str, run: Run, bus: Bus) -> None:
    backoff = Backoff()
    while True:
        try:
            await run(bus)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other pages go on
            _LOG.error("console.section_failed", section=name, error=repr(error))
        await backoff.wait()
