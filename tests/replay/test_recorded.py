import time
from pathlib import Path

import pytest

from orchestra.archive.archive import Archive
from orchestra.errors import UsageError
from orchestra.replay.selection import Selection, entries, recorded_call, recorded_calls
from orchestra.replay.sources.json_lines import encode_line
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import AudioChunk, CallEnded, CallStarted, Event, UserTurnEnded, encode


def call_of(call: str, *, caller: str = "+15550001", turns: int = 2) -> list[Event]:
    said = [UserTurnEnded(call=call, turn=turn, text=f"words {turn}") for turn in range(1, turns + 1)]
    return [CallStarted(call=call, from_number=caller), *said, CallEnded(call=call, reason="caller_hung_up")]


async def test_calls_of_all_partitions_come_in_the_order_of_the_streams(bus: TestBus, settings: Settings) -> None:
    first, second = bus.call(3), bus.call(9)
    one, two = call_of(first), call_of(second)
    for pair in zip(one, two, strict=True):
        for event in pair:
            await bus.publish(event)
    found = [entry async for entry in entries(settings, Selection())]
    assert [entry.id for entry in found if entry.call == first] == [
        event.id for event in await bus.published(None, first)
    ]
    places = [tuple(map(int, entry.stream_id.split("-"))) for entry in found]
    assert places == sorted(places)
    assert len(found) == 8


async def test_a_call_can_be_selected_by_a_part_of_its_id(bus: TestBus, settings: Settings) -> None:
    mine, other = bus.call(), bus.call()
    await bus.publish(*call_of(mine), *call_of(other))
    found = [entry async for entry in entries(settings, Selection(calls=(mine[-8:],)))]
    assert {entry.call for entry in found} == {mine}
    assert len(await recorded_call(settings, mine[-8:])) == 4


async def test_a_name_that_matches_no_call_or_several_is_refused(bus: TestBus, settings: Settings) -> None:
    await bus.publish(*call_of(bus.call(7)), *call_of(bus.call(7)))
    with pytest.raises(UsageError, match="2 calls match '07-'"):
        await recorded_call(settings, "07-")
    with pytest.raises(UsageError, match="no recorded call matches"):
        await recorded_call(settings, "nobody")
    with pytest.raises(UsageError, match="no recorded call matches"):
        await recorded_call(settings, bus.call())


async def test_calls_can_be_selected_by_caller_type_and_time(bus: TestBus, settings: Settings) -> None:
    mine, other = bus.call(), bus.call()
    await bus.publish(*call_of(mine, caller="+15550002"), *call_of(other))
    by_caller = Selection(caller="+15550002", types=("UserTurnEnded",))
    assert [(entry.call, entry.type) async for entry in entries(settings, by_caller)] == [(mine, "user.turn.ended")] * 2
    now = time.time()
    assert not [entry async for entry in entries(settings, Selection(until=now - 60))]
    assert not [entry async for entry in entries(settings, Selection(since=now + 60))]
    assert set(await recorded_calls(settings, Selection(since=now - 60))) == {mine, other}


async def test_audio_comes_when_it_is_asked_for(bus: TestBus, settings: Settings) -> None:
    call = bus.call()
    await bus.publish(CallStarted(call=call), AudioChunk(call=call, speaker="caller", offset_ms=0, audio=b"\1\2"))
    assert [entry.type async for entry in entries(settings, Selection(calls=(call,)))] == ["call.started"]
    both = Selection(calls=(call,), streams=("events", "media"))
    assert [entry.audio async for entry in entries(settings, both) if entry.stream == "media"] == [b"\1\2"]


