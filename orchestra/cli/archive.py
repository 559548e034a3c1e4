"""`orchestra archive`: what is in the archive, merging its files, and making its derived tables again."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from orchestra.counted import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestra.archive.archive import Archive
    from orchestra.archive.compaction_record import CompactionRecord
    from orchestra.retention.policy import Kept
    from orchestra.settings import Settings

#: what is kept for a time that the settings say
KEPT: Final[dict["Kept", str]] = {
    "recordings_days": "recordings are",
    "archive_days": "the archive is",
    "callers_days": "callers' earlier calls are",
    "exports_days": "tasks in Label Studio, and quotes in evaluations and comparisons, are",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(
        help="The archive of all calls: its content, merging its files, making its derived tables again.",
        no_args_is_help=True,
    )
    commands.command()(status)
    commands.command()(compact)
    commands.command()(rebuild)
    app.add_typer(commands, name="archive")


def _archive() -> "tuple[Settings, Archive]":
    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.settings import load_settings

    with needs_extra("archive"):
        from orchestra.archive.archive import Archive
    settings = load_settings()
    return settings, Archive.of(settings)


def status(as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Show the archive's events by day, its gaps, what is not archived yet, and for how long what is kept."""
    import asyncio

    from orchestra.cli.ui.terminal import say_json
    from orchestra.errors import OrchestraError

    settings, archive = _archive()
    try:
        found = _found(archive)
    except OSError as error:
        msg = f"the archive at {archive.root} cannot be read: {error}"
        raise OrchestraError(msg) from error
    found["waiting"], held = asyncio.run(_asked(settings))
    found["retention"] = _retention(settings) | {"held_calls": held}
    found["compacts_at"] = settings.archive_compact_at
    if as_json:
        say_json(found)
    else:
        _print_status(archive, found)


def _found(archive: "Archive") -> dict[str, Any]:
    from orchestra.archive.archive import effective_parts
    from orchestra.archive.compact import find_gaps
    from orchestra.archive.compaction_record import last_compaction

    days: dict[str, dict[str, int]] = {}
    files = archive.files()
    for part in effective_parts(files):
        day = days.setdefault(part.file.day, {"files": 0, "events": 0, "bytes": 0})
        with archive.open(part.file) as opened:
            day["events"] += opened.metadata.num_rows
        day["files"] += 1
        day["bytes"] += archive.root.size(part.file.path)
    return {
        "place": str(archive.root),
        "days": days,
        "covered_files": len(files) - sum(day["files"] for day in days.values()),
        "holes": [str(hole) for hole in find_gaps(archive)],
        "free_bytes": archive.root.free_bytes(),
        "compacted": last_compaction(archive),
    }


def _retention(settings: "Settings") -> dict[str, Any]:
    """For how many days what is kept, 0 being for ever: by the name of the setting, for all and by app."""
    from orchestra.retention.policy import KeepDays

    found: dict[str, Any] = {}
    for what in KEPT:
        keep = KeepDays.of(settings, what)
        found[what] = {"days": keep.days, "apps": dict(keep.apps)}
    # callers are not remembered for longer than there are records of their calls
    found["callers_days"]["days"] = found["callers_days"]["days"] or settings.session_ttl_s / (24 * 3600)
    return found


async def _asked(settings: "Settings") -> tuple[int | None, int | None]:
    """How many events are not archived yet, None without an archive worker, and how many calls are held.

    Both are None without a running server.
    """
    from orchestra.bus import Bus
    from orchestra.errors import ServerError
    from orchestra.retention.holds import Holds

    try:
        bus = await Bus.connect(settings)
    except ServerError:
        return None, None
    try:
        lags = [group.lag for group in await bus.groups() if group.group == "archive"]
        held = await Holds(bus).held_calls()
    finally:
        await bus.close()
    return sum(lag or 0 for lag in lags) if lags else None, len(held)


