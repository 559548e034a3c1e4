"""The archive worker on a real journal."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import structlog
from msgspec.structs import replace
from structlog.testing import capture_logs

from orchestra.archive.archive import Archive
from orchestra.archive.writer import ArchiveWriter
from orchestra.bus import keys
from orchestra.bus.keys import JOURNAL
from orchestra.bus.redis.reply import text as text_of
from orchestra.bus.worker.health import Health
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import AudioChunk, CallStarted, Event, UserTurnEnded
from orchestra_workers.archive import consumer
from tests.archive.test_archive import entry as one
from tests.storage.failing_filesystem import NO_SPACE, READ_ONLY, UNREACHABLE, FailingFileSystem

WITHIN_S = 30.0


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    return Settings(redis_url=redis_url, data_dir=tmp_path, archive_flush_s=0.02)


def turns(call: str, count: int) -> list[Event]:
    return [UserTurnEnded(call=call, turn=turn, text=f"turn {turn}") for turn in range(1, count + 1)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


def kept(bus: TestBus) -> list[str]:
    return [entry.id for entry in Archive.of(bus.bus.settings).entries()]


async def journal(bus: TestBus) -> AsyncIterator[object]:
    for partition in range(bus.bus.partitions):
        async for entry in bus.bus.entries(partition, JOURNAL):
            yield entry


async def test_every_journal_event_is_archived_unchanged_and_no_audio(bus: TestBus) -> None:
    calls = [bus.call(), bus.call()]
    await bus.publish(*(CallStarted(call=call) for call in calls), *turns(calls[0], 300), *turns(calls[1], 3))
    await bus.publish(AudioChunk(call=calls[0], speaker="caller", offset_ms=0, audio=b"\x01\x02"))
    async with bus.run(consumer):
        await bus.settled()
    stored = sorted([entry async for entry in journal(bus)], key=lambda entry: entry.stream_id)  # type: ignore[attr-defined]
    found = list(Archive.of(bus.bus.settings).entries())
    assert Counter(found) == Counter(stored)
    assert len(found) == 305


async def test_few_events_wait_for_the_flush_interval_and_many_do_not(bus: TestBus, tmp_path: Path) -> None:
    bus.bus.settings = bus.bus.settings.model_copy(update={"archive_flush_s": 3600, "archive_rows": 50})
    async with bus.run(consumer):
        await bus.publish(*turns(bus.call(3), 20), *turns(bus.call(4), 60))
        await until(lambda: len(kept(bus)) >= 60)
        assert {entry.partition for entry in Archive.of(bus.bus.settings).entries()} == {4}
    assert len(kept(bus)) == 80  # the worker wrote what it held when it was told to stop


async def test_what_a_dead_owner_wrote_but_did_not_commit_is_not_written_again(bus: TestBus) -> None:
    call = bus.call(3)
    await bus.publish(*turns(call, 30))
    entries = [entry async for entry in bus.bus.entries(3, JOURNAL)]
    archive = Archive.of(bus.bus.settings)
    archive.write(bus.bus.journal_name, entries[:20])
    async with bus.run(consumer):
        await bus.settled()
    ranges = sorted((file.first, file.last) for file in archive.files())
    assert len(ranges) == 2
    assert ranges[0][1] < ranges[1][0]
    assert list(archive.entries()) == entries


async def test_the_file_of_a_late_owner_duplicates_nothing(bus: TestBus) -> None:
    call = bus.call(3)
    await bus.publish(*turns(call, 10))
    async with bus.run(consumer):
        await bus.settled()
        await bus.publish(*turns(call, 10))
        await bus.settled()
    entries = [entry async for entry in bus.bus.entries(3, JOURNAL)]
    archive = Archive.of(bus.bus.settings)
    archive.write(bus.bus.journal_name, entries[:15])
    assert list(archive.entries()) == entries


async def test_journals_of_two_servers_share_an_archive(bus: TestBus) -> None:
    first, call, others = bus.bus.journal_name, bus.call(3), bus.call(3)
    await bus.publish(*turns(call, 5))
    async with bus.run(consumer):
        await bus.settled()
    archive = Archive.of(bus.bus.settings)
    entries = [entry async for entry in bus.bus.entries(3, JOURNAL)]
    archive.write("acopy", entries)  # the same events under another name count once
    old, new = call.encode(), others.encode()
    foreign = [replace(entry, call=others, id=entry.id[::-1], body=entry.body.replace(old, new)) for entry in entries]
    archive.write("another", foreign)
    assert {file.journal for file in archive.files()} == {first, "acopy", "another"}
    assert len(kept(bus)) == 10


@pytest.mark.parametrize(
    ("writes", "everything", "level"),
    [(NO_SPACE, 0, "error"), (READ_ONLY, 0, "error"), (0, UNREACHABLE, "warning")],
)
async def test_an_archive_that_cannot_be_written_is_retried_and_logged_and_nothing_is_lost(
    bus: TestBus, writes: int, everything: int, level: str
) -> None:
    FailingFileSystem.reset()
    FailingFileSystem.writes, FailingFileSystem.everything = writes, everything
    settings = bus.bus.settings.model_copy(update={"archive_url": "failing://bucket/archive"})
    bus.bus.settings = settings
    with structlog.testing.capture_logs() as said:
        async with bus.run(consumer):
            failures, troubled = (consumer.gauges[f"orchestra_archive_{name}"][1] for name in ("failures", "troubled"))
            stored = await bus.publish(*turns(bus.call(3), 40))
            await until(lambda: failures() >= 2)
            assert troubled()
            assert 'orchestra_archive_troubled{group="archive"} 1' in await Health(bus.bus, bus.runtimes, 0).metrics()
            assert next(each for each in await bus.bus.groups() if each.partition == 3).lag == 40
            FailingFileSystem.writes = FailingFileSystem.everything = 0
            await bus.settled()
            assert not troubled()
    assert kept(bus) == [event.id for event in stored]
    waits = [each for each in said if each["event"] == "archive.waits"]
    assert [each["log_level"] for each in waits] == [level]
    assert "archive.recovered" in [each["event"] for each in said]


async def test_writing_is_retried_until_the_folder_is_one(bus: TestBus, tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("in the way")
    async with bus.run(consumer):
        failures = consumer.gauges["orchestra_archive_failures"][1]
        stored = await bus.publish(*turns(bus.call(), 4))
        await until(lambda: failures() >= 1)
        (tmp_path / "archive").unlink()
        await bus.settled()
    assert kept(bus) == [event.id for event in stored]


async def test_a_call_of_ten_thousand_turns_is_archived_completely(bus: TestBus) -> None:
    call = bus.call()
    for start in range(0, 10_000, 2500):
        await bus.publish(*(UserTurnEnded(call=call, turn=start + n, text="and then") for n in range(2500)))
    async with bus.run(consumer):
        await bus.settled()
    found = [entry.event() for entry in Archive.of(bus.bus.settings).entries(calls=[call])]
    assert [event.turn for event in found if event is not None] == list(range(10_000))


async def test_events_after_a_data_loss_are_archived_under_the_new_name_of_the_journal(
    bus: TestBus,
) -> None:
    before, call = bus.bus.journal_name, bus.call(3)
    async with bus.run(consumer):
        await bus.publish(*turns(call, 2))
        await bus.settled()
        await bus.bus.redis.delete(keys.JOURNAL_NAME_KEY)
        await bus.publish(UserTurnEnded(call=call, turn=3, text="turn 3"))
        await bus.settled()
        after = text_of(await bus.bus.redis.get(keys.JOURNAL_NAME_KEY))
    files = {file.journal: file for file in Archive.of(bus.bus.settings).files()}
    assert set(files) == {before, after}
    assert len(kept(bus)) == 3


async def name() -> str:
    return "3f9ac2d1"


@pytest.mark.integration
async def test_many_small_files_are_merged_and_this_is_logged(tmp_path: Path) -> None:
    archive, count = Archive(str(tmp_path)), 30
    for number in range(5):  # of a worker before this one, which was not there long enough
        archive.write("3f9ac2d1", [one(number)])
    archiver = ArchiveWriter(archive, name, flush_s=0.0, rows=1, many=8)
    with capture_logs() as said:
        for number in range(5, count):
            await archiver.keep([one(number)])
        await until(lambda: len(archive.files()) < 8)
        await archiver.close()
    assert list(archive.entries()) == [one(number) for number in range(count)]
    told = [each for each in said if each["event"] == "archive.compacted"]
    assert told
    assert told[0]["merged"] == 8


async def test_archiving_continues_if_merging_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(UNREACHABLE, "no route")

    monkeypatch.setattr("orchestra.archive.writer.compact", refuse)
    archive = Archive(str(tmp_path))
    archiver = ArchiveWriter(archive, name, flush_s=0.0, rows=1, many=2)
    with capture_logs() as said:
        for number in range(5):
            await archiver.keep([one(number)])
        await archiver.close()
    assert [each.stream_id for each in archive.entries()] == [one(number).stream_id for number in range(5)]
    assert "archive.not_compacted" in {each["event"] for each in said}


@pytest.mark.parametrize(
    "odd",
    [f"{2**63 - 1}-3", f"{2**63}-0", f"{2**63 + 5}-7", f"{2**64 - 2}-18446744073709551610", "253402300800000-0"],
)
async def test_an_entry_with_an_id_beyond_any_clock_stops_nothing(bus: TestBus, odd: str) -> None:
    call, stream = bus.call(3), keys.key(3, JOURNAL)
    async with bus.run(consumer):
        await bus.publish(*turns(call, 3))
        by_hand = await bus.bus.redis.xadd(stream, {b"type": b"mood.scored", b"call": b"", b"body": b"{}"}, id=odd)
        assert text_of(by_hand) == odd
        await bus.publish(*turns(call, 3))
        await bus.settled()
    found = list(Archive.of(bus.bus.settings).entries())
    assert [entry.type for entry in found] == ["user.turn.ended"] * 3 + ["mood.scored"] + ["user.turn.ended"] * 3
    assert len({entry.id for entry in found if entry.id}) == 6