async def test_entries_survive_a_round_trip_through_json_lines(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    call = bus.call()
    await bus.publish(*call_of(call), AudioChunk(call=call, speaker="caller", offset_ms=0, audio=b"\1\2\3\4"))
    there = [entry async for entry in entries(settings, Selection(streams=("events", "media")))]
    file = tmp_path / "entries.jsonl"
    file.write_bytes(b"".join(encode_line(entry) + b"\n" for entry in there))
    assert [entry async for entry in entries(settings, Selection(streams=("events", "media")), str(file))] == there


async def test_a_damaged_line_is_reported_and_the_rest_is_read(settings: Settings, tmp_path: Path) -> None:
    lines = [encode(event)[b"body"] for event in call_of("07-00000000-0000-7000-8000-000000000000")]
    lines[1] = lines[1][:30]
    lines.insert(3, b'{"type":"mood.scored","call":"nowhere"}')
    file = tmp_path / "journal.jsonl"
    file.write_bytes(b"\n".join(lines))
    said: list[str] = []
    found = await recorded_call(settings, str(file), on_warning=said.append)
    assert [type(event) for event in found] == [CallStarted, UserTurnEnded, CallEnded]
    assert [text.partition(" is")[0] for text in said] == [f"{file}, line 2", f"{file}, line 4"]


async def test_demo_runs_can_be_read_without_a_server(tmp_path: Path) -> None:
    folder = tmp_path / "demo-runs" / "2026-11-22-200000"
    folder.mkdir(parents=True)
    journal = call_of("07-0199abcd-0000-7000-8000-000000000000")
    (folder / "journal.jsonl").write_bytes(b"\n".join(encode(event)[b"body"] for event in journal))
    assert await recorded_call(Settings(data_dir=tmp_path), "0000000") == journal


async def test_a_demo_run_that_is_archived_comes_once(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    call = bus.call()
    folder = tmp_path / "demo-runs" / "2026-11-22-200000"
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_bytes(
        b"\n".join(encode(each)[b"body"] for each in await bus.publish(*call_of(call)))
    )
    there = [entry async for entry in entries(settings, Selection(), "journal")]
    Archive.of(settings).write("server", there)
    for _ in ("archive and journal", "archive alone"):
        assert [entry async for entry in entries(settings, Selection())] == there
        await bus.bus.redis.delete(bus.bus.key(call, "events"))


async def test_an_unknown_source_is_refused(settings: Settings) -> None:
    with pytest.raises(UsageError, match="is not a recording"):
        await recorded_call(settings, "07-", "nowhere.jsonl")


async def test_entries_in_archive_and_journal_come_once(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    call = bus.call(3)
    await bus.publish(*call_of(call, turns=4))
    there = [entry async for entry in entries(settings, Selection(), "journal")]
    Archive.of(settings).write("server", there[:4])
    await bus.bus.redis.xdel(bus.bus.key(3, "events"), *(entry.stream_id for entry in there[:2]))
    assert [entry async for entry in entries(settings, Selection(calls=(call,)))] == there
    assert [entry async for entry in entries(settings, Selection(), "archive")] == there[:4]
    assert [entry async for entry in entries(settings, Selection(), str(tmp_path / "archive"))] == there[:4]


async def test_a_missing_archive_is_reported(settings: Settings) -> None:
    with pytest.raises(UsageError, match="there is no archive at"):
        await recorded_calls(settings, Selection(), "archive")


async def test_calls_can_be_selected_with_sql(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    short, long = bus.call(), bus.call()
    await bus.publish(*call_of(short, turns=1), *call_of(long, turns=5))
    assert await recorded_calls(settings, Selection(where="turns > 3")) == [long]
    both = await recorded_calls(settings, Selection(where="SELECT call FROM turns"))
    assert set(both) == {short, long}
    assert await recorded_calls(settings, Selection(where="turns > 3", caller="+15559999")) == []
    with pytest.raises(UsageError, match="turrns"):
        await recorded_calls(settings, Selection(where="turrns > 3"))
    file = tmp_path / "file.jsonl"
    file.write_bytes(encode(call_of(short)[0])[b"body"])
    with pytest.raises(UsageError, match="not of a file"):
        await recorded_calls(settings, Selection(where="turns > 3"), str(file))
