"""The events of a call as they are stored: filtered, page by page, each with its whole body on request. Pure."""

from collections import Counter
from collections.abc import Collection

import msgspec

from orchestra.bus import Entry
from orchestra.bus.stream.entry import UNREADABLE
from orchestra.bus.stream.stream_id import StreamId
from orchestra.console.call_page.journal import CallJournal

#: so much of a body is part of a page; the prompts of a long call have hundreds of kilobytes
_SHOWN = 2_000


class RawEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the journal.

    Attributes:
        number: of the entry, from 0.
        stream_id: that the server gave it.
        id: the event's own.
        type: its tag.
        turn: the turn that it belongs to.
        at: when it happened, epoch seconds; when it was stored if it does not say.
        source: who published it.
        body: its JSON, or what stands in its place; cut unless ``whole``.
        size: of the whole body, in characters.
        whole: the body is not cut.
        problem: why this version cannot understand it; empty if it can.

    """

    number: int
    stream_id: str
    id: str
    type: str
    turn: int
    at: float
    source: str
    body: str
    size: int
    whole: bool
    problem: str


class RawEvents(msgspec.Struct, frozen=True, kw_only=True):
    """A page of events.

    ``matching`` counts all that pass the filter, ``types`` those of the whole journal by type; ``following`` is the
    number from which the next page begins, None on the last one.
    """

    events: tuple[RawEvent, ...]
    total: int
    matching: int
    types: dict[str, int]
    following: int | None


class _Header(msgspec.Struct):
    at: float = 0.0
    source: str = ""


_header = msgspec.json.Decoder(_Header).decode


def raw_events(
    journal: CallJournal, *, types: Collection[str] = (), text: str = "", first: int = 0, limit: int = 100
) -> RawEvents:
    """A page of the events that pass the filter.

    Args:
        journal: of the call.
        types: only of these types; all if there are none.
        text: only those that contain it, whatever its case.
        first: the number of the entry with which the page begins.
        limit: how many events at most.

    """
    needles = _needles(text)
    matching = [
        number
        for number, entry in enumerate(journal.entries)
        if (not types or entry.type in types) and (not needles or _contains(entry, needles))
    ]
    page = [number for number in matching if number >= first]
    return RawEvents(
        events=tuple(raw_event(journal, number) for number in page[:limit]),
        total=len(journal.entries),
        matching=len(matching),
        types=dict(Counter(entry.type for entry in journal.entries)),
        following=page[limit] if len(page) > limit else None,
    )


def raw_event(journal: CallJournal, number: int, *, whole: bool = False) -> RawEvent:
    """One event. The number is one of the journal's."""
    entry = journal.entries[number]
    header, body = _header_of(entry), entry.body.decode("utf-8", "replace")
    problems = [remark.text for remark in journal.remarks if remark.number == number and remark.kind == "damaged"]
    unknown = any(remark.number == number and remark.kind == "unknown" for remark in journal.remarks)
    shown = body if whole else body[:_SHOWN]
    return RawEvent(
        number=number,
        stream_id=entry.stream_id,
        id=entry.id,
        type=entry.type,
        turn=journal.turns[number],
        at=header.at or StreamId.parse(entry.stream_id).seconds,
        source=header.source,
        body=shown,
        size=len(body),
        whole=len(shown) == len(body),
        problem="this version does not know the type" if unknown else "; ".join(problems),
    )


def _needles(text: str) -> tuple[str, ...]:
    """What to look for: the text itself, and as JSON writes it."""
    return tuple({text.lower(), msgspec.json.encode(text).decode()[1:-1].lower()}) if text else ()


def _contains(entry: Entry, needles: tuple[str, ...]) -> bool:
    body = f"{entry.type} {entry.id} {entry.body.decode('utf-8', 'replace')}".lower()
    return any(needle in body for needle in needles)


def _header_of(entry: Entry) -> _Header:
    try:
        return _header(entry.body)
    except UNREADABLE:
        return _Header()
