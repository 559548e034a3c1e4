"""Calls that were forgotten: the archive's files are written again without them, while others write, merge and read.

``forgotten/2026-11-29-3f9a…`` is an empty file for a call that was forgotten on that day, by the SHA-1 of its id. These
marks settle who is last when several write at the same time::

    forget     mark ── look through all files, write those with the call again
    others     read events or tables ── write a file without marked calls ── look for marks again ── write it once more

A mark that another writer has seen too late for its file was there before the file was looked for, or is found in its
second look. So it does not matter which of them is faster, and a run that was killed is ended by the next one. A file
that is written again keeps its name: it still stands for all stream ids from its first to its last.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from orchestra.archive.abandoned import is_abandoned
from orchestra.archive.archive import Archive, ArchiveFile
from orchestra.archive.derived.derive import forget_other_versions
from orchestra.archive.derived.without_calls import derived_calls, derived_ranges, remove_halves, write_without
from orchestra.atomic_file import DRAFT
from orchestra.bus.keys import earliest_ms, partition_of
from orchestra.bus.stream.stream_id import StreamId
from orchestra.clock import SYSTEM_CLOCK


@dataclass(slots=True)
class ArchiveRemoval:
    """What an archive had of some calls: ``events`` in ``files``, and rows in ``derived`` ranges of its tables.

    ``failed`` files could not be read or written, and may still have it; one sentence each.
    """

    events: int = 0
    files: int = 0
    derived: int = 0
    failed: list[str] = field(default_factory=list)


def remove_calls(
    archive: Archive,
    calls: Collection[str],
    *,
    dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> ArchiveRemoval:
    """Remove everything of these calls from the archive, for good: what comes later is not archived. Blocks.

    It can run beside workers, readers, `compact` and another `remove_calls`. What it did before it was killed stays
    done.

    Args:
        archive: the archive.
        calls: their ids.
        dry_run: only look what there is.
        progress: called with the number of finished files, and of all.

    Raises:
        OSError: the archive cannot be listed, or not be marked.

    """
    result, wanted = ArchiveRemoval(), frozenset(calls)
    if not wanted:
        return result
    if not dry_run:
        archive.marks.add(wanted)

    def gone(found: Iterable[str]) -> list[str]:
        return [call for call in found if call in wanted]

    partitions, since_ms = {partition_of(call) for call in wanted}, min(map(earliest_ms, wanted))
    seen: set[ArchiveFile] = set()
    while files := [file for file in _since(archive, partitions, since_ms) if file not in seen]:
        # the latest first: while the beginning of a call is there, it is found by its number
        for number, file in enumerate(sorted(files, key=lambda file: file.first, reverse=True), 1):
            seen.add(file)
            try:
                removed = archive.rewrite(file, gone, dry_run=dry_run)
            except FileNotFoundError:
                continue  # it was merged: the next listing has the file with its events
            except OSError as error:
                result.failed.append(str(error))
                continue
            result.events += removed
            result.files += bool(removed)
            progress(number, len(files))
    _remove_derived(archive, partitions, since_ms, gone, result, dry_run=dry_run)
    if not dry_run:
        _remove_drafts(archive, seen, since_ms)
        forget_other_versions(archive)
    return result


def _since(archive: Archive, partitions: Collection[int], since_ms: int) -> list[ArchiveFile]:
    first = datetime.fromtimestamp(since_ms / 1000, UTC).strftime("%Y-%m-%d")
    files = archive.files(partitions=partitions, days=lambda day: day >= first)
    return [file for file in files if file.last.ms >= since_ms]


def _remove_derived(
    archive: Archive,
    partitions: Collection[int],
    since_ms: int,
    gone: Callable[[Iterable[str]], list[str]],
    result: ArchiveRemoval,
    *,
    dry_run: bool,
) -> None:
    for file in sorted(derived_ranges(archive, partitions), key=lambda file: file.first, reverse=True):
        if file.last.ms < since_ms:
            continue
        if dry_run:
            result.derived += bool(gone(derived_calls(archive, file)))
        else:
            result.derived += write_without(archive, file, gone)
    if not dry_run:
        remove_halves(archive, partitions, since_ms)


def _remove_drafts(archive: Archive, files: Collection[ArchiveFile], since_ms: int) -> None:
    """Remove what a dead process has left half written; a living one looks for marks when it has written."""
    for folder in sorted({file.folder for file in files}):
        for name in archive.root.names(folder):
            stem, dot, _ = name.partition(".parquet")
            is_draft = dot and name.endswith(DRAFT) and _last(stem).ms >= since_ms
            if is_draft and is_abandoned(archive.root, f"{folder}/{name}"):
                archive.root.remove(f"{folder}/{name}")


def _last(stem: str) -> StreamId:
    try:
        return StreamId.parse(stem.rpartition("_")[2])
    except ValueError:
        return StreamId(int(SYSTEM_CLOCK.time() * 1000))
