"""Events of others with times, numbers and texts that cannot be: such a row is odd, all others are readable."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from orchestra.analysis.query import CallDatabase
from orchestra.analysis.report import report
from orchestra.analysis.sql_views import VIEWS
from orchestra.archive.archive import Archive
from orchestra.bus import Entry
from orchestra.cli import app
from orchestra.cli.ui.parse_time import shown
from orchestra.settings import Settings

MS = 1_763_830_000_000
GOOD = "03-019aac75-e980-7000-8000-000000000001"
ODD = "03-019aac75-e980-7000-8000-000000000002"
#: a UUID of version 7 whose moment is the year 10889, and one that no calendar has
LATE, LATEST = "03-ffffffff-ffff-7000-8000-000000000001", "03-00000000-0000-7000-8000-000000000000"

FRAGMENTS = [
    '"at":1.76e12', '"at":1.76e15', '"at":1e30', '"at":-5', '"at":1e300', '"at":1e400', '"at":"x"', '"at":null',
    '"text":"a\\u0000b"', '"text":"\\ud800x"', '"text":{"a":1},"failed":"maybe","reason":7', '"text":"a","text":"b"',
    '"x":' + "[" * 3000 + "]" * 3000, '"x":' + '{"a":' * 3000 + "1" + "}" * 3000,
    '"prompt_tokens":9e18,"completion_tokens":1e30', '"prompt_tokens":9223372036854775807',
    '"duration_s":1e308', '"duration_s":"NaN"', '"duration_s":"Infinity"', '"turn":-3', '"turn":1e30',
    '"total_ms":"x","tts_ms":"NaN","stt_ms":1e308', "half",
]  # fmt: skip
TAGS = (
    "call.started", "user.turn.ended", "prompt.requested", "prompt.completed", "tool.requested", "tool.completed",
    "turn.measured", "turn.completed", "reply.spoken", "reply.interrupted", "call.ended", "mood.scored",
)  # fmt: skip


def entry(number: int, tag: str, call: str, rest: str) -> Entry:
    body = f'{{"type":"{tag}","call":"{call}","id":"{call}:x.{number}","turn":1,{rest}}}'.encode()
    return Entry(f"{MS}-{number}", 3, "events", tag, call, f"{call}:x.{number}", body)


def entries() -> Iterator[Entry]:
    yield entry(0, "call.started", GOOD, f'"at":{MS / 1000},"from_number":"+15550001"')
    yield entry(1, "user.turn.ended", GOOD, f'"at":{MS / 1000},"text":"where is my parcel"')
    yield entry(2, "turn.measured", GOOD, f'"at":{MS / 1000},"total_ms":700.0')
    yield entry(3, "call.ended", GOOD, f'"at":{MS / 1000},"reason":"caller_hung_up","duration_s":9.0')
    number = 3
    for tag in TAGS:
        for fragment in FRAGMENTS:
            number += 1
            yield entry(number, tag, ODD, fragment)
    for call in (LATE, LATEST):
        number += 1
        yield entry(number, "call.started", call, '"at":1e300')


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    made = Settings(data_dir=tmp_path)
    Archive.of(made).write("3f9ac2d1", list(entries()))
    return made


@pytest_asyncio.fixture
async def records(settings: Settings) -> AsyncIterator[CallDatabase]:
    opened = await CallDatabase.open(settings)
    yield opened
    opened.close()


def test_the_archive_returns_odd_events_byte_for_byte(settings: Settings) -> None:
    assert list(Archive.of(settings).entries()) == list(entries())


def test_every_view_and_the_report_are_readable(records: CallDatabase) -> None:
    for view in VIEWS:
        records.rows(f"SELECT * FROM {view}")
    found = report(records)
    json.dumps(found, default=str, allow_nan=False)
    (good,) = records.rows(f"SELECT turns, duration_s, status FROM calls WHERE call = '{GOOD}'")
    assert good == {"turns": 1, "duration_s": 9.0, "status": "ended"}
    assert records.rows(f"SELECT total_ms FROM turns WHERE call = '{GOOD}'") == [{"total_ms": 700.0}]


def test_an_event_with_an_impossible_time_counts_at_the_time_when_it_was_stored(records: CallDatabase) -> None:
    times = records.rows("SELECT DISTINCT CAST(epoch_ms(time) AS BIGINT) AS ms FROM events")
    assert times == [{"ms": MS}]


@pytest.mark.parametrize(
    "command",
    [("calls", "list"), ("calls", "find", "parcel"), ("calls", "show", GOOD), ("report",), ("archive", "status"),
     ("query", "SELECT time, body FROM events"), ("calls", "show", LATE),
     ("archive", "compact"), ("calls", "show", ODD)],
    ids=" ".join,
)  # fmt: skip
@pytest.mark.usefixtures("settings")
def test_no_command_fails_on_odd_events(command: tuple[str, ...]) -> None:
    told = CliRunner().invoke(app, command)
    assert told.exception is None, told.exception
    assert told.exit_code == 0


@pytest.mark.parametrize("at", [1e30, -1e30, float("nan"), float("inf"), 1.76e15])
def test_a_time_outside_the_calendar_is_shown_as_none(at: float) -> None:
    assert shown(at) == "–"
    assert shown(0).startswith("19")
