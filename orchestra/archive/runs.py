"""Neighbouring files of a day that may become one."""

from collections.abc import Iterator, Sequence

from orchestra.archive.archive import Archive, ArchivePart

MOST_ROWS = 1_000_000


def mergeable_runs(
    archive: Archive, parts: Sequence[ArchivePart], most_rows: int = MOST_ROWS
) -> Iterator[list[ArchivePart]]:
    """The parts of one day and stream, divided where something is missing between two, or a file would be too large."""
    run: list[ArchivePart] = []
    rows = 0
    for part in parts:
        with archive.open(part.file) as opened:
            count, after = opened.metadata.num_rows, archive.after(part.file, opened)
        if run and (after > run[-1].file.last or rows + count > most_rows):
            yield run
            run, rows = [], 0
        run.append(part)
        rows += count
    if run:
        yield run
