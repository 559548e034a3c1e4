"""A new source or target of a replay is one file: nothing else lists it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import orchestra.replay.sources
import orchestra.replay.targets
from orchestra.cli.replay.run import ReplayRun
from orchestra.cli.replay.run_target import replay_into
from orchestra.errors import UsageError
from orchestra.history.views.transcript import json_lines
from orchestra.replay.checkpoint import Checkpoint
from orchestra.replay.registry import Registry
from orchestra.replay.selection import Selection, entries
from orchestra.replay.sources.port import SOURCES, SourceType
from orchestra.replay.targets.port import TARGETS, TargetType
from orchestra.settings import Settings
from orchestra_schemas import CallStarted

PIGEON = """
from contextlib import asynccontextmanager
from pathlib import Path
from orchestra.replay.registry import Form
from orchestra.replay.sources.json_lines import JsonLines
from orchestra.replay.sources.port import SourceType

@asynccontextmanager
async def fly(settings, text, on_warning):
    yield JsonLines(Path(text.removeprefix("pigeon://")), on_warning)

SOURCE = SourceType(form=Form(schemes=("pigeon",), description="the URL of a pigeon"), open=fly)
"""

LOFT = """
from contextlib import asynccontextmanager
from orchestra.replay.registry import Form
from orchestra.replay.targets.port import Report, TargetType

class Loft:
    entries = 0
    def narrow(self, selection):
        return selection
    async def already_taken(self, entry):
        pass
    async def take(self, entry):
        self.entries += 1
    async def flush(self):
        pass
    async def report(self, result):
        return Report(notes=(f"{self.entries} entries in the loft",), exit_code=3, details={"calls": result.calls})

@asynccontextmanager
async def opened(options):
    yield Loft()

TARGET = TargetType(form=Form(schemes=("loft",), description="the URL of a loft"), open=opened)
"""
CALL = "07-0199a0b4-c0de-7000-8000-00000000aaaa"


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry[SourceType]]:
    (tmp_path / "pigeon.py").write_text(PIGEON)
    monkeypatch.setattr(orchestra.replay.sources, "__path__", [*orchestra.replay.sources.__path__, str(tmp_path)])
    fresh: Registry[SourceType] = Registry("orchestra.replay.sources", "SOURCE")
    monkeypatch.setattr("orchestra.replay.selection.SOURCES", fresh)
    yield fresh
    sys.modules.pop("orchestra.replay.sources.pigeon", None)


async def test_a_file_in_the_folder_of_the_sources_is_a_source(
    sources: Registry[SourceType], settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "call.jsonl"
    path.write_bytes(json_lines([CallStarted(call=CALL, id="a")]))
    assert [entry.id async for entry in entries(settings, Selection(), f"pigeon://{path}")] == ["a"]
    with pytest.raises(UsageError, match=r"is not a recording: use .*, the URL of a pigeon, or a Redis URL"):
        [entry async for entry in entries(settings, Selection(), "nowhere")]


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("auto", "auto"),
        ("journal", "redis_journal"),
        ("redis://host", "redis_journal"),
        ("redis+sentinel://host/name", "redis_journal"),
        ("unix:///run/redis.sock", "redis_journal"),
        ("archive", "archive"),
        ("s3://bucket/archive", "archive"),
        ("memory://archive", "archive"),
    ],
)
def test_a_source_is_found_by_its_form(text: str, module: str) -> None:
    found = SOURCES.find(text)
    assert found is not None
    assert found.open.__module__ == f"orchestra.replay.sources.{module}"  # type: ignore[attr-defined]


def test_a_path_is_a_file_of_lines_or_the_folder_of_an_archive(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.touch()
    found = [SOURCES.find(str(path)) for path in (file, tmp_path, tmp_path / "missing")]
    assert [each and each.form.description for each in found] == [
        "a file of JSON lines", "the folder or URL of an archive", None
    ]  # fmt: skip


async def test_a_file_in_the_folder_of_the_targets_is_a_target(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loft.py").write_text(LOFT)
    monkeypatch.setattr(orchestra.replay.targets, "__path__", [*orchestra.replay.targets.__path__, str(tmp_path)])
    fresh: Registry[TargetType] = Registry("orchestra.replay.targets", "TARGET")
    monkeypatch.setattr("orchestra.cli.replay.run_target.TARGETS", fresh)
    path = tmp_path / "call.jsonl"
    path.write_bytes(json_lines([CallStarted(call=CALL, id="a")]))
    run = ReplayRun(
        settings=settings, selection=Selection(), source=str(path), speed=None, token="",
        checkpoint=Checkpoint(settings.data_dir, {}),
    )  # fmt: skip
    assert await replay_into(run, "loft://roof", as_json=True) == 3
    printed = capsys.readouterr()
    assert printed.out == '{"calls":1}\n'
    assert "1 entries in the loft" in printed.err
    sys.modules.pop("orchestra.replay.targets.loft", None)


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("terminal", "terminal"),
        ("redis://host", "redis"),
        ("unix:///run/redis.sock", "redis"),
        ("gopher://there", "redis"),  # which explains what a Redis URL is
        ("mood:consumer", "consumer"),
        ("orchestration", "consumer"),
    ],
)
def test_a_target_is_found_by_its_form(text: str, module: str) -> None:
    found = TARGETS.find(text)
    assert found is not None
    assert found.open.__module__ == f"orchestra.replay.targets.{module}"
