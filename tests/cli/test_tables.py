"""Tables lose nothing: not in a pipe, not on a terminal of 80 columns."""

import asyncio
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from rich.text import Text
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.cli.ui.table import Column, columns, print_table
from orchestra.testing import TestBus
from tests.analysis.test_query import archived, entries
from tests.bus.test_commands import failed_letter
from tests.cli.test_calls_command import EVENTS

HEADS = columns("call", "number of words", "what was said", right=("number of words",))
CALL = "07-0199a0b4-c0de-7000-8000-00000000aaaa"
ROWS = (
    (CALL, "4", "where is my parcel"),
    (CALL.replace("a", "b"), "1,234", "a sentence " * 20 + "and its end"),
)


def printed(width: int, *, terminal: bool, heads: list[Column] = HEADS, wrap: bool = False) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=width, color_system=None)
    assert print_table(console, heads, ROWS, wrap=wrap) == len(ROWS)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [1, 40, 80, 1000])
def test_in_a_pipe_every_row_is_a_line_whatever_the_width(width: int) -> None:
    head, first, second = printed(width, terminal=False)
    assert re.split(r"\s{2,}", head) == ["call", "number of words", "what was said"]
    assert re.split(r"\s{2,}", first) == list(ROWS[0])
    assert second == f"{ROWS[1][0]}{'1,234':>17}  {ROWS[1][2]}"


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_on_a_terminal_that_is_too_narrow_every_row_is_a_record_with_its_id_whole(width: int) -> None:
    lines = printed(width, terminal=True)
    assert [line for line in lines if line.startswith("call ")] == [f"call {row[0]}" for row in ROWS]
    whole = "\n".join(lines)
    assert all(title in whole for title in ("number of words", "what was said"))
    assert all(cell in whole for row in ROWS for cell in row)


def test_on_a_terminal_that_is_wide_enough_it_is_a_table() -> None:
    assert printed(1000, terminal=True) == printed(80, terminal=False)


def test_a_text_in_the_last_column_is_wrapped_under_itself() -> None:
    lines = printed(100, terminal=True, wrap=True)
    assert max(map(len, lines)) <= 100
    assert lines[2].startswith(f"{ROWS[1][0]}{'1,234':>17}  a sentence a sentence")
    assert lines[3].startswith(" " * 58 + "sentence")
    assert " ".join(line[58:].strip() for line in lines[2:]) == ROWS[1][2]


def test_a_value_of_several_lines_stays_in_its_row() -> None:
    file = io.StringIO()
    print_table(Console(file=file), columns("name", "value"), [("a", "one\r\ntwo\tthree"), (Text("b"), "[bold]x[/]")])
    assert len(file.getvalue().splitlines()) == 3
    assert "[bold]x[/]" in file.getvalue()


Shown = Callable[..., str]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Run a command in a pipe, or on a terminal of so many columns; what it prints without its colours."""

    def run(*arguments: str, terminal: int | None = None) -> str:
        monkeypatch.setenv("COLUMNS", str(terminal or 80))  # in a pipe it means nothing
        if terminal is None:
            monkeypatch.delenv("FORCE_COLOR", raising=False)
        else:
            monkeypatch.setenv("FORCE_COLOR", "1")
        told = CliRunner().invoke(app, arguments)
        assert told.exit_code == 0, told.output
        return re.sub(r"\x1b\[[0-9;]*m", "", told.stdout)

    return run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An archive of six calls on this machine, and no server; the calls' ids."""
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    found = entries()
    archived(tmp_path, found)
    return sorted({entry.call for entry in found})


@pytest.mark.parametrize("width", [None, 80, 50])
def test_every_call_of_the_list_has_its_whole_id_and_every_column(
    home: list[str], shown: Shown, width: int | None
) -> None:
    told = shown("calls", "list", terminal=width)
    assert all(re.search(rf"^(call )?{call}( |$)", told, re.MULTILINE) for call in home)
    titles = ("started", "from", "agent", "status", "seconds", "turns", "mean wait", "tokens")
    assert all(title in told for title in titles)
    assert "…" not in told


@pytest.mark.parametrize("width", [None, 80, 50])
def test_a_query_shows_every_column_and_value(home: list[str], shown: Shown, width: int | None) -> None:
    columns_of = json.loads(shown("query", "SELECT * FROM calls LIMIT 1", "--format", "json"))
    told = shown("query", "SELECT * FROM calls ORDER BY call", terminal=width)
    assert all(re.search(rf"\b{name}\b", told) for name in columns_of)
    assert all(call in told for call in home)
    assert told.rstrip().endswith("6 rows")


@pytest.mark.parametrize("width", [None, 80, 50])
def test_the_report_has_every_figure_at_every_width(home: list[str], shown: Shown, width: int | None) -> None:
    assert home
    told = shown("report", terminal=width)
    assert all(title in told for title in ("p99", "barge-ins", "tools", "words", "tokens", "people"))


@pytest.mark.parametrize("width", [None, 30])
def test_the_days_of_the_archive_are_whole(home: list[str], shown: Shown, width: int | None) -> None:
    assert home
    told = shown("archive", "status", terminal=width)
    assert all(title in told for title in ("2025-11-22", "files", "events", "MB", "bytes per event"))


@pytest.mark.parametrize("width", [None, 80])
async def test_the_letter_that_the_list_shows_is_the_one_that_show_takes(
    bus: TestBus, monkeypatch: pytest.MonkeyPatch, shown: Shown, width: int | None
) -> None:
    monkeypatch.setenv("ORCHESTRA_REDIS_URL", bus.bus.url)
    await failed_letter(bus)
    listed = await asyncio.to_thread(shown, "dead", "list", "mood", terminal=width)
    (name,) = set(re.findall(r"\d\d/\d+-\d+", listed))
    assert "ValueError('no mood at all')" in listed
    assert "Traceback" in await asyncio.to_thread(shown, "dead", "show", "mood", name)
    status = await asyncio.to_thread(shown, "status", terminal=width)
    assert all(word in status for word in ("mood", "nobody", "0–15", "pending"))


@pytest.mark.parametrize("width", [None, 80])
def test_a_long_setting_is_shown_whole(
    home: list[str], shown: Shown, monkeypatch: pytest.MonkeyPatch, width: int | None
) -> None:
    assert home
    monkeypatch.setenv("ORCHESTRA_DEEPGRAM_MODEL", "ß" * 150)
    told = shown("doctor", "--settings", terminal=width)
    assert told.count("ß") == 150
    assert width or "ß" * 150 in told


def test_the_key_of_the_stages_stays_on_one_line(shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in EVENTS))
    told = shown("calls", "show", str(journal), terminal=80)
    (key,) = [line for line in told.splitlines() if "turn end" in line]
    assert key.endswith("o output")
    assert len(key) <= 80
