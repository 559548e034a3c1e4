"""SQL over the archive and the live journal."""

import json
import os
import random
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from orchestra.analysis.query import CallDatabase, calls_where
from orchestra.archive.archive import Archive
from orchestra.archive.latest_calls import latest_calls
from orchestra.bus import Entry
from orchestra.bus.keys import JOURNAL
from orchestra.bus.stream.stream_id import StreamId
from orchestra.cli import app
from orchestra.errors import UsageError
from orchestra.replay.selection import Selection, recorded_calls
from orchestra.settings import Settings
from orchestra.telemetry.rows import Columns, streams
from orchestra.testing import TestBus
from orchestra_schemas import (
    AppChanged,
    CallEnded,
    CallStarted,
    Event,
    PromptCompleted,
    PromptRequested,
    SpeechMetered,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
    encode,
    tag_of,
)
from tests.bench._replay_events import interleaved
from tests.storage.failing_filesystem import UNREACHABLE, FailingFileSystem

PAGE = (Path(__file__).parents[2] / "orchestra" / "analysis" / "README.md").read_text(encoding="utf-8")
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


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return archived(tmp_path_factory.mktemp("kept"), entries())


@pytest_asyncio.fixture
async def records(kept: Settings) -> AsyncIterator[CallDatabase]:
    opened = await CallDatabase.open(kept)
    yield opened
    opened.close()


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


async def test_archive_and_running_journal_are_queried_as_one_without_duplicates(bus: TestBus) -> None:
    calls = [bus.call(3), bus.call(4)]
    events: list[Event] = [CallStarted(call=call, from_number="+15550001") for call in calls]
    await bus.publish(*events, *(UserTurnEnded(call=calls[0], turn=turn, text="hello there") for turn in (1, 2)))
    old = [entry async for entry in bus.bus.entries(3, JOURNAL)]
    Archive.of(bus.bus.settings).write(bus.bus.journal_name, old[:2])
    records = await CallDatabase.open(bus.bus.settings)
    try:
        assert records.live == 2
        found = records.rows("SELECT call, turns, status FROM calls ORDER BY turns")
    finally:
        records.close()
    assert found == [
        {"call": calls[1], "turns": 0, "status": "running"},
        {"call": calls[0], "turns": 2, "status": "running"},
    ]


async def test_files_that_overlap_are_counted_once_and_late_types_and_odd_bodies_do_no_harm(tmp_path: Path) -> None:
    found = [entry for entry in entries() if entry.partition == 2]
    odd = [b"\xff", b"no json", b'{"type":"mood.scored","call":"c","later":{"deep":[1]},"turn":"x"}']
    late = [
        Entry(f"{1_763_830_900_000 + number}-0", 2, JOURNAL, "mood.scored", "02-x", f"odd{number}", body)
        for number, body in enumerate(odd)
    ]
    settings = archived(tmp_path, [*found, *late])
    Archive.of(settings).write("j", found[:30])
    Archive.of(settings).write(
        "j", [*found[10:], *late, Entry("1763830999999-0", 2, JOURNAL, "x", "02-x", "end", b"{}")]
    )
    records = await CallDatabase.open(settings)
    try:
        assert records.rows("SELECT count(*) AS n FROM events")[0]["n"] == len(found) + len(late) + 1
        assert records.rows("SELECT count(*) AS n FROM calls")[0]["n"] == 2
        assert records.rows("SELECT body->>'$.later.deep[0]' AS deep FROM events WHERE id = 'odd2'") == [{"deep": "1"}]
    finally:
        records.close()


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


async def test_an_archive_at_a_url_gives_the_same_results(kept: Settings) -> None:
    there = Archive("memory://analysts/archive")
    for file in Archive.of(kept).files():
        there.root.write(file.path, Archive.of(kept).root.read(file.path))
    records = await CallDatabase.open(kept.model_copy(update={"archive_url": "memory://analysts/archive"}))
    try:
        assert records.rows("SELECT count(*) AS n FROM turns WHERE total_ms > 0")[0]["n"] > 0
        with pytest.raises(UsageError, match="refused"):
            records.rows("SELECT * FROM read_csv('/etc/passwd')")
    finally:
        records.close()


async def test_an_unreachable_archive_is_named(kept: Settings) -> None:
    FailingFileSystem.reset()
    FailingFileSystem.everything = UNREACHABLE
    with pytest.raises(UsageError, match=r"cannot be reached.*No route to host"):
        await CallDatabase.open(kept.model_copy(update={"archive_url": "failing://bucket/archive"}))


