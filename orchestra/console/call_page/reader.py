"""Finds the journal of a call wherever it is: on the server, in the archive, in both, or in the file of a demo run."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from orchestra.bus import Bus, keys
from orchestra.bus.redis.refusal import describe_error
from orchestra.bus.tombstones import forgotten_at
from orchestra.clock import SYSTEM_CLOCK
from orchestra.console.call_page.journal import CallJournal
from orchestra.errors import RedisAwayError, ServerError, UsageError
from orchestra.history.call_record import CallRecord
from orchestra.replay.sources.archive import open_archive
from orchestra.replay.sources.auto import MergedSource, demo_journals
from orchestra.replay.sources.json_lines import file_entries
from orchestra.replay.sources.port import Filter, OnWarning, Source
from orchestra.replay.sources.redis_journal import RedisJournal
from orchestra.settings import Settings
from orchestra.storage.call_records import find_call

#: after the end of a call come its recording and its labelling task; what comes later is in the record, or is asked for
AFTERWARDS_S = 15 * 60
#: how far from its start the end of a call is looked for that no record knows; beyond that it is lost
_SEARCHED_S = (3600, 24 * 3600)
#: journals that are kept for the next questions about the same call
_KEPT_BYTES = 24 << 20
_KEPT_CALLS = 16

#: what asking a server that is away raises
AWAY = (ServerError, RedisAwayError, RedisError, OSError)


@dataclass
class FoundCall:
    """What was found of a call.

    Attributes:
        journal: its journal; empty if only the record is left.
        record: the server's record; None if it has none.
        problems: what could not be read, a sentence each.
        away: why the server could not be asked; empty if it could.

    """

    journal: CallJournal
    record: CallRecord | None
    problems: list[str] = field(default_factory=list)
    away: str = ""

    @property
    def over_since(self) -> float:
        """When the call ended, epoch seconds; infinity while it runs, its last event if nothing says how it ended."""
        ended = self.journal.history.ended
        if ended is not None:
            return ended.at
        if self.record is None:
            return self.journal.history.last_at
        return self.record.ended_at if self.record.status != "running" else math.inf

    def is_running(self, now: float) -> bool:
        """Whether the call goes on, as far as is known; without a record, if it had an event lately."""
        without_record = self.record is None and not self.journal.ended and self.over_since > now - AFTERWARDS_S
        return without_record or self.over_since == math.inf


class CallReader:
    """Reads calls, and reads on where a running one has grown.

    Args:
        settings: where the archive is.
        bus: gives the server that has the latest journals, or raises RedisAwayError if it was not reached yet.
        now: gives the time, epoch seconds.

    """

    def __init__(
        self, settings: Settings, bus: Callable[[], Bus], now: Callable[[], float] = SYSTEM_CLOCK.time
    ) -> None:
        self._settings = settings
        self._bus = bus
        self._now = now
        self._kept: OrderedDict[str, FoundCall] = OrderedDict()
        self._reading: dict[str, asyncio.Lock] = {}

    async def forgotten_at(self, call: str) -> float | None:
        """When the call was forgotten, epoch seconds; None if it was not, or the server cannot be asked.

        What was read of it before is dropped.

        Raises:
            ValueError: this is not the id of a call.

        """
        keys.validate_call_id(call)
        try:
            at = (await forgotten_at(self._bus(), [call])).get(call)
        except AWAY:
            return None
        if at is not None:
            self._kept.pop(call, None)
        return at

    async def find(self, call: str) -> FoundCall | None:
        """The call; None if nothing is known of it.

        Raises:
            ValueError: this is not the id of a call.
            RedisAwayError: nothing is known of it, and the server is away.
            OSError: nothing is known of it, and the archive cannot be read.

        """
        keys.validate_call_id(call)
        lock = self._reading.setdefault(call, asyncio.Lock())
        try:
            async with lock:  # the parts of a page ask at the same time
                found = self._kept.pop(call, None)
                if found is None or not await self._has_grown(found):
                    found = await self._read(call)
                self._keep(found)
        finally:
            if not lock.locked():
                self._reading.pop(call, None)
        if found.journal.entries or found.record is not None:
            return found
        if found.away:
            raise RedisAwayError(found.away)
        if found.problems:
            raise OSError(found.problems[0])
        return None

    async def _has_grown(self, found: FoundCall) -> bool:
        """Read on what is new; False if all of it has to be read again."""
        if found.problems or not found.journal.entries:
            return False
        last = found.journal.entries[-1].stream_id
        over = found.over_since < self._now() - AFTERWARDS_S
        try:
            bus = self._bus()
            found.record = await find_call(bus, found.journal.call) or found.record
            if over:  # what comes later still is in the record
                return True
            partition = keys.partition_of(found.journal.call)
            async for entry in bus.entries(partition, keys.JOURNAL, since=f"({last}"):
                found.journal.add(entry)
        except AWAY:
            return over
        return True

    async def _read(self, call: str) -> FoundCall:
        problems: list[str] = []
        bus, record, journal, away = None, None, CallJournal(call), ""
        try:
            bus = self._bus()
            record = await find_call(bus, call)
        except AWAY as error:
            bus, away = None, describe_error(error) if isinstance(error, RedisError) else str(error)
            problems.append(f"The server is away, so the latest events may be missing here: {away}")
        windows = self._windows(call, record)
        if bus is not None:
            journal = await _read_through(RedisJournal(bus, patience_s=0.0), call, windows, problems.append)
        if not journal.is_whole:  # the archive takes memory and time, and a call of today rarely needs it
            async with self._with_archive(bus, problems.append) as source:
                journal = await _read_through(source, call, windows, problems.append)
        if not journal.entries:
            journal = await asyncio.to_thread(self._demo_run, call)
        return FoundCall(journal, record, list(dict.fromkeys(problems)), away)

    def _windows(self, call: str, record: CallRecord | None) -> list[int | None]:
        """Until when to read, epoch ms; the next one is tried if the call's end is not before that."""
        if record is not None:
            ended = record.status != "running" and record.ended_at
            return [int((record.ended_at + AFTERWARDS_S) * 1000) if ended else None]
        started_ms = keys.started_ms(call)
        if not started_ms or started_ms / 1000 > self._now() - AFTERWARDS_S:
            return [None]
        return [started_ms + seconds * 1000 for seconds in _SEARCHED_S]

    @asynccontextmanager
    async def _with_archive(self, bus: Bus | None, on_warning: OnWarning) -> AsyncIterator[Source]:
        async with AsyncExitStack() as stack:
            stores: list[Source] = [RedisJournal(bus, patience_s=0.0)] if bus is not None else []
            try:
                stores.append(await stack.enter_async_context(open_archive(self._settings, "archive", on_warning)))
            except UsageError as error:  # expected, where none is set
                if self._settings.archive_url is not None or self._settings.archive_dir is not None:
                    on_warning(str(error))
            yield MergedSource(stores)

    def _demo_run(self, call: str) -> CallJournal:
        """The journal that a demo run left; an empty one if none did. Blocks."""
        journal = CallJournal(call)
        for path in demo_journals(self._settings.data_dir):
            first = next(file_entries(path, lambda _: None), None)
            if first is not None and first.call == call:
                for entry in file_entries(path, lambda _: None):
                    journal.add(entry)
                break
        return journal

    def _keep(self, found: FoundCall) -> None:
        self._kept[found.journal.call] = found
        while len(self._kept) > _KEPT_CALLS or (
            len(self._kept) > 1 and sum(each.journal.size for each in self._kept.values()) > _KEPT_BYTES
        ):
            self._kept.popitem(last=False)


async def _read_through(source: Source, call: str, windows: Sequence[int | None], on_warning: OnWarning) -> CallJournal:
    """The call's journal, read until the first of these times (epoch ms) that is after its end."""
    journal = CallJournal(call)
    for until_ms in windows:
        journal = CallJournal(call)
        wanted = Filter(calls=frozenset({call}), until_ms=until_ms)
        try:
            async with aclosing(source.entries(wanted)) as entries:
                async for entry in entries:
                    journal.add(entry)
        except AWAY as error:
            on_warning(f"the journal cannot be read further: {error}")
        if journal.ended:
            break
    return journal