def _print_status(archive: "Archive", found: dict[str, Any]) -> None:
    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.table import columns, print_table

    console = terminal()
    rows = []
    for name, day in found["days"].items():
        each = f"{day['bytes'] / max(1, day['events']):.0f}"
        rows.append((name, f"{day['files']:,}", f"{day['events']:,}", f"{day['bytes'] / 1e6:,.1f}", each))
    numbers = ("files", "events", "MB", "bytes per event")
    if rows:
        print_table(console, columns("day", *numbers, right=numbers), rows)
    else:
        console.print(f"nothing is archived in {archive.root} yet", soft_wrap=True)
    for hole in found["holes"]:
        console.print(hole, style="bold red", soft_wrap=True)
    waiting, free = found["waiting"], found["free_bytes"]
    if waiting is not None:
        console.print(f"{counted(waiting, 'event')} of the journal not archived yet")
    for what, kept in found["retention"].items():
        if isinstance(kept, dict):
            apps = "".join(f"; {app}: {_days(days)}" for app, days in sorted(kept["apps"].items()))
            console.print(f"{KEPT[what]} kept {_days(kept['days'])}{apps}", soft_wrap=True)
    if held := found["retention"]["held_calls"]:
        console.print(f"held calls: {held:,} (orchestra hold list)")
    console.print(_compactions(found["compacted"], found["compacts_at"]), soft_wrap=True)
    room = "" if free is None else f", {free / 1e9:,.1f} GB free"
    console.print(f"in {archive.root}{room}", soft_wrap=True)


def _days(days: float) -> str:
    return counted(days, "day") if days else "for ever"


def _compactions(last: "CompactionRecord | None", at: str) -> str:
    from datetime import datetime

    every = f"each night from {at} on, by the archive worker" if at else "not by itself (ORCHESTRA_ARCHIVE_COMPACT_AT)"
    if last is None:
        return f"never compacted; {every}"
    when = datetime.fromtimestamp(last.ended_at).strftime("%Y-%m-%d %H:%M")  # noqa: DTZ006 - where the reader is
    done = last.result
    merged = f"{counted(done.get('merged', 0), 'file')} became {done.get('made', 0):,}"
    return f"compacted {when} in {last.ended_at - last.began_at:,.0f} s: {merged}; {every}"


def compact(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Merge the small files of each day and partition now: the archive worker does it at night. All else continues."""
    import time
    from dataclasses import asdict

    from orchestra.cli.ui.terminal import complain, say, say_json

    _, archive = _archive()
    from orchestra.archive.compact import compact as merge
    from orchestra.archive.compaction_record import record_compaction

    with _shown(archive, "merging", "merged") as show_progress:
        began_at = time.time()
        done = merge(archive, progress=show_progress)
        record_compaction(archive, done, began_at=began_at, ended_at=time.time())
    if as_json:
        say_json(asdict(done))
        return
    before, after = (size / 1e6 for size in (done.bytes_before, done.bytes_after))
    say(
        f"{counted(done.merged, 'file')} became {done.made}: {before:,.1f} MB, now {after:,.1f} MB;"
        f" {counted(done.covered, 'file')} and {counted(done.drafts, 'old draft')} removed"
        + f"; {done.kept} could not be removed, and no longer count"
        * bool(done.kept)
    )
    for reason in done.not_derived:
        complain(f"orchestra: {reason}; queries read its events instead")


def rebuild(as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Make the derived tables of all events again; workers and readers can continue.

    Needed only where they are damaged, for an archive of an older version (queries would read its events instead), and
    after files of events were deleted by hand: the derived tables may still have what these said.
    """
    from orchestra.cli.ui.terminal import complain, say, say_json

    _, archive = _archive()
    from orchestra.archive.derived.derive import rebuild as make_again

    with _shown(archive, "deriving", "derived") as show_progress:
        done = make_again(archive, progress=show_progress)
    if as_json:
        say_json({"made": len(done.made), "failed": done.failed})
    else:
        say(f"the derived tables of {counted(len(done.made), 'range')} of events were made")
        for reason in done.failed:
            complain(f"orchestra: {reason}; queries read its events instead")
    if done.failed:
        raise typer.Exit(1)


@contextmanager
def _shown(archive: "Archive", doing: str, done: str) -> "Iterator[Callable[[int, int], None]]":
    """Show the progress of work on the archive.

    Raises:
        OrchestraError: the archive cannot be read or written.

    """
    from orchestra.cli.compare.command import progress_of
    from orchestra.errors import OrchestraError

    with progress_of() as progress:
        task = None if progress is None else progress.add_task(doing, total=None)

        def show_progress(finished: int, of: int) -> None:
            if progress is not None and task is not None:
                progress.update(task, completed=finished, total=of)

        try:
            yield show_progress
        except OSError as error:
            msg = f"the archive at {archive.root} cannot be {done}: {error}; nothing of it is lost"
            raise OrchestraError(msg) from error
