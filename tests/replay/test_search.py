"""Words are found in an archive as in a file of the same events, where each utterance is indexed."""

import re
from pathlib import Path

import pytest

from orchestra.analysis import find_words as candidates
from orchestra.archive.archive import Archive
from orchestra.archive.derived.derive import derive
from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.replay.search import find_words
from orchestra.replay.selection import Selection
from orchestra.settings import Settings
from orchestra_schemas import CallStarted, Event, ReplyInterrupted, ReplySpoken, UserTurnEnded, encode

CALLS = ["03-0199a0b4-c0de-7000-8000-00000000000a", "03-0199a0b4-c0de-7000-8000-00000000000b"]
OTHER = "03-0199a0b4-c0de-7000-8000-00000000000c"
SAID = [
    "Where is my lost parcel?", "The parcels are lost, I fear.", "LOST! Lost, and lost again.", "A possibility",
    "possible", "Das Café ist zu.", "parcel lost", "", "Good bye.", "I was flying, it flew, it flies",
    "lost parcel parcel",
]  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path]:
    """An archive, half of it with derived tables, and a file of JSON lines with the same events."""
    folder = tmp_path_factory.mktemp("said")
    events: list[Event] = [CallStarted(call=call, from_number="+15550001", app="parcels") for call in CALLS]
    for turn, text in enumerate(SAID, 1):
        call, at = CALLS[turn % 2], 1_763_830_000.0 + turn
        events.append((
            UserTurnEnded(call=call, turn=turn, at=at, text=text),
            ReplySpoken(call=call, turn=turn, at=at, text=text, agent="tracking"),
            ReplyInterrupted(call=call, turn=turn, at=at, heard=text),
        )[turn % 3])  # fmt: skip
    entries = []
    for number, event in enumerate(events):
        fields = encode(event)
        body = fields[b"body"]
        entries.append(
            Entry(
                f"{1_763_830_000_000 + number}-0", 3, JOURNAL, fields[b"type"].decode(), event.call, f"e{number}", body
            )
        )
    settings = Settings(data_dir=folder)
    archive = Archive.of(settings)
    archive.write("j", entries[:7])
    derive(archive)
    archive.write("j", entries[7:])
    (folder / "journal.jsonl").write_bytes(b"".join(entry.body + b"\n" for entry in entries))
    return settings, folder / "journal.jsonl"


@pytest.mark.parametrize(
    ("words", "limit"),
    [("lost", 2), ("lost parcel", 50), ('"lost parcel"', 50), ("flies", 50), ("possible", 1), ("cafe", 50), ("no", 50)],
)
async def test_an_archive_is_searched_as_if_everything_in_it_were_indexed(
    kept: tuple[Settings, Path], words: str, limit: int
) -> None:
    settings, file = kept
    expected = await find_words(settings, words, Selection(), str(file), limit=limit)
    assert await find_words(settings, words, Selection(), "archive", limit=limit) == expected


async def test_everything_that_is_kept_is_searched(kept: tuple[Settings, Path]) -> None:
    settings, file = kept
    run = settings.data_dir / "demo-runs" / "1" / "journal.jsonl"
    run.parent.mkdir(parents=True)
    run.write_bytes(re.sub(rb"00000000000[ab]", b"00000000000c", file.read_bytes()))
    found = await find_words(settings, "lost parcel", Selection())
    assert {hit.call for hit in found} == {*CALLS, OTHER}


async def test_the_selection_limits_where_words_are_searched(kept: tuple[Settings, Path]) -> None:
    settings, _ = kept
    found = await find_words(settings, "lost", Selection(calls=(CALLS[0],)), "archive")
    assert {hit.call for hit in found} == {CALLS[0]}
    assert len(found) < len(await find_words(settings, "lost", Selection(), "archive"))
    assert await find_words(settings, "lost", Selection(app="bank"), "archive") == []
    assert await find_words(settings, "lost", Selection(since=1_763_830_001.0), "archive") == []


async def test_of_a_word_that_very_many_said_the_best_matches_are_found(
    kept: tuple[Settings, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "_MOST", 3)
    settings, file = kept
    expected = await find_words(settings, "lost", Selection(), str(file))
    assert await find_words(settings, "lost", Selection(), "archive") == expected[:3]
