"""The door of foreign files: a damaged one costs a line or a message, and nothing is written outside its folder."""

import io
import json
import random
import wave
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from orchestra.agents.knowledge import Knowledge
from orchestra.archive.archive import Archive
from orchestra.archive.compact import find_gaps
from orchestra.bus import Entry
from orchestra.bus.keys import started_ms
from orchestra.curation.evaluation import EvaluatedCall, EvaluatedTurn, read_set
from orchestra.errors import OrchestraError
from orchestra.evaluation.dataset import read_trials
from orchestra.history.reduce import history_of
from orchestra.history.views.dialogue import dialogue
from orchestra.history.views.transcript import webvtt
from orchestra.history.views.turn_summaries import call_summary
from orchestra.replay.selection import Selection, decoded, entries, recorded_call
from orchestra.settings import Settings
from orchestra.simulator.audio_files import read_channels
from orchestra.simulator.script import read_script
from orchestra_schemas import CallEnded, CallStarted, Event, ReplySpoken, TurnCompleted, UserTurnEnded, encode
from tests.agents.test_knowledge import pdf_of
from tests.fuzz import odd
from tests.fuzz.run import Outcome

#: files of a kind that exist at the same time
_PLACES = 20
_CALL = "07-01a21f15-f9eb-7000-8000-000000000000"
_EVENTS = [
    CallStarted(call=_CALL, id=f"{_CALL}:e.1", at=1.7e9, from_number="+15550001"),
    UserTurnEnded(call=_CALL, id=f"{_CALL}:e.2", at=1.7e9 + 1, turn=1, text="where is my parcel"),
    ReplySpoken(call=_CALL, id=f"{_CALL}:e.3", at=1.7e9 + 2, turn=1, text="In the van."),
    TurnCompleted(call=_CALL, id=f"{_CALL}:e.4", at=1.7e9 + 2, turn=1, text="In the van.", agent="a"),
    CallEnded(call=_CALL, id=f"{_CALL}:e.5", at=1.7e9 + 3, turn=1, reason="caller_hung_up", duration_s=3.0),
]
_STARTED_MS = started_ms(_CALL)
_LINES: list[Any] = [json.loads(encode(event)[b"body"]) for event in _EVENTS]
_ENTRIES = [
    Entry(f"{_STARTED_MS + at}-0", 7, "events", line["type"], _CALL, line["id"], json.dumps(line).encode())
    for at, line in enumerate(_LINES)
]
_CASES: list[Any] = [
    {
        "name": "a parcel", "caller": "+15550001", "outcome": "resolved",
        "turns": [
            {"said": "where is it", "heard": "where is he", "agent": "a", "keys": "1", "words": ["van"], "reply": "ok",
             "tools": [{"name": "find", "arguments": {"number": "4"}, "result": "in the van"}]}
        ],
    },
    msgspec.to_builtins(
        EvaluatedCall(
            call=_CALL, task=1, annotation=2, updated_at="2026-01-01T00:00:00Z", outcome="resolved",
            issues=(("Tools", "Wrong"),),
            turns=(EvaluatedTurn(speaker="caller", text="is he", corrected="is it", turn=1, labels=("Bad",)),),
        )
    ),
]  # fmt: skip
_PAGES = {
    "a.md": b"# Customs\n\n## How long\n\nTwo *days*, [mostly](https://a.example).\n\n```\ncode\n```\n| a | b |\n",
    "a.txt": b"The pool opens at seven, and it closes at nine.\n\nDogs stay on the lead in all of the house.\n",
    "a.pdf": pdf_of("The swimming pool opens at seven.", "Dogs stay on the lead."),
}
_SCRIPT = b"""
[[say]]
text = "where is my parcel"
barge_in_after_s = 2.0
[[say]]
silence_s = 1.5
[[say]]
digits = "12#"
"""
_ODD_TOML = (b"-1", b"nan", b"inf", b'""', b"[]", b"{}", b"9e999", b"1979-05-27", b"true", b'"\\u0000"', b'"D*#"')
_QUERY = "when does the swimming pool open"


def _wav(chance: random.Random) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(chance.choice((1, 2, 3)))
        sound.setsampwidth(chance.choice((2, 2, 2, 1, 3)))
        sound.setframerate(chance.choice((8000, 8000, 16_000, 44_100, 1)))
        sound.writeframes(bytes(range(48)))
    return file.getvalue()


