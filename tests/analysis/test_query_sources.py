"""What a query reads: the archive's files, merged or damaged ones among them, and the running journal."""

import random
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from orchestra.analysis.query import CallDatabase
from orchestra.archive.archive import Archive
from orchestra.archive.compact import compact
from orchestra.archive.latest_calls import latest_calls
from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.errors import UsageError
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallStarted, Event, UserTurnEnded, encode, tag_of
from tests.analysis.archives import archived, entries
from tests.storage.failing_filesystem import UNREACHABLE, FailingFileSystem


async def test_archive_and_running_journal_are_queried_as_one_without_duplicates(bus: TestBus) -> None:
    calls = [bus.call(3), bus.call(4)]
    events: list[Event] = [CallStarted(call=call, from_number="+15550001") for call in calls]
    await bus.publish(*events, *(UserTurnEnded(call=calls[0], turn=turn, text="hello there") for turn in (1, 2)))
    old = [entry async for entry in bus.bus.entries(3, JOURNAL)]
    Archive.of(bus.bus.settings).write(bus.bus.journal_name, old[:2])
    records = await CallDatabase.open(bus.bus.settings)
    try:
        assert records.live == 2
        found = records.rows("SELECT call, turns, status FROM calls ORDER BY turns")
    finally:
        records.close()
    assert found == [
        {"call": calls[1], "turns": 0, "status": "running"},
        {"call": calls[0], "turns": 2, "status": "running"},
    ]


async def test_what_is_archived_while_a_database_is_open_counts_once(bus: TestBus) -> None:
    call = bus.call(3)
    await bus.publish(CallStarted(call=call), *(UserTurnEnded(call=call, turn=turn, text="hello") for turn in (1, 2)))
    found = [entry async for entry in bus.bus.entries(3, JOURNAL)]
    archive = Archive.of(bus.bus.settings)
    (first,) = archive.write(bus.bus.journal_name, found[:1])
    with closing(await CallDatabase.open(bus.bus.settings)) as records:
        assert records.live == 2
        archive.write(bus.bus.journal_name, found[1:2], after=first.last)
        assert compact(archive, settle_s=0).merged == 2
        assert records.rows("SELECT count(*) AS n FROM events") == [{"n": 3}]
        assert records.rows("SELECT turns FROM calls") == [{"turns": 2}]


async def test_damage_that_is_met_by_what_is_kept_for_several_queries_is_told(tmp_path: Path) -> None:
    settings = archived(tmp_path, [entry for entry in entries() if entry.partition == 1])
    archive = Archive.of(settings)
    (file,) = archive.files()
    whole = archive.root.read(file.path)
    footer = 8 + int.from_bytes(whole[-8:-4], "little")
    archive.root.write(file.path, b"PAR1" + bytes(len(whole) - 4 - footer) + whole[-footer:])
    with closing(await CallDatabase.open(settings, journal=False)) as records, pytest.raises(UsageError):
        records.keep("calls")


async def test_files_that_overlap_are_counted_once_and_late_types_and_odd_bodies_do_no_harm(tmp_path: Path) -> None:
    found = [entry for entry in entries() if entry.partition == 2]
    odd = [b"\xff", b"no json", b'{"type":"mood.scored","call":"c","later":{"deep":[1]},"turn":"x"}']
    late = [
        Entry(f"{1_763_830_900_000 + number}-0", 2, JOURNAL, "mood.scored", "02-x", f"odd{number}", body)
        for number, body in enumerate(odd)
    ]
    settings = archived(tmp_path, [*found, *late])
    Archive.of(settings).write("j", found[:30])
    Archive.of(settings).write(
        "j", [*found[10:], *late, Entry("1763830999999-0", 2, JOURNAL, "x", "02-x", "end", b"{}")]
    )
    records = await CallDatabase.open(settings)
    try:
        assert records.rows("SELECT count(*) AS n FROM events")[0]["n"] == len(found) + len(late) + 1
        assert records.rows("SELECT count(*) AS n FROM calls")[0]["n"] == 2
        assert records.rows("SELECT body->>'$.later.deep[0]' AS deep FROM events WHERE id = 'odd2'") == [{"deep": "1"}]
    finally:
        records.close()


async def test_an_archive_at_a_url_gives_the_same_results(kept: Settings) -> None:
    there = Archive("memory://analysts/archive")
    for file in Archive.of(kept).files():
        there.root.write(file.path, Archive.of(kept).root.read(file.path))
    records = await CallDatabase.open(kept.model_copy(update={"archive_url": "memory://analysts/archive"}))
    try:
        assert records.rows("SELECT count(*) AS n FROM turns WHERE total_ms > 0")[0]["n"] > 0
        with pytest.raises(UsageError, match="refused"):
            records.rows("SELECT * FROM read_csv('/etc/passwd')")
    finally:
        records.close()


async def test_an_unreachable_archive_is_named(kept: Settings) -> None:
    FailingFileSystem.reset()
    FailingFileSystem.everything = UNREACHABLE
    with pytest.raises(UsageError, match=r"cannot be reached.*No route to host"):
        await CallDatabase.open(kept.model_copy(update={"archive_url": "failing://bucket/archive"}))


