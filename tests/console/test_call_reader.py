"""A call is found wherever its journal is, and read on while it runs."""

import asyncio
import os
import time
import wave
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from orchestra.archive.archive import Archive
from orchestra.bus import Bus, Entry
from orchestra.bus.keys import JOURNAL, new_call, partition_of
from orchestra.console.call_page import reader as call_reader
from orchestra.console.call_page.journal import CallJournal
from orchestra.console.call_page.peaks import read_peaks
from orchestra.console.call_page.reader import CallReader
from orchestra.console.call_page.recording import RecordingReader
from orchestra.errors import MissingExtraError, RedisAwayError, RejectedError
from orchestra.history.call_record import CallRecord
from orchestra.replay.sources.port import Source
from orchestra.settings import Settings
from orchestra.storage.call_records import changed_fields
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, CallStarted, Event, UserTurnEnded


def a_call(call: str, at: float) -> list[Event]:
    return [
        CallStarted(call=call, from_number="+15550001", at=at),
        UserTurnEnded(call=call, turn=1, text="hello", speech_ended_at=at + 2, at=at + 2.5),
        CallEnded(call=call, turn=1, reason="caller_hung_up", duration_s=5.0, at=at + 5),
    ]


async def stored(bus: TestBus, call: str) -> list[Entry]:
    found = bus.bus.entries(partition_of(call), JOURNAL)
    return [entry async for entry in found if entry.call == call]


def types(journal: CallJournal) -> list[str]:
    return [entry.type for entry in journal.entries]


WHOLE = ["call.started", "user.turn.ended", "call.ended"]


async def test_a_call_on_the_server_is_found(bus: TestBus, settings: Settings) -> None:
    call, reader = bus.call(), CallReader(settings, lambda: bus.bus)
    await bus.publish(*a_call(call, time.time()))
    found = await reader.find(call)
    assert found is not None
    assert types(found.journal) == WHOLE
    assert (found.problems, found.is_running(time.time())) == ([], False)


async def test_a_call_that_runs_is_read_on(bus: TestBus, settings: Settings) -> None:
    call, reader = bus.call(), CallReader(settings, lambda: bus.bus)
    started, ended, over = a_call(call, time.time())
    await bus.publish(started)
    found = await reader.find(call)
    assert found is not None
    assert found.is_running(time.time())
    await bus.publish(ended, over)
    again = await reader.find(call)
    assert again is found
    assert types(again.journal) == WHOLE
    assert not again.is_running(time.time())


async def test_a_journal_half_in_the_archive_and_half_on_the_server_is_joined(bus: TestBus, settings: Settings) -> None:
    call = bus.call()
    await bus.publish(*a_call(call, time.time()))
    entries = await stored(bus, call)
    await asyncio.to_thread(Archive.of(settings).write, "j", entries[:2])
    await bus.bus.redis.xdel(bus.bus.key(call, JOURNAL), entries[0].stream_id)
    found = await CallReader(settings, lambda: bus.bus).find(call)
    assert found is not None
    assert types(found.journal) == WHOLE
    assert found.journal.remarks == []


async def test_a_call_of_last_year_is_found_in_the_archive_with_the_server_away(
    bus: TestBus, settings: Settings
) -> None:
    began = time.time() - 365 * 86_400
    call = new_call(3, int(began * 1000))
    await bus.publish(*a_call(call, began))
    entries = [
        Entry(f"{int((began + number) * 1000)}-0", 3, JOURNAL, each.type, call, each.id, each.body)
        for number, each in enumerate(await stored(bus, call))
    ]
    await asyncio.to_thread(Archive.of(settings).write, "j", entries)

    def away() -> Bus:
        msg = "127.0.0.1:1 does not answer"
        raise RedisAwayError(msg)

    found = await CallReader(settings, away).find(call)
    assert found is not None
    assert types(found.journal) == WHOLE
    assert found.problems == [
        "The server is away, so the latest events may be missing here: 127.0.0.1:1 does not answer"
    ]


