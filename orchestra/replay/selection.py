"""Which recorded calls are wanted, and their entries from a source."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import structlog

from orchestra.bus import Entry, keys, partition_of
from orchestra.errors import UsageError
from orchestra.replay.sources.port import SOURCES, Filter, OnWarning, Source, SourceType
from orchestra.settings import Settings
from orchestra_schemas import CallStarted, DecodeError, Event, tag_of
from orchestra_schemas.event import type_tag

_LOG = structlog.get_logger("orchestra.replay")
_STARTED = tag_of(CallStarted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which recorded events are wanted: those that meet every condition that is given.

    Attributes:
        calls: ids of calls; the beginning or end of an id is enough if no other call has it.
        caller: the number that called (``+15550001``).
        app: the name of the app that answered first.
        line: the line that decided it, or what was dialled (``+15550100``).
        since: events stored at this time or later, epoch seconds.
        until: events stored before this time.
        types: event types by tag (``user.turn.ended``) or name (``UserTurnEnded``).
        where: an SQL condition on the view ``calls``, or a query whose column ``call`` has the ids of the calls.
        streams: ``events`` (the journal), ``media`` (audio and partial transcripts), or both.

    """

    calls: tuple[str, ...] = ()
    caller: str = ""
    app: str = ""
    line: str = ""
    since: float | None = None
    until: float | None = None
    types: tuple[str, ...] = ()
    where: str = ""
    streams: tuple[str, ...] = (keys.JOURNAL,)


def log_warning(text: str) -> None:
    """Log what is missing or damaged."""
    _LOG.warning("recording.damaged", what=text)


async def entries(
    settings: Settings, selection: Selection, source: str = "auto", *, on_warning: OnWarning = log_warning
) -> AsyncGenerator[Entry]:
    """The selected entries: in the order of the stream within a partition, by stream id across partitions.

    Args:
        settings: where the archive is, and which server has the journal.
        selection: what is wanted.
        source: what a file of `orchestra.replay.sources` recognizes: ``auto`` (everything that this installation
            keeps), ``archive``, ``journal``, a Redis URL, the folder or URL of an archive, a file of JSON lines.
        on_warning: gets one sentence for everything that is damaged or missing; the rest is read.

    Raises:
        UsageError: there is no such source, or a part of an id fits no call or several.

    """
    async with (
        open_selection(settings, selection, source, on_warning) as (opened, wanted),
        aclosing(opened.entries(wanted)) as found,
    ):
        async for entry in found:
            yield entry


@asynccontextmanager
async def open_selection(
    settings: Settings, selection: Selection, source: str = "auto", on_warning: OnWarning = log_warning
) -> AsyncIterator[tuple[Source, Filter]]:
    """Open a source, with the selection as a filter for its entries; see `entries`."""
    async with _find_source(source).open(settings, source, on_warning) as opened:
        yield opened, await _filter(opened, settings, selection)


async def recorded_call(
    settings: Settings, call: str, source: str = "auto", *, on_warning: OnWarning = log_warning
) -> list[Event]:
    """All journal events of one call, in order, without unknown types and what cannot be decoded.

    ``call`` is its id, the beginning or end of its id, or the file of a recorded journal.

    Raises:
        UsageError: no call or several calls fit, or there is no such source.

    """
    if source == "auto" and _file(call) is not None:
        found = [entry async for entry in entries(settings, Selection(), call, on_warning=on_warning)]
        if len({entry.call for entry in found}) > 1:
            msg = f"{call} has several calls: choose one of them"
            raise UsageError(msg)
    else:
        found = [entry async for entry in entries(settings, Selection(calls=(call,)), source, on_warning=on_warning)]
    if not found:
        msg = f"no recorded call matches {call!r}: `orchestra calls list` shows what there is"
        raise UsageError(msg)
    return list(decoded(found, on_warning))


def decoded(found: list[Entry], on_warning: OnWarning = log_warning) -> Iterator[Event]:
    """The events of entries, as far as this version can decode them."""
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


def _find_source(source: str) -> SourceType:
    found = SOURCES.find(source)
    if found is None:
        msg = f"{source!r} is not a recording: use {SOURCES.describe()}"
        raise UsageError(msg)
    return found


async def _filter(source: Source, settings: Settings, selection: Selection) -> Filter:
    """The selection with the whole ids of its calls."""
    calls = await _full_ids(source, selection.calls) if selection.calls else None
    if selection.caller or selection.app or selection.line:
        started = source.entries(_started(calls))
        calls = frozenset([entry.call async for entry in started if _begins_like(entry, selection)])
    if selection.where:
        from orchestra.analysis.query import calls_where  # noqa: PLC0415 - an extra

        by_query = frozenset(await calls_where(source.query_settings(settings), selection.where))
        calls = by_query if calls is None else calls & by_query
    return Filter(
        calls=calls,
        since_ms=0 if selection.since is None else round(selection.since * 1000),
        until_ms=None if selection.until is None else round(selection.until * 1000),
        types=frozenset(map(tag, selection.types)) or None,
        streams=selection.streams,
    )


async def _full_ids(source: Source, names: tuple[str, ...]) -> frozenset[str]:
    """The calls with these ids, or parts of ids.

    Raises:
        UsageError: a part fits no call, or several.

    """
    parts = [name for name in names if not is_whole(name)]
    found = set(names) - set(parts)
    known = {entry.call async for entry in source.entries(_started(None))} if parts else set()
    if any(not _fitting(name, known) for name in parts):  # a call may have lost its beginning
        known |= {entry.call async for entry in source.entries(Filter())}
    for name in parts:
        fitting = _fitting(name, known)
        if len(fitting) != 1:
            what = f"{len(fitting)} calls match" if fitting else "no recorded call matches"
            msg = f"{what} {name!r}: `orchestra calls list` shows what there is"
            raise UsageError(msg)
        found.add(fitting[0])
    return frozenset(found)


def tag(name: str) -> str:
    """The tag of an event type given by tag or name: ``UserTurnEnded`` → ``user.turn.ended``."""
    return name if "." in name or name.islower() else type_tag(name)


def _file(name: str) -> Path | None:
    path = Path(name)
    return path if path.is_file() else None


def is_whole(name: str) -> bool:
    """Whether this is the whole id of a call, not a part of it."""
    try:
        partition_of(name)
        UUID(name[3:])
    except ValueError:
        return False
    return True


def _fitting(name: str, calls: set[str]) -> list[str]:
    return [call for call in calls if call.startswith(name) or call.endswith(name)]


def _started(calls: frozenset[str] | None) -> Filter:
    return Filter(calls=calls, types=frozenset({_STARTED}))


def _begins_like(entry: Entry, selection: Selection) -> bool:
    try:
        event = entry.event()
    except DecodeError:
        return False
    if not isinstance(event, CallStarted):
        return False
    return (
        selection.caller in ("", event.from_number)
        and selection.app in ("", event.app)
        and selection.line in ("", event.line, event.own_number)
    )
