"""Calls that have been kept for long enough are removed from the archive, by the worker that owns their partition."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from functools import partial

import msgspec

from orchestra.archive.archive import Archive, ArchiveFile, ArchivePart, effective_parts
from orchestra.archive.derived.files import derived_files
from orchestra.archive.derived.without_calls import write_without
from orchestra.bus import Bus
from orchestra.bus.keys import started_ms
from orchestra.retention.holds import Holds
from orchestra.retention.policy import KeepDays
from orchestra.retention.sweeps import delete_expired
from orchestra_schemas import CallStarted, tag_of

_STARTED = tag_of(CallStarted)
_AGAIN_S = 24 * 3600.0


async def sweep_archive(bus: Bus, owned: Callable[[], Collection[int]]) -> None:
    """Remove expired calls from the archive of the partitions that are owned, until cancelled."""
    keep = KeepDays.of(bus.settings, "archive_days")
    sweeps = ArchiveSweeps(Archive.of(bus.settings), keep)

    async def sweep(now: float, dry_run: bool) -> int:
        held = await Holds(bus).held_calls()
        return await asyncio.to_thread(sweeps.run, sorted(owned()), held, now, dry_run=dry_run)

    await delete_expired(bus, "archive", keep, sweep)


class ArchiveSweeps:
    """Finds and removes expired calls. A file is opened again when something in it may be over."""

    def __init__(self, archive: Archive, keep: KeepDays) -> None:
        self._archive = archive
        self._keep = keep
        #: when to look at a file again, epoch seconds: not every hour at all that is held, or kept for longer
        self._again: dict[ArchiveFile, float] = {}
        self._derived_again: dict[ArchiveFile, float] = {}

    def run(self, partitions: Collection[int], held: Collection[str], now: float, *, dry_run: bool = False) -> int:
        """Remove what has expired of these partitions, but not what is held; how many calls there were. Blocks.

        Raises:
            OSError: the archive cannot be listed or written, or a file is damaged.

        """
        oldest_ms = self._keep.oldest_ms(now)
        files = [file for file in self._archive.files(partitions=partitions) if file.first.ms < oldest_ms]
        due = [file for file in files if self._again.get(file, 0.0) <= now]
        apps = self._apps_of(due) if self._keep.depends_on_app else {}
        removed: set[str] = set()

        def gone(file: ArchiveFile, calls: Iterable[str]) -> list[str]:
            """The expired ones of a file's calls; what is of no call is as old as the file."""
            return [
                call
                for call in calls
                if call not in held and self._keep.is_over(started_ms(call) or file.last.ms, now, apps.get(call, ""))
            ]

        # the latest first: whose a call was is known for as long as its beginning is there
        for file in sorted(due, key=lambda file: file.first, reverse=True):
            expired = partial(self._noted, partial(gone, file), removed)
            try:
                self._archive.rewrite(file, expired, dry_run=dry_run)
            except FileNotFoundError:
                continue  # it was merged: the next sweep finds its events
            if not dry_run:
                self._again[file] = now + _AGAIN_S
        if not dry_run:
            for covered in derived_files(self._archive, partitions=partitions):
                if covered.first.ms < oldest_ms and self._derived_again.get(covered, 0.0) <= now:
                    write_without(self._archive, covered, partial(gone, covered))
                    self._derived_again[covered] = now + _AGAIN_S
        if removed and not dry_run:
            self._remove_empty(partitions)
        return len(removed)

    @staticmethod
    def _noted(gone: Callable[[Iterable[str]], list[str]], removed: set[str], calls: Iterable[str]) -> list[str]:
        found = gone(calls)
        removed.update(found)
        return found

    def _apps_of(self, files: Collection[ArchiveFile]) -> dict[str, str]:
        """The apps of the calls that begin in these files."""
        apps: dict[str, str] = {}
        for file in files:
            try:
                for table in self._archive.tables(ArchivePart(file), types=[_STARTED]):
                    for call, body in zip(table["call"].to_pylist(), table["body"].to_pylist(), strict=True):
                        apps[call] = _app_in(body)
            except FileNotFoundError:
                continue  # it was merged or deleted meanwhile
        return apps

    def _remove_empty(self, partitions: Collection[int]) -> None:
        """Remove the files at the beginning of each stream that have nothing left, all but its last one."""
        streams: dict[tuple[str, int], list[ArchivePart]] = defaultdict(list)
        for part in effective_parts(self._archive.files(partitions=partitions)):
            streams[part.file.journal, part.file.partition].append(part)
        for parts in streams.values():
            for part in parts[:-1]:  # a worker goes on after the last one
                with self._archive.open(part.file) as opened:
                    rows = opened.metadata.num_rows
                if rows:
                    break
                self._archive.root.remove(part.file.path)
                self._again.pop(part.file, None)


class _Started(msgspec.Struct):
    app: str = ""


def _app_in(body: str) -> str:
    try:
        return msgspec.json.decode(body, type=_Started).app
    except msgspec.DecodeError:
        return ""
