"""The latest calls of the archive, found by going back day by day as far as necessary."""

from collections import defaultdict
from collections.abc import Collection

from orchestra.archive.archive import Archive, effective_parts
from orchestra.archive.parquet import one_of
from orchestra.bus.keys import started_ms
from orchestra.bus.stream.entry import Entry
from orchestra_schemas import CallStarted, tag_of

_STARTED = tag_of(CallStarted)


def latest_calls(archive: Archive, limit: int, *, known: Collection[str] = ()) -> list[list[Entry]]:
    """The entries of the ``limit`` latest archived calls, call by call, without the ``known`` calls.

    Blocks. Calls whose beginning is not archived are not found.

    Raises:
        OSError: the archive cannot be reached, or a file is damaged.

    """
    calls: set[str] = set()
    for day in sorted({file.day for file in archive.files()}, reverse=True):
        calls |= _begun(archive, day)
        if len(calls) >= limit:
            break
    latest = sorted(calls, key=started_ms, reverse=True)[:limit]
    wanted = set(latest) - set(known)
    journals: dict[str, list[Entry]] = defaultdict(list)
    for entry in archive.entries(calls=wanted) if wanted else ():
        journals[entry.call].append(entry)
    return [journals[call] for call in latest if call in journals]


def _begun(archive: Archive, day: str) -> set[str]:
    """The calls that began on a day; files that are merged meanwhile are found under their new names."""
    while True:
        calls: set[str] = set()
        parts = effective_parts(archive.files(days=lambda each: each == day))
        try:
            for part in parts:
                with archive.open(part.file) as opened:
                    rows = opened.read(columns=["type", "call"])
                begun = rows["call"].filter(one_of(rows["type"], [_STARTED])).to_pylist()
                calls |= {
                    call for call in begun if call[:2].isdecimal() and started_ms(call)
                }  # without ids of other programs
        except FileNotFoundError:
            if parts == effective_parts(archive.files(days=lambda each: each == day)):
                raise
        else:
            return calls
