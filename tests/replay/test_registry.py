"""A new source or target of a replay is one file: nothing else lists it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import orchestra.replay.sources
from orchestra.errors import UsageError
from orchestra.history.transcript import journal
from orchestra.replay.registry import Registry
from orchestra.replay.selection import Selection, entries
from orchestra.replay.sources.port import SOURCES, SourceType
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
    path.write_bytes(journal([CallStarted(call="07-0199a0b4-c0de-7000-8000-00000000aaaa", id="a")]))
    assert [entry.id async for entry in entries(settings, Selection(), f"pigeon://{path}")] == ["a"]
    with pytest.raises(UsageError, match=r"is no recording: use .*, the URL of a pigeon, or a Redis URL"):
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