class Files:
    """Journals, archives, evaluation sets, knowledge, audio and scripts, each read by the code that reads it in use."""

    at_once = 4

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._settings = Settings(data_dir=folder / "data", redis_url="redis://127.0.0.1:1/0")
        self._free = [folder / f"{number}" for number in range(_PLACES)]
        self._places = {place.name for place in self._free}
        for place in self._free:
            place.mkdir()
        archive = Archive(str(folder / "good"))
        (self._file,) = archive.write("1a", _ENTRIES)
        self._parquet = (folder / "good" / self._file.path).read_bytes()
        self._table = archive.open(self._file).read()

    async def take(self, number: int, chance: random.Random) -> Outcome:
        kinds: Sequence[Callable[[Path, random.Random], Awaitable[tuple[bool, str]]]] = (
            self._journal, self._journal, self._archive, self._set, self._knowledge, self._audio, self._script,
        )  # fmt: skip
        kind = kinds[number % len(kinds)]
        place = self._free.pop()
        try:
            passed, said = await kind(place, chance)
        except OrchestraError as error:
            passed, said = False, str(error)
        except Exception as error:
            given = [path.read_bytes()[:3000] for path in place.rglob("*") if path.is_file()]
            msg = f"{kind.__name__}: {type(error).__name__} {error} for {given!r}"
            raise AssertionError(msg) from error
        finally:
            for path in place.rglob("*"):
                if path.is_file():
                    path.unlink()
            self._free.append(place)
        assert len(said.splitlines()) <= 1, f"{kind.__name__}: {said!r}"
        return Outcome(1, int(passed))

    async def _journal(self, place: Path, chance: random.Random) -> tuple[bool, str]:
        lines = [odd.mutated(line, chance) if chance.random() < 0.4 else line for line in _LINES]
        for _ in range(chance.randrange(3)):
            lines.insert(
                chance.randrange(len(lines) + 1), chance.choice(lines) if chance.random() < 0.5 else odd.value(chance)
            )
        data = b"\n".join(odd.dumped(line, chance) for line in lines)
        path = place / "a.jsonl"
        path.write_bytes(odd.corrupted(data, chance) if chance.random() < 0.2 else data)
        try:
            found, told_of = await self._read(str(path)), ""
            said: list[str] = []
            await recorded_call(self._settings, str(path), on_warning=said.append)
        except OrchestraError as error:
            found, told_of = 0, str(error)
        return found > 0, told_of

    async def _read(self, source: str) -> int:
        """Read a journal or archive as a command does; returns the number of its events."""
        said: list[str] = []
        found = [entry async for entry in entries(self._settings, Selection(), source, on_warning=said.append)]
        count = 0
        for call in {entry.call for entry in found}:
            events = list(decoded([entry for entry in found if entry.call == call], said.append))
            count += len(events)
            _tell(events)
        assert all(len(line.splitlines()) <= 1 for line in said), said
        return count

    async def _archive(self, place: Path, chance: random.Random) -> tuple[bool, str]:
        path = place / self._file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._damaged(chance) if chance.random() < 0.5 else self._odd_table(chance))
        try:
            count = await self._read(str(place))
            find_gaps(Archive(str(place)))
        except OSError as error:  # as in `orchestra archive`: the file is damaged, and the message names it
            return False, str(error).splitlines()[0]
        return count > 0, ""

    def _damaged(self, chance: random.Random) -> bytes:
        """The good file with damaged pages or metadata, or cut off."""
        pages = len(self._parquet) - 8 - int.from_bytes(self._parquet[-8:-4], "little")
        body, behind = self._parquet[:pages], self._parquet[pages:]
        if chance.random() < 0.4:
            wrong = bytearray(behind)
            for _ in range(chance.choice([1, 1, 2, 4])):
                wrong[chance.randrange(len(wrong))] = chance.randrange(256)
            return body + bytes(wrong)
        damaged = odd.corrupted(body, chance)
        return damaged if chance.random() < 0.2 else damaged + behind

    def _odd_table(self, chance: random.Random) -> bytes:
        """The good rows with odd values in them, or with columns of another type, or without one."""
        rows = self._table.to_pylist()
        for _ in range(chance.randint(1, 3)):
            row = chance.choice(rows)
            name = chance.choice(list(row))
            row[name] = odd.value(chance) if chance.random() < 0.5 else odd.text(chance)
        if chance.random() < 0.3:
            name = chance.choice(list(rows[0]))
            for row in rows:
                del row[name]
        schema = self._table.schema
        named = {"after": odd.text(chance).encode("utf-8", "replace")}
        try:
            table = pa.Table.from_pylist(rows, schema=schema if chance.random() < 0.5 else None)
            return _parquet(table.replace_schema_metadata(named))
        except (pa.ArrowException, OverflowError, TypeError, UnicodeEncodeError):  # no file can hold such values
            table = self._table.drop_columns([chance.choice(schema.names)])
            return _parquet(table.replace_schema_metadata(named))

    async def _set(self, place: Path, chance: random.Random) -> tuple[bool, str]:
        path = place / "a.jsonl"
        lines = [odd.dumped(odd.mutated(line, chance) if chance.random() < 0.6 else line, chance) for line in _CASES]
        chance.shuffle(lines)
        path.write_bytes(b"\n".join(lines[: chance.randint(1, 2)]))

        async def recorded(_: str) -> list[Event]:
            return list(_EVENTS)

        trials, problems = await read_trials(path, recorded, as_heard=chance.random() < 0.5)
        assert all(len(problem.splitlines()) <= 1 for problem in problems), problems
        for trial in trials:
            _tell(trial.events)
        if len(lines) == 1:
            read_set(path)
        return True, ""

    async def _knowledge(self, place: Path, chance: random.Random) -> tuple[bool, str]:
        name = chance.choice(list(_PAGES))
        data = _PAGES[name]
        path = place / name
        path.write_bytes(
            odd.corrupted(data, chance) if name == "a.pdf" or chance.random() < 0.5
            else data.replace(b" ", odd.text(chance).encode("utf-8", "replace"), chance.randint(1, 5))
        )  # fmt: skip
        knowledge = Knowledge(place)
        for passage in knowledge.sections(f"{_QUERY} {odd.text(chance)}"):
            assert passage.text
        knowledge.close()
        return True, ""

    async def _audio(self, place: Path, chance: random.Random) -> tuple[bool, str]:
        path = place / "a.wav"
        data = bytearray(_wav(chance))
        if chance.random() < 0.5:  # a field of the header
            at = chance.choice((4, 16, 20, 22, 24, 28, 32, 34, 40))
            data[at : at + 2] = chance.choice((b"\x00\x00", b"\xff\xff", b"\x01\x00", b"\x03\x00", b"\x11\x11"))
        path.write_bytes(bytes(data) if chance.random() < 0.5 else odd.corrupted(bytes(data), chance))
        read_channels(path)
        return True, ""

    async def _script(self, place: Path, chance: random.Random) -> tuple[bool, str]:
        path = place / "a.toml"
        data = _SCRIPT
        if chance.random() < 0.6:
            old = chance.choice((b'"where is my parcel"', b"2.0", b"1.5", b'"12#"', b"text", b"silence_s", b"[[say]]"))
            data = data.replace(old, chance.choice(_ODD_TOML), 1)
        else:
            data = odd.corrupted(data, chance)
        path.write_bytes(data)
        read_script(path)
        return True, ""

    async def beside(self) -> None:
        path = self._folder / "good.jsonl"
        path.write_bytes(b"\n".join(map(msgspec.json.encode, _LINES)))
        for source in (str(path), str(self._folder / "good")):
            events = await recorded_call(self._settings, _CALL, source)
            assert [event.id for event in events] == [event.id for event in _EVENTS]
            assert "where is my parcel" in webvtt(history_of(events))

    async def idle(self) -> None:
        outside = {path.name for path in self._folder.iterdir()} - self._places - {"good", "good.jsonl", "data"}
        assert not outside, outside
        left = [path for place in self._free for path in place.rglob("*") if path.is_file()]
        assert not left, left


def _parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def _tell(events: Sequence[Event]) -> None:
    """Build every view of the events of a call."""
    if events:
        history = history_of(events)
        call_summary(history)
        dialogue(history)
        webvtt(history)


@asynccontextmanager
async def files(folder: Path) -> AsyncIterator[Files]:
    """Foreign files."""
    yield Files(folder)