@pytest.mark.parametrize("is_set", [False, True])
async def test_an_archive_that_cannot_be_read_is_a_problem_where_one_is_set(
    bus: TestBus, settings: Settings, is_set: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_extra(*_: object) -> AbstractAsyncContextManager[Source]:
        msg = "the extra archive is not installed"
        raise MissingExtraError(msg)

    monkeypatch.setattr(call_reader, "open_archive", without_extra)
    if is_set:
        settings = settings.model_copy(update={"archive_dir": settings.data_dir / "kept"})
    call, reader = bus.call(), CallReader(settings, lambda: bus.bus)
    await bus.publish(*a_call(call, time.time())[1:])  # its beginning may be in the archive
    found = await reader.find(call)
    assert found is not None
    assert found.problems == ["the extra archive is not installed"] * is_set


async def test_of_a_call_whose_journal_is_gone_the_record_is_left(bus: TestBus, settings: Settings) -> None:
    call = bus.call()
    record = CallRecord(call=call, status="ended", from_number="+15550001", ended_at=time.time())
    await bus.bus.redis.hset(bus.bus.key(call, "call", call), mapping=changed_fields(CallRecord(), record))
    found = await CallReader(settings, lambda: bus.bus).find(call)
    assert found is not None
    assert found.journal.entries == []
    assert found.record is not None
    assert found.record.from_number == "+15550001"


async def test_an_unknown_call_is_not_found(bus: TestBus, settings: Settings) -> None:
    reader = CallReader(settings, lambda: bus.bus)
    assert await reader.find(bus.call()) is None
    assert await reader.find("99-abc") is None
    with pytest.raises(ValueError, match="not a call id"):
        await reader.find("07-../../etc")


# -- the recording


def write_wav(path: Path, samples: bytes, *, sides: int = 2, rate: int = 8_000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(sides)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples)
    return path


def frame(caller: int, agent: int) -> bytes:
    return caller.to_bytes(2, "little", signed=True) + agent.to_bytes(2, "little", signed=True)


def test_each_side_has_its_own_peaks(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "call.wav", frame(0, -32_768) * 4_000 + frame(16_384, 0) * 4_000)
    with path.open("rb") as file:
        peaks = read_peaks(file, 4)
    assert (peaks.duration_s, peaks.sample_rate) == (1.0, 8_000)
    assert (list(peaks.caller), list(peaks.agent)) == ([0, 0, 128, 128], [255, 255, 0, 0])


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no wave at all" * 9, None], ids=["empty", "cut", "other", "mono"])
def test_a_file_that_is_no_recording_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "call.wav"
    if content is None:
        write_wav(path, b"\0\0" * 100, sides=1)
    else:
        path.write_bytes(content)
    with path.open("rb") as file, pytest.raises(RejectedError):
        read_peaks(file)


async def test_a_page_is_told_why_a_recording_cannot_be_played(settings: Settings, tmp_path: Path) -> None:
    settings = settings.model_copy(update={"recordings_dir": tmp_path, "recordings_days": 30.0})
    reader, now = RecordingReader(settings), time.time()
    recent, old = (new_call(7, int((now - days * 86_400) * 1000)) for days in (1, 40))

    async def state(call: str, url: str, *, running: bool = False) -> str:
        record = CallRecord(call=call, ended_at=now, recording=url)
        found = await reader.view(record, running=running, now=now)
        assert (found.peaks is None) == bool(found.why)
        return found.state

    path = write_wav(tmp_path / f"{recent}.wav", frame(1, 1) * 800)
    assert await state(recent, path.as_uri()) == "ready"
    assert await state(recent, "", running=True) == "later"
    assert await state(recent, "") == "none"
    assert await state(recent, (tmp_path / "moved.wav").as_uri()) == "away"
    assert await state(old, (tmp_path / f"{old}.wav").as_uri()) == "deleted"
    assert await state(recent, "file:///etc/passwd") == "elsewhere"
    os.truncate(path, 20)
    assert await state(recent, path.as_uri()) == "unreadable"
