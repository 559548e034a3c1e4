"""Recorded calls, from wherever they are kept: the archive, the journal of a server, a file, the demo's kept runs."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from orchestra.bus import Bus, Entry, keys, partition_of
from orchestra.errors import ServerError, UsageError
from orchestra.replay.sources.sources import (
    Filter,
    OnWarning,
    connect,
    demo_journals,
    file_entries,
    journal_entries,
    merge,
)
from orchestra.settings import Settings
from orchestra_schemas import CallStarted, DecodeError, Event, tag_of
from orchestra_schemas.event import type_tag

if TYPE_CHECKING:
    from orchestra.archive.archive import Archive

_LOG = structlog.get_logger("orchestra.replay")
_STARTED = tag_of(CallStarted)
_REDIS = ("redis", "rediss", "unix")
_PAGE = 2000
#: a call's first event stands within so many ms of the moment in its id
_FIRST_WITHIN_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which recorded events are wanted; what is not said is not asked for.

    Attributes:
        calls: ids of calls, or a beginning or end of one that no other call has.
        caller: the number that called (``+15550001``).
        since: the first moment, epoch seconds, by the time at which the event was stored.
        until: the first moment that is too late.
        types: event types by tag (``user.turn.ended``) or name (``UserTurnEnded``).
        where: an SQL condition on the view ``calls``, or a query whose column ``call`` names the calls.
        streams: ``events`` (the journal), ``media`` (audio and partial transcripts), or both.

    """

    calls: tuple[str, ...] = ()
    caller: str = ""
    since: float | None = None
    until: float | None = None
    types: tuple[str, ...] = ()
    where: str = ""
    streams: tuple[str, ...] = (keys.JOURNAL,)


def log_warning(text: str) -> None:
    """Say in the log what is missing or damaged."""
    _LOG.warning("recording.damaged", what=text)


async def entries(
    settings: Settings, selection: Selection, source: str = "auto", *, on_warning: OnWarning = log_warning
) -> AsyncGenerator[Entry]:
    """The chosen entries in order: as in the stream within a partition, by stream id over all of them.

    Args:
        settings: where the archive is, and which server answers here.
        selection: what is wanted.
        source: ``auto`` (the archive, the journal of the server if one answers, and the kept demo runs), ``archive``,
            ``journal``, the URL of a Redis server, the folder or URL of an archive, or a file of JSON lines.
        on_warning: told in one sentence where something is damaged or missing; the rest goes on.

    Raises:
        UsageError: there is no such source, or a call's name fits none or several.

    """
    async with AsyncExitStack() as stack:
        sources = await _Sources.open(settings, source, on_warning, stack)
        wanted = await sources.filter(settings, selection)
        async with aclosing(sources.entries(wanted)) as found:
            async for entry in found:
                yield entry


async def recorded_call(
    settings: Settings, call: str, source: str = "auto", *, on_warning: OnWarning = log_warning
) -> list[Event]:
    """All events of one call on the journal, in order. Types unknown here, and what cannot be decoded, are left out.

    ``call`` is its id, a beginning or end that no other call has, or the file of a kept journal.

    Raises:
        UsageError: there is no such call, or several; or no such source.

    """
    if source == "auto" and _file(call) is not None:
        found = [entry async for entry in entries(settings, Selection(), call, on_warning=on_warning)]
        if len({entry.call for entry in found}) > 1:
            msg = f"{call} has several calls: choose one of them"
            raise UsageError(msg)
    else:
        found = [entry async for entry in entries(settings, Selection(calls=(call,)), source, on_warning=on_warning)]
    if not found:
        msg = f"no call is kept {call!r}: `orchestra calls list` shows what there is"
        raise UsageError(msg)
    return list(decoded(found, on_warning))


def decoded(found: list[Entry], on_warning: OnWarning = log_warning) -> Iterator[Event]:
    """The events of entries, as far as they can be decoded here."""
    for entry in found:
        try:
            event = entry.event()
        except DecodeError as error:
            name = entry.id or entry.stream_id
            on_warning(f"{name if name.isprintable() else ascii(name)} is left out: {error}")
            continue
        if event is not None:
            yield event


