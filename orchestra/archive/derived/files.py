"""The files of the derived tables, and which of them stand for which events.

``derived/4/calls/2026-11-22/p07-3f9ac2d1/1763830000000-0_1763830059412-3.parquet`` is of the events of one day and
stream from the first id to the last, and of nothing else. So it is made again from the same events with the same
content, by whichever process, and it never has to be brought up to date: events that come later get a file of their
own. It counts as long as the archive's files begin and end at the same ids; whatever lies between two files of events,
merging them included, changes nothing. The folder ``4`` is the version of the tables: another version neither reads it
nor writes to it. A file of ``calls`` is written last, and says that the others are complete. A range that an older
platform derived has no file of sums: these are made of its rows by whoever asks, until the next `derive`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

from orchestra.archive.archive import Archive, ArchiveFile, ArchivePart
from orchestra.archive.derived.sums import SUMS
from orchestra.archive.derived.tables import TABLES

FOLDER = "derived"
#: goes up with every change of the tables
VERSION = "4"
#: of the tables of a range, the one that is written last
LAST = "calls"


def derived_path(table: str, covered: ArchiveFile) -> str:
    """The file of a derived table for the events of this range, below the archive's root."""
    return f"{derived_folder(table)}/{covered.path}"


def derived_folder(table: str) -> str:
    """The folder of a derived table, below the archive's root."""
    return f"{FOLDER}/{VERSION}/{table}"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Where the rows of some events come from: ``derived`` ranges, and ``raw`` parts that are in no such range."""

    derived: list[ArchiveFile]
    raw: list[ArchivePart]


def coverage(parts: Sequence[ArchivePart], derived: Collection[ArchiveFile]) -> Coverage:
    """For each stream and day, the longest derived ranges that begin and end where files of events do.

    ``parts`` are those that count, in the order of `effective_parts`.
    """
    begins: dict[tuple[str, int, str, tuple[int, int]], list[ArchiveFile]] = {}
    for file in sorted(derived, key=lambda file: file.last, reverse=True):
        begins.setdefault((file.journal, file.partition, file.day, file.first), []).append(file)
    found = Coverage([], [])
    for _, day in groupby(parts, key=lambda part: (part.file.journal, part.file.partition, part.file.day)):
        of_day = list(day)
        ends = {part.file.last: number for number, part in enumerate(of_day)}
        number = 0
        while number < len(of_day):
            part = of_day[number]
            begun = (part.file.journal, part.file.partition, part.file.day, part.file.first)
            fitting = [file for file in begins.get(begun, ()) if ends.get(file.last, -1) >= number]
            if part.whole and fitting:
                found.derived.append(fitting[0])
                number = ends[fitting[0].last] + 1
            else:
                found.raw.append(part)
                number += 1
    return found


def derived_files(
    archive: Archive, *, partitions: Collection[int] | None = None, journal: str | None = None
) -> list[ArchiveFile]:
    """The ranges for which there are derived tables."""
    return derived_archive(archive, LAST).files(partitions=partitions, journal=journal)


def summed_files(
    archive: Archive, *, partitions: Collection[int] | None = None, journal: str | None = None
) -> frozenset[ArchiveFile]:
    """The ranges of which there is a file of sums; it counts if the range has derived tables."""
    return frozenset(derived_archive(archive, SUMS).files(partitions=partitions, journal=journal))


def derived_archive(archive: Archive, table: str) -> Archive:
    """The files of a derived table: they have the names of an archive's files, in a folder of their own."""
    return Archive(f"{archive.root.location.rstrip('/')}/{derived_folder(table)}")


def paths_of(covered: ArchiveFile) -> dict[str, str]:
    """All files of a range, by table, in the order in which they are written."""
    return {table: derived_path(table, covered) for table in (SUMS, *sorted(TABLES, key=lambda name: name == LAST))}
