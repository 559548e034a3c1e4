"""SQL over the archive and the live journal."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from orchestra.analysis.query import CallDatabase, calls_where
from orchestra.archive.archive import Archive
from orchestra.bus.stream.stream_id import StreamId
from orchestra.cli import app
from orchestra.errors import UsageError
from orchestra.replay.selection import Selection, recorded_calls
from orchestra.settings import Settings
from orchestra.telemetry.rows import Columns, streams
from tests.analysis.archives import CALLS, archived, as_entries, call_on, entries, run

PAGE = (Path(__file__).parents[2] / "orchestra" / "analysis" / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def records(kept: Settings) -> Iterator[CallDatabase]:
    with closing(asyncio.run(CallDatabase.open(kept))) as opened:
        yield opened


async def test_every_view_has_what_its_events_say(records: CallDatabase) -> None:
    assert records.rows("SELECT count(*) AS n, count(DISTINCT id) AS ids FROM events") == [{"n": 360, "ids": 360}]
    (call,) = records.rows("SELECT * FROM calls ORDER BY time LIMIT 1")
    assert (call["status"], call["outcome"], call["agent"]) == ("ended", "caller_hung_up", "reception")
    assert (call["turns"], call["version"], call["model"]) == (4, "0.1.0+3f2a9c1d7b20", "gpt-small")
    assert call["caller_words"] > 0 < call["agent_words"]
    assert call["prompt_tokens"] > call["completion_tokens"] > 0
    turn = records.rows("SELECT * FROM turns WHERE turn = 1 ORDER BY time LIMIT 1")[0]
    assert turn["said"]
    assert turn["reply"]
    assert turn["agent"] == "reception"
    assert turn["total_ms"] > turn["first_token_ms"] > turn["routing_ms"] > 0
    prompt = records.rows("SELECT *, messages->>'$[0].role' AS first FROM prompts WHERE answer <> '' LIMIT 1")[0]
    assert (prompt["first"], prompt["step"], prompt["error"]) == ("system", 3, "")
    assert {row["name"] for row in records.rows("SELECT * FROM tools WHERE completed")} == {"find_parcel"}
    assert (
        records.rows("SELECT count(*) AS n FROM replies")[0]["n"]
        == records.rows("SELECT count(reply) AS n FROM turns")[0]["n"]
    )
    assert records.rows("SELECT * FROM holes") == []


@pytest.mark.parametrize("sql", re.findall(r"^-- \d+\. .*?;$", PAGE, re.DOTALL | re.MULTILINE))
async def test_the_queries_of_the_page_run_and_answer(records: CallDatabase, sql: str) -> None:
    rows = records.rows(sql)
    assert rows or "handovers > 0" in sql or "HAVING" in sql


def test_the_queries_of_the_page_can_be_pasted_between_double_quotes() -> None:
    queries = re.findall(r"^-- \d+\. .*?;$", PAGE, re.DOTALL | re.MULTILINE)
    for sql in queries:
        pasted = subprocess.run(["/bin/bash", "-c", f'printf %s "{sql}"'], capture_output=True, text=True, check=True)
        assert (pasted.stdout, pasted.stderr) == (sql, "")


def described(section: str) -> list[str]:
    """The names in the first column of a section's tables."""
    firsts = re.findall(r"^\| (`.*?) \| ", section, re.MULTILINE)
    return [name for first in firsts for name in re.findall(r"`(\w+)`", first)]