async def test_a_damaged_file_is_named_and_the_others_are_queried(tmp_path: Path) -> None:
    settings = archived(tmp_path, entries())
    place = Archive.of(settings).root
    (day,) = place.names()
    place.write(f"{day}/{place.names(day)[0]}/1-0_2-0.parquet", b"no parquet")
    told: list[str] = []
    records = await CallDatabase.open(settings, on_warning=told.append)
    try:
        assert records.rows("SELECT count(*) AS n FROM events") == [{"n": 360}]
    finally:
        records.close()
    assert [("1-0_2-0.parquet" in each, "damaged" in each) for each in told] == [(True, True)]


async def test_calls_are_selected_by_a_condition_or_a_query(kept: Settings) -> None:
    every = await calls_where(kept, "true")
    assert len(every) == CALLS
    assert len(await calls_where(kept, "agent = 'tracking' AND turns > 1")) == CALLS // 3
    assert await calls_where(kept, "SELECT call FROM turns ORDER BY time LIMIT 1") == every[:1]
    with pytest.raises(UsageError, match="no column `call`"):
        await calls_where(kept, "SELECT turn FROM turns")


def run(kept: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(kept.data_dir))
    told = CliRunner().invoke(app, [*arguments])
    assert told.exit_code == 0, told.output
    return told.stdout


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