async def test_a_damaged_file_is_named_and_the_others_are_queried(tmp_path: Path) -> None:
    settings = archived(tmp_path, entries())
    place = Archive.of(settings).root
    (day,) = place.names()
    place.write(f"{day}/{place.names(day)[0]}/1-0_2-0.parquet", b"no parquet")
    told: list[str] = []
    records = await CallDatabase.open(settings, on_warning=told.append)
    try:
        assert records.rows("SELECT count(*) AS n FROM events") == [{"n": 360}]
    finally:
        records.close()
    assert [("1-0_2-0.parquet" in each, "damaged" in each) for each in told] == [(True, True)]


@pytest.mark.parametrize("place", ["", "memory://analysts/damaged"])
@pytest.mark.integration
async def test_a_damaged_footer_is_a_warning_or_an_error_and_never_ends_the_process(
    kept: Settings, tmp_path: Path, place: str
) -> None:
    settings = kept.model_copy(update={"archive_url": place or str(tmp_path / "damaged")})
    archive, source = Archive(settings.archive_url or ""), Archive.of(kept)
    files = source.files()
    for file in files:
        archive.root.write(file.path, source.root.read(file.path))
    whole = source.root.read(files[0].path)
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    noticed = 0
    for seed in range(20):
        chance, damaged = random.Random(seed), bytearray(whole)
        damaged[chance.randrange(footer, len(whole) - 8)] = chance.randrange(256)
        archive.root.write(files[0].path, bytes(damaged))
        warnings: list[str] = []
        try:
            records = await CallDatabase.open(settings, on_warning=warnings.append)
            try:
                records.rows("SELECT call FROM entries WHERE stream_ms > 5 AND type = 'call.ended'")
            finally:
                records.close()
        except UsageError:
            noticed += 1
        noticed += bool(warnings)
    assert noticed > 2


class TestOneEventUnderTwoNames:
    """A server without persistence restarts: its journal has another name, and its workers still write the old one."""

    CALL = "03-019aac75-e980-7000-8000-00000000000a"

    def entries(self, count: int, call: str = CALL, first: int = 0, ms: int = 1_763_830_000_000) -> list[Entry]:
        events: list[Event] = [CallStarted(call=call, from_number="+15550001")]
        events += [UserTurnEnded(call=call, turn=turn, text="hello there") for turn in range(1, count)]
        made = []
        for number, event in enumerate(events):
            named = msgspec.structs.replace(event, id=f"{call}:edge.{number}", at=ms / 1000)
            body = encode(named)[b"body"]
            made.append(Entry(f"{ms}-{number}", 3, "events", tag_of(type(event)), call, named.id, body))
        return made[first:]

    @pytest.mark.parametrize("ms", [1_763_830_000_000, 1_763_830_500_000])
    async def test_an_event_of_two_journals_of_the_archive_counts_once(self, settings: Settings, ms: int) -> None:
        archive = Archive.of(settings)
        archive.write("old", self.entries(4))
        archive.write("new", self.entries(6, ms=ms))
        archive.write("new", self.entries(2, call=self.CALL.replace("a", "b"), ms=ms + 1000))
        records = await CallDatabase.open(settings.model_copy(update={"redis_url": None}))
        try:
            calls = records.rows("SELECT turns FROM calls ORDER BY turns")
            holes = records.rows("SELECT count(*) AS n FROM holes")
            events = records.rows("SELECT count(*) AS n FROM events")
        finally:
            records.close()
        assert (calls, holes, events) == ([{"turns": 1}, {"turns": 5}], [{"n": 0}], [{"n": 8}])
        assert len(list(archive.entries(calls=[self.CALL]))) == 6
        (latest, earlier) = latest_calls(archive, 5)
        assert sorted([len(latest), len(earlier)]) == [2, 6]

    async def test_an_event_under_the_old_and_the_new_name_of_a_journal_counts_once(self, bus: TestBus) -> None:
        call = bus.call(3)
        await bus.publish(
            CallStarted(call=call), *(UserTurnEnded(call=call, turn=turn, text="hello") for turn in (1, 2, 3))
        )
        live = [entry async for entry in bus.bus.entries(3, JOURNAL)]
        Archive.of(bus.bus.settings).write("before", live[:3])
        records = await CallDatabase.open(bus.bus.settings)
        try:
            assert records.rows("SELECT turns FROM calls") == [{"turns": 3}]
            assert records.rows("SELECT count(*) AS n FROM events") == [{"n": 4}]
        finally:
            records.close()

    async def test_events_without_an_id_are_distinguished_by_their_stream_ids(self, settings: Settings) -> None:
        nameless = [
            msgspec.structs.replace(entry, id="", body=entry.body.replace(entry.id.encode(), b""))
            for entry in self.entries(3)
        ]
        archive = Archive.of(settings)
        archive.write("old", nameless)
        archive.write("new", self.entries(2, ms=1_763_830_900_000))
        records = await CallDatabase.open(settings.model_copy(update={"redis_url": None}))
        try:
            assert records.rows("SELECT count(*) AS n FROM events") == [{"n": 5}]
        finally:
            records.close()