async def test_the_page_describes_every_column_of_every_view(records: CallDatabase) -> None:
    for view, columns in records.columns().items():
        section = PAGE.partition(f"\n### {view}\n")[2].partition("\n## ")[0].partition("\n### ")[0]
        described = [
            name for row in re.findall(r"^\| (`.*?) \| ", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
        ]
        assert sorted(described) == sorted(name for name, _ in columns), view


def test_the_page_describes_every_column_in_openobserve() -> None:
    section = PAGE.partition("\n## OpenObserve\n")[2].partition("\n## ")[0]
    described = {
        name for row in re.findall(r"^\| (`.*?) \| ", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert described == {*Columns.__struct_fields__, "_timestamp", *streams()}


def test_the_page_has_ten_queries() -> None:
    assert re.findall(r"^-- (\d+)\. ", PAGE, re.MULTILINE) == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1; SELECT 2", "one SELECT"),
        ("", "nothing"),
        ("DROP VIEW events", "DROP"),
        ("COPY events TO 'stolen.csv'", "COPY"),
        ("SET enable_external_access = true", "SET"),
        ("ATTACH 'other.db'", "ATTACH"),
        ("INSTALL httpfs", "LOAD"),
        ("CREATE TABLE mine AS SELECT 1", "CREATE"),
        ("SELECT * FROM read_csv('/etc/passwd')", "refused"),
        ("SELECT * FROM read_text('/etc/passwd')", "refused"),
        ("SELECT * FROM '/etc/passwd.parquet'", "refused"),
        ("SELECT * FROM glob('/*')", "refused"),
        ("SELECT * FROM read_parquet('https://example.com/a.parquet')", "refused"),
        ("SELECT nothing_like_that FROM calls", "nothing_like_that"),
        ("SELEC 1", "syntax error"),
    ],
)
async def test_anything_but_a_query_of_the_views_is_refused_with_the_reason(
    records: CallDatabase, sql: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=re.escape(said)):
        records.rows(sql)
    assert os.listdir(tmp_path) == []  # noqa: PTH208


async def test_a_python_variable_is_no_table(records: CallDatabase) -> None:
    secret = {"a": [1]}
    with pytest.raises(UsageError, match="secret"):
        records.rows("SELECT * FROM secret")
    assert secret


async def test_a_gap_in_a_call_is_found_and_the_rest_is_there(tmp_path: Path) -> None:
    found = [entry for entry in entries() if entry.partition == 1]
    gone = next(entry for entry in found if entry.type == "user.turn.ended")
    records = await CallDatabase.open(archived(tmp_path, [entry for entry in found if entry is not gone]))
    try:
        holes = records.rows("SELECT DISTINCT call, turn, missing FROM holes")
        assert holes == [{"call": gone.call, "turn": 1, "missing": gone.id}]
        assert records.rows("SELECT turns FROM calls") == [{"turns": 3}]
    finally:
        records.close()


async def test_an_empty_archive_gives_empty_results(tmp_path: Path) -> None:
    records = await CallDatabase.open(Settings(data_dir=tmp_path))
    try:
        assert records.rows("SELECT * FROM turns") == records.rows("SELECT * FROM calls") == []
    finally:
        records.close()


async def test_calls_are_selected_by_a_condition_or_a_query(kept: Settings) -> None:
    every = await calls_where(kept, "true")
    assert len(every) == CALLS
    assert len(await calls_where(kept, "agent = 'tracking' AND turns > 1")) == CALLS // 3
    assert await calls_where(kept, "SELECT call FROM turns ORDER BY time LIMIT 1") == every[:1]
    with pytest.raises(UsageError, match="no column `call`"):
        await calls_where(kept, "SELECT turn FROM turns")


def test_the_command_writes_a_table_csv_json_and_parquet(
    kept: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sql = "SELECT agent, count(*) AS calls, sum(turns) AS turns FROM calls GROUP BY agent ORDER BY agent"
    assert "complaints" in run(kept, monkeypatch, "query", sql)
    assert run(kept, monkeypatch, "query", sql, "--format", "csv").splitlines()[:2] == [
        "agent,calls,turns",
        "complaints,2,8",
    ]
    rows = [json.loads(line) for line in run(kept, monkeypatch, "query", sql, "--format", "json").splitlines()]
    assert rows[0] == {"agent": "complaints", "calls": 2, "turns": 8}
    run(kept, monkeypatch, "query", sql, "--out", str(tmp_path / "a.parquet"))
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 3
    assert "turn_end_ms" in run(kept, monkeypatch, "query")


def test_the_archive_is_merged_and_shown_by_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = [entry for entry in entries() if entry.partition == 1]
    settings, archive = Settings(data_dir=tmp_path), Archive(str(tmp_path / "archive"))
    after = StreamId(0)
    for start in range(0, len(found), 10):
        after = archive.write("j", found[start : start + 10], after=after)[-1].last
    before = json.loads(run(settings, monkeypatch, "archive", "status", "--json"))
    done = json.loads(run(settings, monkeypatch, "archive", "compact", "--json"))
    now = json.loads(run(settings, monkeypatch, "archive", "status", "--json"))
    assert (done["merged"], done["made"], done["covered"]) == (6, 1, 6)
    assert [day["events"] for day in before["days"].values()] == [day["events"] for day in now["days"].values()] == [60]
    assert [day["files"] for day in now["days"].values()] == [1]
    assert list(archive.entries()) == found
    assert "2025-11-22" in run(settings, monkeypatch, "archive", "status")


def test_a_warning_says_that_very_many_files_are_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    monkeypatch.setattr("orchestra.cli.query._MANY_FILES", 2)
    archive = Archive(str(tmp_path / "archive"))
    for number, entry in enumerate(entries()[:2]):
        archive.write("j", [entry])
        told = CliRunner().invoke(app, ["query", "SELECT 1"])
        assert ("`orchestra archive compact` merges them" in told.output) == (number == 1)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("0.125::DOUBLE", "0.125"), ("0.1::DOUBLE", "0.1"), ("0.1::DOUBLE + 0.2::DOUBLE", "0.3"), ("7.0::DOUBLE", "7"),
        ("5974.7::DOUBLE", "5,974.7"), ("[2141.5229999999992::DOUBLE, NULL]", "[2,141.523, –]"),
        ("0.000012345::DOUBLE", "1.234e-05"), ("1234567.0::DOUBLE", "1,234,567"), ("-0.5::DECIMAL(5,2)", "-0.5"),
        ("{'p95': 0.125::DOUBLE}", "{p95: 0.125}"), ("100::DOUBLE", "100"),
    ],
)  # fmt: skip
def test_different_numbers_look_different_in_a_table(
    value: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    said = CliRunner().invoke(app, ["query", f"SELECT {value} AS n"])
    assert said.output.splitlines()[1].strip() == told


@pytest.mark.parametrize("name", ["t.xlsx", "t.CSVX", "t.pdf"])
def test_a_result_is_not_written_to_a_file_of_an_unknown_format(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    refused = CliRunner().invoke(app, ["query", "SELECT 1 AS n", "--out", str(tmp_path / name)])
    assert "is not a known format: use .csv, .json, .jsonl, .parquet, .txt" in str(refused.exception)
    assert not (tmp_path / name).exists()
    assert (
        CliRunner().invoke(app, ["query", "SELECT 1", "--out", str(tmp_path / name), "--format", "csv"]).exit_code == 0
    )


async def test_recorded_calls_are_selected_by_app_and_line(tmp_path: Path) -> None:
    journals = [call_on(1, "bank", "+15550100", "+15550100"), call_on(2, "clinic", "*", "+15550999")]
    settings = archived(tmp_path, as_entries([event for journal in journals for event in journal]))
    for selection, number in (
        (Selection(app="bank"), 1),
        (Selection(line="*"), 2),
        (Selection(line="+15550999"), 2),
        (Selection(app="clinic", line="*"), 2),
    ):
        assert [call[-1] for call in await recorded_calls(settings, selection, "archive")] == [str(number)]
    assert await recorded_calls(settings, Selection(app="bank", line="*"), "archive") == []
