"""Archives of a few calls, and what a command prints about one."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestra.archive.archive import Archive
from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.cli import app
from orchestra.settings import Settings
from orchestra_schemas import AppChanged, CallEnded, CallStarted, Event, UserTurnEnded, encode, tag_of
from tests.bench._replay_events import interleaved

CALLS, EVENTS = 6, 60


def entries() -> list[Entry]:
    """Calls of three agents, on partitions of their own."""
    return [
        Entry(
            f"{1_763_830_000_000 + number}-0",
            int(sealed.call[:2]),
            JOURNAL,
            sealed.type.decode(),
            sealed.call,
            sealed.id,
            sealed.body,
        )
        for number, sealed in enumerate(interleaved(CALLS, events=EVENTS))
    ]


def archived(folder: Path, found: list[Entry]) -> Settings:
    """Settings whose archive has these entries."""
    settings = Settings(data_dir=folder)
    for partition in {entry.partition for entry in found}:
        Archive.of(settings).write("j", [entry for entry in found if entry.partition == partition])
    return settings


def call_with(words: str, days_ago: float, *, lasts_s: int = 1) -> list[Entry]:
    """A call in which the caller says this so long after its beginning."""
    began_ms = 1_763_830_000_000 - round(days_ago * 86_400_000)
    call = f"03-{began_ms:012x}7000800000000000aaaa"
    said = [
        (0, CallStarted(call=call, at=began_ms / 1000)),
        (lasts_s, UserTurnEnded(call=call, turn=1, text=words, at=began_ms / 1000 + lasts_s)),
        (lasts_s + 1, CallEnded(call=call, turn=1, reason="caller_hung_up", duration_s=lasts_s + 1.0)),
    ]
    return [
        Entry(
            f"{began_ms + 1000 * after_s}-0", 3, JOURNAL, tag_of(type(event)), call,
            f"{call}{after_s}", encode(event)[b"body"],
        )
        for after_s, event in said
    ]  # fmt: skip


def call_on(number: int, app: str, line: str, dialled: str, *, passed_to: str = "") -> list[Event]:
    call = f"03-0199a0b4-c0de-7000-8000-{number:012d}"
    return [
        CallStarted(call=call, app=app, line=line, to_number=dialled, at=1_763_830_000.0),
        *([AppChanged(call=call, app=passed_to, agent="desk", previous=app)] if passed_to else []),
        UserTurnEnded(call=call, turn=1, text="hello", at=1_763_830_001.0),
        CallEnded(call=call, turn=1, reason="caller_hung_up", duration_s=5.0, at=1_763_830_005.0),
    ]


def as_entries(events: list[Event]) -> list[Entry]:
    return [
        Entry(
            f"{1_763_830_000_000 + number}-0", int(event.call[:2]), JOURNAL, tag_of(type(event)), event.call,
            f"e{number}", encode(event)[b"body"],
        )
        for number, event in enumerate(events)
    ]  # fmt: skip


def run(kept: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(kept.data_dir))
    told = CliRunner().invoke(app, [*arguments])
    assert told.exit_code == 0, told.output
    return told.stdout
