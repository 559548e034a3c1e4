"""The doors of settings and of journals from elsewhere: a wrong one is one line, and nothing is written outside."""

import io
import json
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest import mock

import msgspec
from rich.console import Console

from orchestra.cli.doctor_settings import settings_table
from orchestra.errors import OrchestraError
from orchestra.replay import transcript
from orchestra.replay.recorded import Selection, decoded, entries, recorded_call
from orchestra.replay.told import told
from orchestra.settings import Settings, load_settings
from orchestra.storage.dialogue import dialogue
from schemas import CallEnded, CallStarted, ReplySpoken, TurnCompleted, UserTurnEnded, encode
from tests.fuzz import odd

_SECRET = "s3cr3t-of-mine"
_URLS = [
    f"redis://u:{_SECRET}@127.0.0.1:1/0", f"sftp://u:{_SECRET}@h/x", f"https://h/v1?key={_SECRET}",
    "redis+sentinel://h", "h:99999",
    f"rediss://:{_SECRET}@[::1", "file:///tmp", "s3://b/k",
]  # fmt: skip


class Environment:
    """Values of settings."""

    batch = 20

    async def take(self, number: int, chance: random.Random) -> None:
        names = chance.sample(list(Settings.model_fields), chance.randint(1, 4))
        given = {f"ORCHESTRA_{name.upper()}": self._value(name, chance) for name in names}
        if chance.random() < 0.1:
            given[f"ORCHESTRA_{odd.text(chance).upper()}"] = "1"
        given = {name.replace("\0", "").replace("=", ""): text for name, text in given.items()}
        with mock.patch.dict(os.environ, given):
            try:
                chosen = load_settings()
                shown = self._table(chosen) if number % 50 == 0 else ""
            except OrchestraError as error:
                shown = str(error)
            except Exception as error:
                msg = f"{type(error).__name__} {error} for {given!r}"
                raise AssertionError(msg) from error
        assert number % 50 == 0 or len(shown.splitlines()) <= 1, f"{shown!r} for {given!r}"
        assert _SECRET not in shown, f"the secret of {given!r} in {shown!r}"

    def _table(self, chosen: Settings) -> str:
        """What `orchestra doctor --settings` shows."""
        console = Console(width=20_000, file=io.StringIO())
        console.print(settings_table(chosen))
        return console.file.getvalue()  # type: ignore[attr-defined]

    def _value(self, name: str, chance: random.Random) -> str:
        if "url" in name and chance.random() < 0.5:
            return chance.choice(_URLS)
        text = chance.choice([odd.text(chance), str(chance.randrange(-5, 10**6)), json.dumps(odd.value(chance))])
        return text.replace("\0", "").encode("utf-8", "replace").decode()

    async def beside(self) -> None:
        assert load_settings().partitions == Settings().partitions

    async def idle(self) -> None:
        pass


_CALL = "07-01a21f15-f9eb-7000-8000-000000000000"
_EVENTS = [
    CallStarted(call=_CALL, id=f"{_CALL}:e.1", at=1.7e9, from_number="+15550001"),
    UserTurnEnded(call=_CALL, id=f"{_CALL}:e.2", at=1.7e9 + 1, turn=1, text="where is my parcel"),
    ReplySpoken(call=_CALL, id=f"{_CALL}:e.3", at=1.7e9 + 2, turn=1, text="In the van."),
    TurnCompleted(call=_CALL, id=f"{_CALL}:e.4", at=1.7e9 + 2, turn=1, text="In the van.", agent="a"),
    CallEnded(call=_CALL, id=f"{_CALL}:e.5", at=1.7e9 + 3, turn=1, reason="caller_hung_up", duration_s=3.0),
]


class Files:
    """Journals from elsewhere, as files of JSON lines."""

    batch = 10

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._settings = Settings(data_dir=folder / "data", redis_url="redis://127.0.0.1:1/0")
        self._lines = [json.loads(encode(event)[b"body"]) for event in _EVENTS]

    async def take(self, number: int, chance: random.Random) -> None:
        lines = [odd.mutated(line, chance) if chance.random() < 0.4 else line for line in self._lines]
        for _ in range(chance.randrange(3)):
            lines.insert(
                chance.randrange(len(lines) + 1), chance.choice(lines) if chance.random() < 0.5 else odd.value(chance)
            )
        data = b"\n".join(odd.dumped(line, chance) for line in lines)
        data = odd.corrupted(data, chance) if chance.random() < 0.2 else data
        path = self._folder / f"{number % 50}.jsonl"
        path.write_bytes(data)
        said = ""
        try:
            await self._read(path)
        except OrchestraError as error:
            said = str(error)
        except Exception as error:
            msg = f"{type(error).__name__} {error} for {data[:3000]!r}"
            raise AssertionError(msg) from error
        assert len(said.splitlines()) <= 1, f"{said} for {data[:2000]!r}"

    async def _read(self, path: Path) -> None:
        said: list[str] = []
        found = [entry async for entry in entries(self._settings, Selection(), str(path), complain=said.append)]
        for call in {entry.call for entry in found}:
            events = list(decoded([entry for entry in found if entry.call == call], said.append))
            if events:
                told(events)
                dialogue(events)
                transcript.webvtt(events)
        assert all(len(line.splitlines()) <= 1 for line in said), said
        await recorded_call(self._settings, str(path), complain=said.append)

    async def beside(self) -> None:
        path = self._folder / "good.jsonl"
        path.write_bytes(b"\n".join(map(msgspec.json.encode, self._lines)))
        events = await recorded_call(self._settings, str(path))
        assert [event.id for event in events] == [event.id for event in _EVENTS]
        assert "where is my parcel" in transcript.webvtt(events)

    async def idle(self) -> None:
        outside = (
            {path.name for path in self._folder.iterdir()} - {f"{n}.jsonl" for n in range(50)} - {"good.jsonl", "data"}
        )
        assert not outside, outside


@asynccontextmanager
async def settings(folder: Path) -> AsyncIterator[Environment]:
    """Values of settings in the environment."""
    yield Environment()


@asynccontextmanager
async def files(folder: Path) -> AsyncIterator[Files]:
    """Journals from elsewhere."""
    yield Files(folder)