async def recorded_calls(
    settings: Settings, selection: Selection, source: str = "auto", *, on_warning: OnWarning = log_warning
) -> list[str]:
    """The ids of the calls that began within the selection, in order of their beginning."""
    started = replace(selection, types=(_STARTED,), streams=(keys.JOURNAL,))
    found = entries(settings, started, source, on_warning=on_warning)
    return list(dict.fromkeys([entry.call async for entry in found]))


class _Sources:
    """The places that a source means, opened."""

    def __init__(self, on_warning: OnWarning) -> None:
        self._on_warning = on_warning
        self._archives: list[Archive] = []
        self._buses: list[Bus] = []
        self._files: list[Path] = []

    @classmethod
    async def open(cls, settings: Settings, source: str, on_warning: OnWarning, stack: AsyncExitStack) -> "_Sources":
        sources = cls(on_warning)
        scheme = source.partition("://")[0].partition("+")[0] if "://" in source else ""
        if source == "auto":
            await sources._open_all(settings, stack)
        elif source == "journal":
            sources._use(await Bus.connect(settings), stack)
        elif scheme in _REDIS:
            sources._use(await connect(settings, source), stack)
        elif (path := _file(source)) is not None:
            sources._files = [path]
        elif source == "archive" or scheme or _is_folder(source):
            sources._archives = [await asyncio.to_thread(_archive, settings.archive if source == "archive" else source)]
        else:
            msg = (
                f"{source!r} is no recording: name auto, archive, journal, a Redis URL, the folder or URL of an"
                " archive, or a file of JSON lines"
            )
            raise UsageError(msg)
        return sources

    async def _open_all(self, settings: Settings, stack: AsyncExitStack) -> None:
        try:
            self._archives = [await asyncio.to_thread(_archive, settings.archive)]
        except UsageError as error:
            if settings.archive_url is not None or settings.archive_dir is not None:
                self._on_warning(str(error))
        try:
            self._use(await Bus.connect(settings), stack)
        except ServerError as error:
            if settings.redis_url is not None:  # one was named, so it is missed
                self._on_warning(str(error))
        for path in demo_journals(settings.data_dir):
            first = next(file_entries(path, self._on_warning), None)
            if first is not None and not await self._has(first.call):
                self._files.append(path)

    def _use(self, bus: Bus, stack: AsyncExitStack) -> None:
        stack.push_async_callback(bus.close)
        self._buses.append(bus)

    async def _has(self, call: str) -> bool:
        """Whether an archive or a journal has the call, so that its kept file is not needed."""
        window = Filter(calls=frozenset({call}), until_ms=keys.started_ms(call) + _FIRST_WITHIN_MS)
        places: list[AsyncIterator[Entry]] = [self._archived(archive, window) for archive in self._archives]
        places += [journal_entries(bus, window) for bus in self._buses]
        return any([True async for _ in merge(places)])

    async def filter(self, settings: Settings, selection: Selection) -> Filter:
        """The selection with its calls found."""
        wanted = Filter(
            calls=None,
            since_ms=0 if selection.since is None else round(selection.since * 1000),
            until_ms=None if selection.until is None else round(selection.until * 1000),
            types=frozenset(map(tag, selection.types)) or None,
            streams=selection.streams,
        )
        calls = await self._named(selection.calls) if selection.calls else None
        if selection.caller:
            by_caller = {entry.call async for entry in self.entries(_starts(calls)) if _from(entry) == selection.caller}
            calls = frozenset(by_caller)
        if selection.where:
            by_query = frozenset(await _where(self._queried(settings), selection.where))
            calls = by_query if calls is None else calls & by_query
        return replace(wanted, calls=calls)

    def _queried(self, settings: Settings) -> Settings:
        """Settings of an installation that has what is read here.

        Raises:
            UsageError: a file cannot be queried.

        """
        if self._files and not (self._archives or self._buses):
            msg = "SQL chooses calls of an archive and a journal, not of a file: choose by --call, --caller or --type"
            raise UsageError(msg)
        url = self._buses[0].url if self._buses else settings.redis_url
        archive = self._archives[0].root.location if self._archives else settings.archive
        return settings.model_copy(update={"redis_url": url, "archive_url": archive})

    async def _named(self, names: tuple[str, ...]) -> frozenset[str]:
        """The calls of these names.

        Raises:
            UsageError: a name fits no call, or several.

        """
        parts = [name for name in names if not is_whole(name)]
        found = set(names) - set(parts)
        known = {entry.call async for entry in self.entries(_starts(None))} if parts else set()
        if any(not _fitting(name, known) for name in parts):  # a call may have lost its beginning
            known |= {entry.call async for entry in self.entries(Filter())}
        for name in parts:
            fitting = _fitting(name, known)
            if len(fitting) != 1:
                what = f"{len(fitting)} calls match" if fitting else "no call is kept"
                msg = f"{what} {name!r}: `orchestra calls list` shows what there is"
                raise UsageError(msg)
            found.add(fitting[0])
        return frozenset(found)

    async def entries(self, wanted: Filter) -> AsyncGenerator[Entry]:
        """What the places have of it, merged."""
        places: list[AsyncIterator[Entry]] = [self._archived(archive, wanted) for archive in self._archives]
        places += [journal_entries(bus, wanted) for bus in self._buses]
        places += [self._read(path, wanted) for path in self._files]
        async for entry in merge(places):
            yield entry

    async def _archived(self, archive: "Archive", wanted: Filter) -> AsyncIterator[Entry]:
        if keys.JOURNAL not in wanted.streams:
            return
        # seconds that are cut to the same ms again
        until = None if wanted.until_ms is None else (wanted.until_ms + 0.5) / 1000
        since = (wanted.since_ms + 0.5) / 1000 if wanted.since_ms else None
        found = archive.entries(calls=wanted.calls, since=since, until=until, types=wanted.types)
        try:
            async for entry in _in_thread(found):
                yield entry
        except OSError as error:
            self._on_warning(f"the archive {archive.root} cannot be read further: {error}")

    async def _read(self, path: Path, wanted: Filter) -> AsyncIterator[Entry]:
        async for entry in _in_thread(file_entries(path, self._on_warning)):
            if wanted.matches(entry):
                yield entry