def test_the_report_has_every_part_and_its_pictures(
    kept: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = json.loads(run(kept, monkeypatch, "report", "--json", "--plot", str(tmp_path)))
    assert (found["totals"]["calls"], found["totals"]["turns"]) == (6, 24)
    assert [row["stage"] for row in found["latency_ms"]][-1] == "total"
    assert found["latency_ms"][-1]["p50"] <= found["latency_ms"][-1]["p95"] <= found["latency_ms"][-1]["p99"]
    assert {row["agent"] for row in found["by_agent"]} == {"reception", "tracking", "complaints"}
    assert [row["version"] for row in found["by_version"]] == ["0.1.0+3f2a9c1d7b20"]
    assert sum(row["calls"] for row in found["by_day"]) == 6
    assert found["tools"][0]["name"] == "find_parcel"
    assert found["models"][0]["prompt_tokens"] == found["totals"]["prompt_tokens"]
    assert found["holes"] == []
    pictures = sorted(path.name for path in tmp_path.glob("*.png"))
    assert pictures == ["calls.png", "latency.png", "stages.png"]
    assert all(
        path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5000 for path in tmp_path.glob("*.png")
    )
    shown = run(kept, monkeypatch, "report")
    assert "latency by stage" in shown
    assert "tracking" in shown
    assert "no call is kept" in run(kept, monkeypatch, "report", "--since", "2030-01-01")
    assert "no call is kept" in run(kept, monkeypatch, "report", "--since", "1s")


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


class TestOneEventUnderTwoNames:
    """A server without persistence restarts: its journal has another name, and its workers still write the old one."""

    CALL = "03-019aac75-e980-7000-8000-00000000000a"

    def entries(self, count: int, call: str = CALL, first: int = 0, ms: int = 1_763_830_000_000) -> list[Entry]:
        events: list[Event] = [CallStarted(call=call, from_number="+15550001")]
        events += [UserTurnEnded(call=call, turn=turn, text="hello there") for turn in range(1, count)]
        made = []
        for number, event in enumerate(events):
            named = msgspec.structs.replace(event, id=f"{call}:edge.{number}", at=ms / 1000)
            body = encode(named)[b"body"]
            made.append(Entry(f"{ms}-{number}", 3, "events", tag_of(type(event)), call, named.id, body))
        return made[first:]

    @pytest.mark.parametrize("ms", [1_763_830_000_000, 1_763_830_500_000])
    async def test_an_event_of_two_journals_of_the_archive_counts_once(self, settings: Settings, ms: int) -> None:
        archive = Archive.of(settings)
        archive.write("old", self.entries(4))
        archive.write("new", self.entries(6, ms=ms))
        archive.write("new", self.entries(2, call=self.CALL.replace("a", "b"), ms=ms + 1000))
        records = await CallDatabase.open(settings.model_copy(update={"redis_url": None}))
        try:
            calls = records.rows("SELECT turns FROM calls ORDER BY turns")
            holes = records.rows("SELECT count(*) AS n FROM holes")
            events = records.rows("SELECT count(*) AS n FROM events")
        finally:
            records.close()
        assert (calls, holes, events) == ([{"turns": 1}, {"turns": 5}], [{"n": 0}], [{"n": 8}])
        assert len(list(archive.entries(calls=[self.CALL]))) == 6
        (latest, earlier) = latest_calls(archive, 5)
        assert sorted([len(latest), len(earlier)]) == [2, 6]

    async def test_an_event_under_the_old_and_the_new_name_of_a_journal_counts_once(self, bus: TestBus) -> None:
        call = bus.call(3)
        await bus.publish(
            CallStarted(call=call), *(UserTurnEnded(call=call, turn=turn, text="hello") for turn in (1, 2, 3))
        )
        live = [entry async for entry in bus.bus.entries(3, JOURNAL)]
        Archive.of(bus.bus.settings).write("before", live[:3])
        records = await CallDatabase.open(bus.bus.settings)
        try:
            assert records.rows("SELECT turns FROM calls") == [{"turns": 3}]
            assert records.rows("SELECT count(*) AS n FROM events") == [{"n": 4}]
        finally:
            records.close()

    async def test_events_without_an_id_are_distinguished_by_their_stream_ids(self, settings: Settings) -> None:
        nameless = [
            msgspec.structs.replace(entry, id="", body=entry.body.replace(entry.id.encode(), b""))
            for entry in self.entries(3)
        ]
        archive = Archive.of(settings)
        archive.write("old", nameless)
        archive.write("new", self.entries(2, ms=1_763_830_900_000))
        records = await CallDatabase.open(settings.model_copy(update={"redis_url": None}))
        try:
            assert records.rows("SELECT count(*) AS n FROM events") == [{"n": 5}]
        finally:
            records.close()


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


def call_on(number: int, app: str, line: str, dialled: str, *, passed_to: str = "") -> list[Event]:
    call = f"03-0199a0b4-c0de-7000-8000-{number:012d}"
    return [
        CallStarted(call=call, app=app, line=line, to_number=dialled, at=1_763_830_000.0),
        *([AppChanged(call=call, app=passed_to, agent="desk", previous=app)] if passed_to else []),
        UserTurnEnded(call=call, turn=1, text="hello", at=1_763_830_001.0),
        CallEnded(call=call, turn=1, reason="caller_hung_up", duration_s=5.0, at=1_763_830_005.0),
    ]


def test_the_report_is_by_app_and_line_and_can_be_of_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    journals = [
        call_on(1, "bank", "+15550100", "+15550100"),
        call_on(2, "bank", "*", "+15550999", passed_to="clinic"),
        call_on(3, "clinic", "web", "web"),
        call_on(4, "it's", "", "+15550100"),
    ]
    settings = archived(tmp_path, as_entries([event for journal in journals for event in journal]))

    def report(*options: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(run(settings, monkeypatch, "report", "--json", *options))
        return found

    found = report()
    assert {row["app"]: (row["calls"], row["passed_on"]) for row in found["by_app"]} == {
        "bank": (2, 1), "clinic": (1, 0), "it's": (1, 0),
    }  # fmt: skip
    assert {row["line"]: row["calls"] for row in found["by_line"]} == {"+15550100": 1, "*": 1, "web": 1, "": 1}
    assert report("--app", "clinic")["totals"]["calls"] == 2
    assert report("--app", "it's")["totals"]["turns"] == 1
    assert report("--line", "+15550100")["totals"]["calls"] == 2
    assert report("--app", "bank", "--line", "*")["outcomes"][0]["calls"] == 1
    assert report("--app", "' OR 1=1 --")["totals"]["calls"] == 0
    shown = run(settings, monkeypatch, "report")
    assert "by app" in shown
    assert "passed on" in shown
    table = run(settings, monkeypatch, "calls", "list")
    assert "bank → clinic" in table
    for option, calls in (("--app", 2), ("--line", 1)):
        listed = run(
            settings, monkeypatch, "calls", "list", "--json", option, {"--app": "clinic", "--line": "web"}[option]
        )
        assert len(listed.splitlines()) == calls


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


def as_entries(events: list[Event]) -> list[Entry]:
    return [
        Entry(
            f"{1_763_830_000_000 + number}-0", int(event.call[:2]), JOURNAL, tag_of(type(event)), event.call,
            f"e{number}", encode(event)[b"body"],
        )
        for number, event in enumerate(events)
    ]  # fmt: skip


def predicted_call() -> list[Event]:
    """A call with a prediction of each outcome; the wasted prompts are of two models."""
    call = "02-0199a0b4-c0de-7000-8000-0000000000aa"

    def prompt(turn: int, model: str, tokens: int) -> list[Event]:
        asked = PromptRequested(call=call, turn=turn, agent="desk", id=f"{turn}.o.1", at=1_763_830_000.0 + turn)
        used = {"prompt_tokens": tokens, "completion_tokens": tokens // 10, "tokens_estimated": turn == 1}
        return [asked, PromptCompleted(call=call, turn=turn, request=asked.id, model=model, at=asked.at, **used)]

    def predicted(turn: int) -> Event:
        return UserTurnPredicted(call=call, turn=turn, text="a", at=1_763_830_000.0 + turn)

    return [
        CallStarted(call=call, app="shop", at=1_763_830_000.0),
        *(predicted(1), *prompt(1, "big", 1000), UserTurnResumed(call=call, turn=1)),
        *(predicted(2), *prompt(2, "odd 'model'", 500), UserTurnResumed(call=call, turn=2, reason="other_words")),
        *(predicted(3), *prompt(3, "big", 2000), UserTurnEnded(call=call, turn=3, text="a", predicted=True)),
        predicted(4),
        SpeechMetered(call=call, turn=4, tts="local", tts_characters_wasted=40),
        CallEnded(call=call, turn=4, reason="caller_hung_up", at=1_763_830_009.0),
    ]


def test_the_report_shows_what_wrong_predictions_have_cost(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sealed = [(number, encode(event)) for number, event in enumerate(predicted_call())]
    found = [
        Entry(
            f"{1_763_830_000_000 + number}-0",
            2,
            JOURNAL,
            fields[b"type"].decode(),
            fields[b"call"].decode(),
            f"e{number}" if not fields[b"id"] else fields[b"id"].decode(),
            fields[b"body"],
        )
        for number, fields in sealed
    ]
    settings = archived(tmp_path, found)
    monkeypatch.setenv(
        "ORCHESTRA_PRICES", '{"models": {"big": {"prompt_per_million": 2, "completion_per_million": 10}}}'
    )
    report = json.loads(run(settings, monkeypatch, "report", "--json"))["predictions"]
    totals = report["totals"]
    counted = ("predictions", "hits", "resumed", "other_words", "lost", "wasted_prompts", "wasted_characters")
    assert [totals[name] for name in counted] == [4, 1, 1, 1, 1, 2, 40]
    assert (totals["wasted_prompt_tokens"], totals["wasted_completion_tokens"]) == (1500, 150)
    assert totals["wasted_cost"] == pytest.approx(0.003)
    assert totals["unpriced"] == ["odd 'model'"]
    for group, value in (("agent", "desk"), ("app", "shop"), ("day", "2025-11-22")):
        rows = {row[group]: row for row in report[f"by_{group}"]}
        assert rows[value]["wasted_prompts"] == 2
    shown = run(settings, monkeypatch, "report")
    assert "4 predicted turns: 1 right" in shown
    assert "2 prompts wasted with 1,500 tokens in, 150 out, 0.0030 USD" in shown
    monkeypatch.setenv("ORCHESTRA_PRICES", "{}")
    assert json.loads(run(settings, monkeypatch, "report", "--json"))["predictions"]["totals"]["wasted_cost"] is None


@pytest.mark.parametrize("place", ["", "memory://analysts/damaged"])
async def test_a_damaged_footer_is_a_warning_or_an_error_and_never_ends_the_process(
    kept: Settings, tmp_path: Path, place: str
) -> None:
    settings = kept.model_copy(update={"archive_url": place or str(tmp_path / "damaged")})
    archive, source = Archive(settings.archive_url or ""), Archive.of(kept)
    files = source.files()
    for file in files:
        archive.root.write(file.path, source.root.read(file.path))
    whole = source.root.read(files[0].path)
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    noticed = 0
    for seed in range(20):
        chance, damaged = random.Random(seed), bytearray(whole)
        damaged[chance.randrange(footer, len(whole) - 8)] = chance.randrange(256)
        archive.root.write(files[0].path, bytes(damaged))
        warnings: list[str] = []
        try:
            records = await CallDatabase.open(settings, on_warning=warnings.append)
            try:
                records.rows("SELECT call FROM entries WHERE stream_ms > 5 AND type = 'call.ended'")
            finally:
                records.close()
        except UsageError:
            noticed += 1
        noticed += bool(warnings)
    assert noticed > 2
