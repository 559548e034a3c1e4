"""What is known of calls that are to be forgotten: what leads to everything else that is kept of them."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass, field

from orchestra.bus import Bus, Entry, keys
from orchestra.errors import MissingExtraError
from orchestra.history.call_record import CallRecord
from orchestra.storage.call_records import stored_records
from orchestra_schemas import CallEnded, CallStarted, DecodeError, RecordingSaved, TranscriptCurated, tag_of

_TYPES = frozenset(tag_of(each) for each in (CallStarted, CallEnded, RecordingSaved, TranscriptCurated))


@dataclass
class KnownCall:
    """What is known of a call.

    Attributes:
        call: its id.
        record: the server's record; None if it has none.
        party: the other party's number, as the carrier said it; empty if it is not known.
        app: the apps that had it.
        provider_call: the carrier's id of it.
        ended: whether its end is known.
        recordings: URLs of its recording.
        tasks: projects and tasks of Label Studio.

    """

    call: str
    record: CallRecord | None = None
    party: str = ""
    app: set[str] = field(default_factory=set)
    provider_call: str = ""
    ended: bool = False
    recordings: set[str] = field(default_factory=set)
    tasks: set[tuple[str, str]] = field(default_factory=set)

    def add(self, entry: Entry) -> None:
        """Add what an entry of the call says."""
        try:
            event = entry.event()
        except DecodeError:
            return
        match event:
            case CallStarted():
                self.party, self.provider_call = event.other_party, event.provider_call
                self.app.add(event.app)
            case CallEnded():
                self.ended = True
            case RecordingSaved():
                self.recordings.add(event.url)
            case TranscriptCurated():
                self.tasks.add((event.project, event.task))
            case _:
                pass


async def known_calls(bus: Bus, calls: Collection[str]) -> dict[str, KnownCall]:
    """What is known of these calls, by the server's records, the journal and the archive.

    Raises:
        redis.exceptions.RedisError: Redis cannot be reached.
        OSError: the archive cannot be reached.

    """
    found = {call: KnownCall(call) for call in calls}
    for call, record in (await stored_records(bus, calls)).items():
        if record is not None:
            known = found[call]
            known.record, known.party, known.provider_call = record, record.other_party, record.provider_call
            known.app |= {record.app, record.passed_to}
            known.ended = record.status == "ended"
            known.recordings |= {record.recording} - {""}
            known.tasks |= {(record.labelling_project, record.labelling_task)} - {("", "")}
    async for entry in _entries(bus, found):
        found[entry.call].add(entry)
    for entry in await asyncio.to_thread(_archived, bus, found):
        found[entry.call].add(entry)
    return found


async def _entries(bus: Bus, calls: Collection[str]) -> AsyncIterator[Entry]:
    for partition in sorted({keys.partition_of(call) for call in calls}):
        since = min(keys.earliest_ms(call) for call in calls if keys.partition_of(call) == partition)
        async for entry in bus.entries(partition, keys.JOURNAL, since=str(since)):
            if entry.type in _TYPES and entry.call in calls:
                yield entry


def _archived(bus: Bus, calls: Collection[str]) -> list[Entry]:
    try:
        from orchestra.archive.archive import Archive  # noqa: PLC0415 - an extra
    except MissingExtraError:
        return []
    archive, found = Archive.of(bus.settings), list[Entry]()
    archive.files(partitions=())  # raises where it cannot be reached
    with suppress(OSError):  # of a damaged file: it is said when its events are to be removed
        found.extend(archive.entries(calls=frozenset(calls), types=_TYPES) if calls else ())
    return found