async def _in_thread(found: Iterator[Entry]) -> AsyncIterator[Entry]:
    """What blocks while it is read, read beside the event loop."""
    while page := await asyncio.to_thread(lambda: list(islice(found, _PAGE))):
        for entry in page:
            yield entry


def _archive(root: str) -> "Archive":
    """The archive at a folder or URL.

    Raises:
        UsageError: there is none, it cannot be reached, or its extra is not installed.

    """
    from orchestra.archive.archive import Archive  # noqa: PLC0415 - an extra

    try:
        archive = Archive(root)
        if not archive.root.names():
            msg = f"there is no archive at {root}: `orchestra worker archive` writes one"
            raise UsageError(msg)
    except OSError as error:
        msg = f"the archive at {root} cannot be reached: {error}"
        raise UsageError(msg) from error
    return archive


async def _where(settings: Settings, where: str) -> list[str]:
    from orchestra.analysis.query import calls_where  # noqa: PLC0415 - an extra

    return await calls_where(settings, where)


def tag(name: str) -> str:
    """The tag of a type that is given by its tag or its name: ``UserTurnEnded`` → ``user.turn.ended``."""
    return name if "." in name or name.islower() else type_tag(name)


def _file(name: str) -> Path | None:
    path = Path(name)
    return path if path.is_file() else None


def _is_folder(name: str) -> bool:
    return Path(name).is_dir()


def is_whole(name: str) -> bool:
    """Whether this is the whole id of a call, and not a part of one."""
    try:
        partition_of(name)
        UUID(name[3:])
    except ValueError:
        return False
    return True


def _fitting(name: str, calls: set[str]) -> list[str]:
    return [call for call in calls if call.startswith(name) or call.endswith(name)]


def _starts(calls: frozenset[str] | None) -> Filter:
    return Filter(calls=calls, types=frozenset({_STARTED}))


def _from(entry: Entry) -> str:
    try:
        event = entry.event()
    except DecodeError:
        return ""
    return event.from_number if isinstance(event, CallStarted) else ""
