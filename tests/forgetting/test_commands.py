"""`orchestra forget` and `orchestra hold` as an operator runs them."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner, Result

from orchestra.bus import Bus
from orchestra.bus.keys import new_call
from orchestra.cli import app
from orchestra.errors import OrchestraError
from orchestra.settings import Settings
from orchestra_schemas import CallEnded, CallStarted

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on an empty server."""
    redis.Redis.from_url(settings.redis_url or "").flushall()
    monkeypatch.setenv("ORCHESTRA_REDIS_URL", settings.redis_url or "")
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(settings.data_dir))

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    return invoke


async def _publish(settings: Settings, call: str) -> None:
    bus = await Bus.connect(settings)
    publisher = bus.publisher("test")
    publisher.publish(CallStarted(call=call, from_number="+15550001"))
    publisher.publish(CallEnded(call=call, reason="silence"))
    await publisher.flush(5)
    await bus.close()


def test_a_call_is_held_released_and_forgotten(run: Run, settings: Settings, tmp_path: Path) -> None:
    call, receipt = new_call(3, 1_763_855_700_000), tmp_path / "receipt.json"
    asyncio.run(_publish(settings, call))
    assert run("hold", "add", "+1 555 0001", "--reason", "case 12").stdout == "held calls: 1\n"
    (held,) = [json.loads(line) for line in run("hold", "list", "--json").stdout.splitlines()]
    assert (held["calls"], held["reason"], "555" in held["what"]) == ([call], "case 12", False)
    refused = run("forget", call, "--json")
    assert (refused.exit_code, json.loads(refused.stdout)["calls"]) == (1, [])
    assert f"{call} is not forgotten: it is held: case 12" in refused.stderr
    assert run("forget", call).stdout == ""
    assert run("hold", "remove", "+15550001").stdout == "ended holds: 1\n"
    assert "no calls are held" in run("hold", "list").stdout
    there = json.loads(run("forget", "+15550001", "--dry-run", "--json").stdout)
    assert (there["dry_run"], len(there["calls"])) == (True, 1)
    done = run("forget", "+15550001", "--receipt", str(receipt))
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "forgotten: 1 call")
    kept = json.loads(receipt.read_text())
    assert kept["found"] == there["found"]
    assert kept["asked"] == there["asked"]
    assert call not in receipt.read_text()
    again = run("forget", call)
    assert (again.exit_code, f"{call} was forgotten before, on " in again.stdout) == (0, True)
    nothing = run("forget", "+15550001").exception
    assert isinstance(nothing, OrchestraError)
    assert str(nothing) == "nothing is kept of +15550001"
