"""Forgets calls in every store, in an order in which nothing of them can come back."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from orchestra.bus import Bus, keys
from orchestra.bus.tombstones import mark_forgotten
from orchestra.clock import SYSTEM_CLOCK
from orchestra.counted import counted
from orchestra.curation.label_studio import LabelStudio
from orchestra.errors import MissingExtraError, OrchestraError, UsageError
from orchestra.evaluation.quoted_calls import remove_quotes
from orchestra.forgetting.chosen import Wanted, calls_with
from orchestra.forgetting.elsewhere import remains
from orchestra.forgetting.files import FoundFile, remove_demo_runs, remove_recordings
from orchestra.forgetting.known import KnownCall, known_calls
from orchestra.forgetting.receipt import ForgottenCall, Found, Receipt, Refused, Remains, day_of, receipt_hash
from orchestra.forgetting.redis_keys import KeySweep
from orchestra.forgetting.redis_streams import delete_entries, stream_entries, unhandled
from orchestra.forgetting.server_files import rewrite_files
from orchestra.retention.holds import Holds
from orchestra.storage.secrets import number_key

_LOOK_EVERY_S = 0.25
_STREAMS = {keys.JOURNAL: ("journal", "events"), keys.MEDIA: ("media stream", "pieces of audio")}


@dataclass(slots=True)
class _Work:
    """What is being done: the calls, and what was found and failed so far."""

    calls: dict[str, KnownCall]
    wanted: Wanted
    dry_run: bool
    found: list[Found] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    #: streams in whose memory the bytes of deleted entries stay until they are trimmed
    unwritten: set[str] = field(default_factory=set)
    left: list[Remains] = field(default_factory=list)


async def forget(
    bus: Bus,
    wanted: Wanted,
    *,
    dry_run: bool = False,
    past: Collection[str] = (),
    within_s: float | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Receipt, list[tuple[str, str]]]:
    """Forget these calls, and every call with these people; the receipt, and by id the calls that are not forgotten.

    Args:
        bus: the server.
        wanted: calls and people.
        dry_run: only look what there is.
        past: groups that are not waited for: they never handle what they have not handled yet.
        within_s: how long to wait for groups, in seconds; twice the time in which an archive file is written unless
            given.
        say: gets a sentence when something has to be waited for.

    Raises:
        UsageError: groups have not handled the calls' events in time.
        OrchestraError: the archive cannot be reached.
        redis.exceptions.RedisError: Redis cannot be reached, or refuses.

    """
    settings, key = bus.settings, number_key(bus.settings)
    chosen = list(dict.fromkeys([*wanted.calls, *await calls_with(bus, wanted.parties)]))
    try:
        known = await known_calls(bus, chosen)
    except OSError as error:
        msg = f"nothing is forgotten: the archive cannot be read: {error}"
        raise OrchestraError(msg) from error
    refused = await _refused(bus, known)
    calls = {call: each for call, each in known.items() if call not in refused}
    if not dry_run and calls:
        within_s = 2 * settings.archive_flush_s if within_s is None else within_s
        await _until_handled(bus, calls, past, within_s, say)
        await mark_forgotten(bus, calls)
    work = _Work(calls, wanted, dry_run)
    not_written = ""
    if calls or wanted.parties:
        # what leads from a number to its calls comes last, so that a run that was killed can be ended
        await _in_label_studio(bus, work)
        await _in_files(bus, work)
        sweep = await _in_keys(bus, work)
        if await _in_archive(bus, work):
            await _in_streams(bus, work)
            await sweep.remove_records()
        not_written = "" if dry_run else await rewrite_files(bus)
    receipt = Receipt(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        dry_run=dry_run,
        asked=tuple(receipt_hash(key, each) for each in (*wanted.calls, *wanted.parties)),
        calls=tuple(ForgottenCall(receipt_hash(key, call), day_of(keys.started_ms(call))) for call in calls),
        found=tuple(each for each in work.found if each.count),
        refused=tuple(Refused(receipt_hash(key, call), reason) for call, reason in refused.items()),
        remains=(*work.left, *await remains(bus, wanted, work.unwritten, not_written)) if calls else (),
        failed=tuple(work.failed),
    )
    return receipt, list(refused.items())


async def _refused(bus: Bus, known: dict[str, KnownCall]) -> dict[str, str]:
    """The calls that cannot be forgotten, and why."""
    holds = await Holds(bus).of({call: each.party for call, each in known.items()})
    refused = {call: f"it is held: {hold.reason}" for call, hold in holds.items()}
    lately_ms = (SYSTEM_CLOCK.time() - bus.settings.lost_call_s) * 1000
    for call, each in known.items():
        if call in refused or each.ended:
            continue
        runs = each.record is not None
        if not runs:  # without a record, it may be a call that has just begun
            streams = await stream_entries(bus, [call])
            last = [int(entries.ids[-1].partition("-")[0]) for some in streams.values() for entries in some]
            runs = max(last, default=0) > lately_ms
        if runs:
            refused[call] = "it is running: run the command again when it has ended"
    return refused


async def _until_handled(
    bus: Bus, calls: Collection[str], past: Collection[str], within_s: float, say: Callable[[str], None]
) -> None:
    """Wait until every group has handled all entries of these calls.

    Raises:
        UsageError: some have not in time.

    """
    deadline, told = time.monotonic() + within_s, False
    while True:
        streams = await stream_entries(bus, calls)
        left = await unhandled(bus, [entries for some in streams.values() for entries in some])
        waited_for = {group: count for group, count in sorted(left.items()) if group not in past}
        if not waited_for:
            return
        said = ", ".join(f"{group} ({count})" for group, count in waited_for.items())
        if time.monotonic() > deadline:
            options = " ".join(f"--past {group}" for group in waited_for)
            msg = (
                f"nothing is forgotten yet: events of these calls are not handled by {said}. Run the workers, or give"
                f" {options}: what they have not handled is lost to them"
            )
            raise UsageError(msg)
        if not told:
            say(f"waiting until the events are handled by {said}, for at most {within_s:.0f} s")
            told = True
        await asyncio.sleep(_LOOK_EVERY_S)


async def _in_streams(bus: Bus, work: _Work) -> None:
    for stream, found in (await stream_entries(bus, work.calls)).items():
        store, what = _STREAMS[stream]
        work.found.append(Found(f"Redis: {store}", sum(len(entries.ids) for entries in found), what))
        for entries in found if not work.dry_run else ():
            if not await delete_entries(bus, entries):
                work.unwritten.add(stream)


async def _in_keys(bus: Bus, work: _Work) -> KeySweep:
    """Everything on the server but the streams; the records are only found yet."""
    sweep = KeySweep(
        bus,
        work.calls,
        provider_calls={each.provider_call for each in work.calls.values()} - {""},
        parties=work.wanted.parties,
        dry_run=work.dry_run,
    )
    await sweep.run()
    work.found += [Found(f"Redis: {kind}", count, "entries") for kind, count in sorted(sweep.found.items())]
    work.failed += [
        f"the campaign {name} is calling a contact right now: run the command again after that"
        for name in sorted(sweep.being_called)
    ]
    return sweep


async def _in_files(bus: Bus, work: _Work) -> None:
    files: list[FoundFile] = []
    for call, each in work.calls.items():
        try:
            files += await asyncio.to_thread(
                remove_recordings, bus.settings, call, each.recordings, dry_run=work.dry_run
            )
        except (OSError, MissingExtraError) as error:
            work.failed.append(f"a recording cannot be removed: {error}".replace(call, "CALL"))
    folders = Counter(each.place.rpartition("/")[0] for each in files)
    work.found += [Found("recordings", count, "files", place) for place, count in sorted(folders.items())]
    runs = await asyncio.to_thread(remove_demo_runs, bus.settings, work.calls, dry_run=work.dry_run)
    work.found.append(Found("demo runs", len(runs), "folders"))
    folder = bus.settings.data_dir
    quotes = await asyncio.to_thread(remove_quotes, folder, work.calls, dry_run=work.dry_run)
    work.found.append(Found("evaluation set", quotes.lines, "lines", str(folder)))
    work.found.append(Found("evaluations and comparisons", quotes.results, "files", str(folder)))
    work.failed += quotes.problems


async def _in_archive(bus: Bus, work: _Work) -> bool:
    """Remove the calls from the archive; False where it does not let us, and the command has to be run again."""
    try:
        from orchestra.archive.archive import Archive  # noqa: PLC0415 - an extra
        from orchestra.archive.forgotten import remove_calls  # noqa: PLC0415 - an extra
    except MissingExtraError:
        return True
    archive = Archive.of(bus.settings)
    try:
        done = await asyncio.to_thread(remove_calls, archive, work.calls, dry_run=work.dry_run)
    except OSError as error:
        work.failed.append(f"the archive at {archive.root} cannot be written: {error}; run the command again")
        return False
    work.found.append(Found("archive", done.events, f"events in {counted(done.files, 'file')}", str(archive.root)))
    work.found.append(Found("archive: derived tables", done.derived, "ranges", str(archive.root)))
    work.failed += done.failed
    return True


async def _in_label_studio(bus: Bus, work: _Work) -> None:
    settings = bus.settings
    if not settings.label_studio_url:
        return
    tasks = {task for each in work.calls.values() for task in each.tasks}
    try:
        with LabelStudio(settings) as studio:
            removed = await asyncio.to_thread(studio.remove, list(work.calls), tasks, dry_run=work.dry_run)
    except OrchestraError as error:
        work.failed.append(f"Label Studio: {error}")
        return
    work.found.append(Found("Label Studio", removed.tasks, "tasks", settings.label_studio_url))
    work.found.append(Found("Label Studio", len(removed.files), "audio files", settings.label_studio_url))
    work.left += [
        Remains("Label Studio's disk", f"{place} in its media folder, which it only forgets", "somebody deletes it")
        for place in removed.files
    ]


def is_nothing(receipt: Receipt) -> bool:
    """Whether nothing was kept of what was asked for."""
    return not receipt.found and not receipt.refused and not receipt.failed
