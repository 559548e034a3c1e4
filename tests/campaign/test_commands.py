"""`orchestra campaign` as its user sees it, with a carrier that refuses everything: no call is left to wait for."""

import asyncio
import csv
import io
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestra.cli import app
from orchestra.testing import TestBus
from tests.servers.server import Faults
from tests.servers.twilio import TwilioServer

# the twilio package signs in by what aiohttp is about to drop
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

PEOPLE = "number,name\n+15550001,Ann\n555,Bob\n+15550002,=1+1\n"


@pytest.fixture(autouse=True)
def environment(bus: TestBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "REDIS_URL": bus.bus.url,
        "DATA_DIR": str(tmp_path),
        "TWILIO_ACCOUNT_SID": "AC1",
        "TWILIO_AUTH_TOKEN": "token",
        "TWILIO_NUMBER": "+15550999",
        "PUBLIC_URL": "https://voice.example.com",
        "TWILIO_API_URL": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(f"ORCHESTRA_{name}", value)


async def campaign(*words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["campaign", *words])


async def test_a_campaign_is_run_shown_and_its_results_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = tmp_path / "people.csv"
    people.write_text(PEOPLE)
    refused = tmp_path / "refused.txt"
    refused.write_text("+1 555 0002\n")
    async with TwilioServer("AC1", "token", Faults(status=401)) as carrier:
        monkeypatch.setenv("ORCHESTRA_TWILIO_API_URL", carrier.url)
        told = await campaign("run", str(people), "--per-minute", "6000", "--do-not-call", str(refused))
    assert told.exit_code == 0, told.output
    first, *_, last = [line for line in told.stdout.splitlines() if "[info" not in line and "[warning" not in line]
    assert first.startswith("row 3: '555' is not a telephone number")
    assert last == "people: running, 2/2 done, 0 calling: 1 do not call, 1 failed"
    assert (await campaign("status", "people")).stdout.strip() == last
    out = tmp_path / "results.csv"
    assert (await campaign("results", "people", "--out", str(out))).exit_code == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert [(row["number"], row["outcome"], row["name"]) for row in rows] == [
        ("+15550001", "failed", "Ann"),
        ("+15550002", "do_not_call", "'=1+1"),
    ]


async def test_a_stopped_campaign_calls_nobody_when_it_is_run_again_until_it_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = tmp_path / "people.csv"
    people.write_text(PEOPLE)
    async with TwilioServer("AC1", "token", Faults(status=401)) as carrier:
        monkeypatch.setenv("ORCHESTRA_TWILIO_API_URL", carrier.url)
        await campaign("run", str(people), "--per-minute", "6000")
        assert len(carrier.seen) == 2
        assert (await campaign("stop", "people")).stdout == "people: stopped\n"
        people.write_text(PEOPLE + "+15550003,Cy\n")
        assert "another file" in str((await campaign("run", str(people))).exception)
        assert len(carrier.seen) == 2


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["status", "other"], "there is no campaign 'other'"),
        (["results", "other"], "there is no campaign 'other'"),
        (["stop", "a b"], "make the name of a campaign"),
        (["run", "missing.csv"], "No such file"),
        (["run", "missing.csv", "--retry", "busy"], "write busy=3x10m"),
    ],
)
async def test_a_mistake_is_one_clear_line(words: list[str], why: str) -> None:
    told = await campaign(*words)
    assert told.exit_code != 0
    assert why in f"{told.output}{told.exception}"


async def test_a_list_of_people_who_want_no_calls_that_cannot_be_read_whole_stops_everything(tmp_path: Path) -> None:
    people, refused = tmp_path / "people.csv", tmp_path / "refused.txt"
    people.write_text(PEOPLE)
    refused.write_text("+15550002\nnobody\n")
    told = await campaign("run", str(people), "--do-not-call", str(refused))
    assert "one in each line" in f"{told.output}{told.exception}"
