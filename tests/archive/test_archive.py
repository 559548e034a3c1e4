"""The archive's files: every entry once, as it was."""

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from orchestra.archive.archive import Archive, ArchiveFile, ArchivePart, effective_parts
from orchestra.bus import Entry
from orchestra.bus.stream.stream_id import StreamId
from orchestra.filesystem import FileRoot
from orchestra_schemas import UserTurnEnded, encode

CALL = "03-019aac75-e980-7000-8000-000000000001"
OTHER = "03-019aac75-e980-7000-8000-000000000002"
MS = 1_763_830_000_000
DAY_MS = 86_400_000


def entry(
    place: int, *, call: str = CALL, body: bytes | None = None, tag: str = "user.turn.ended", ms: int = MS
) -> Entry:
    event = UserTurnEnded(
        call=call, id=f"{call}:edge.{place}", turn=place, at=(ms + place) / 1000 + 0.000123, source="edge",
        trace=f"00-{'a' * 32}-{place:016x}-01", text=f"words “{place}”",
    )  # fmt: skip
    fields = encode(event)
    return Entry(f"{ms + place}-0", 3, "events", tag, call, event.id, fields[b"body"] if body is None else body)


def ids(entries: object) -> list[str]:
    return [each.stream_id for each in entries]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b'["a list"]',
        b"{}",
        b'{"type":"user.turn.ended","call":"another"}',
        b'{ "type": "user.turn.ended", "call": "%s" }' % CALL.encode(),
        b'{"call":"%s","type":"user.turn.ended","text":"other order"}' % CALL.encode(),
        b'{"type":"mood.scored","call":"%s","turn":99999999999999999999,"mood":1}' % CALL.encode(),
        b'{"type":"mood.scored","call":"%s","id":"x","turn":1,"later":{"field":[1,2]}}' % CALL.encode(),
        b'{"type":"mood.scored","call":"%s","at":1e400}' % CALL.encode(),
        b'{"type":"mood.scored","call":"%s","at":1763830000}' % CALL.encode(),
        b'{"type":"mood.scored","call":"%s","id":"%s:edge.2","turn":1.0,"mood":1}' % (CALL.encode(), CALL.encode()),
        b'{"type":"mood.scored","call":"%s","id":"%s:edge.2","turn":1}\n' % (CALL.encode(), CALL.encode()),
        b'{"type":"mood.scored","call":"%s","id":"%s:edge.2","turn":1 ,"mood":1}' % (CALL.encode(), CALL.encode()),
        b'{"type":"mood.scored","call":"%s","id":"%s:edge.2","turn":1}' % (CALL.encode(), CALL.encode()),
        b'{"type":"mood.scored","call":"%s","text":"\xff\xfe"}' % CALL.encode(),
    ],
)
def test_an_entry_comes_back_byte_for_byte_whoever_wrote_it(tmp_path: Path, body: bytes) -> None:
    kept = [entry(1), entry(2, body=body, tag="mood.scored"), entry(3)]
    archive = Archive(str(tmp_path))
    archive.write("j", kept)
    assert list(archive.entries()) == kept


def test_header_and_body_have_columns_that_others_can_read(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    (file,) = archive.write("j", [entry(5)])
    row = pq.read_table(tmp_path / file.path).to_pylist()[0]
    assert file.path == f"2025-11-22/p03-j/{MS + 5}-0_{MS + 5}-0.parquet"
    assert (row["call"], row["turn"], row["source"], row["type"]) == (CALL, 5, "edge", "user.turn.ended")
    assert json.loads(row["body"]) == {"text": "words “5”"}


def test_entries_are_selected_by_call_time_and_type_and_merged_by_stream_id(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    archive.write("j", [entry(1), entry(3, call=OTHER), entry(5, tag="mood.scored")])
    archive.write("k", [entry(2, call=OTHER), entry(4)])
    assert ids(archive.entries()) == [f"{MS + place}-0" for place in (1, 2, 3, 4, 5)]
    assert ids(archive.entries(calls=[OTHER])) == [f"{MS + place}-0" for place in (2, 3)]
    assert ids(archive.entries(types=["mood.scored"])) == [f"{MS + 5}-0"]
    assert ids(archive.entries(since=(MS + 2) / 1000, until=(MS + 4) / 1000)) == [f"{MS + place}-0" for place in (2, 3)]
    assert ids(archive.entries(calls=[OTHER], types=["mood.scored"])) == []


def test_entries_of_two_days_are_in_two_files(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    entries = [entry(1), entry(2, ms=MS + DAY_MS)]
    assert [file.day for file in archive.write("j", entries)] == ["2025-11-22", "2025-11-23"]
    assert list(archive.entries()) == entries
    assert archive.last("j", 3) == StreamId.parse(entries[-1].stream_id)
    assert archive.last("j", 4) == archive.last("other", 3) == (0, 0)


def test_every_entry_of_overlapping_files_counts_once(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    kept = [entry(place) for place in range(1, 10)]
    for first, last in ((1, 3), (1, 5), (4, 5), (4, 7), (8, 8), (1, 4), (8, 9)):  # in this order or any other
        archive.write("j", kept[first - 1 : last])
    assert list(archive.entries()) == kept


def test_the_longest_of_the_files_that_begin_alike_counts_and_the_next_from_where_it_ends() -> None:
    def file(first: int, last: int, partition: int = 1) -> ArchiveFile:
        return ArchiveFile("j", partition, StreamId(first), StreamId(last), "2025-11-22")

    found = effective_parts([file(4, 7), file(1, 3), file(1, 5), file(6, 7), file(1, 9, partition=2)])
    assert found == [ArchivePart(file(1, 5)), ArchivePart(file(4, 7), (5, 0)), ArchivePart(file(1, 9, partition=2))]


def test_drafts_and_foreign_files_are_ignored(tmp_path: Path) -> None:
    archive = Archive(str(tmp_path))
    (file,) = archive.write("j", [entry(1)])
    folder = (tmp_path / file.path).parent
    (folder / f"{MS + 2}-0_{MS + 3}-0.parquet.part").write_bytes(b"half")
    (folder / "notes.txt").write_text("mine")
    (tmp_path / "readme").write_text("mine")
    assert ids(archive.entries()) == [f"{MS + 1}-0"]


def test_an_archive_can_be_at_any_url(tmp_path: Path) -> None:
    archive = Archive("memory://bucket/archive")
    kept = [entry(1), entry(2)]
    archive.write("j", kept)
    assert list(archive.entries()) == kept
    assert archive.last("j", 3) == (MS + 2, 0)
    assert list(Archive("memory://bucket/empty").entries()) == []


def test_two_writers_of_one_file_do_not_mix_their_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, sync = FileRoot(str(tmp_path)), os.fsync

    def meanwhile(handle: int) -> None:  # the first has written, and not renamed yet
        monkeypatch.setattr(os, "fsync", sync)
        place.write("day/file.parquet", b"the same")
        sync(handle)

    monkeypatch.setattr(os, "fsync", meanwhile)
    place.write("day/file.parquet", b"the same")
    assert place.read("day/file.parquet") == b"the same"
    assert place.names("day") == ["file.parquet"]
