"""`orchestra versions`: what it prints, and what it refuses."""

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestra.cli import app
from orchestra.errors import UsageError
from orchestra.testing import TestBus
from tests.versions.test_decide import NEW, OLD, edge


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["versions", *arguments])


@pytest.mark.parametrize(
    ("shares", "problem"),
    [
        (["3f2a"], "'3f2a' is no share: write VERSION=PERCENT"),
        (["3f2a=ten"], "'3f2a=ten' is no share"),
        (["=10"], "write each version once"),
        (["3f2a=10", "3f2a=90"], "write each version once"),
    ],
)
def test_shares_that_cannot_be_read_are_refused(shares: list[str], problem: str) -> None:
    refused = run("split", *shares)
    assert isinstance(refused.exception, UsageError)
    assert problem in str(refused.exception)


async def test_versions_are_listed_and_changed(bus: TestBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_REDIS_URL", str(bus.bus.settings.redis_url))
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(bus.bus.settings.data_dir))

    async def printed(*arguments: str) -> str:
        result = await asyncio.to_thread(run, *arguments)
        assert result.exit_code == 0, result.exception
        return str(result.stdout)

    assert "no edge runs" in await printed("list")
    async with edge(bus, OLD, NEW):
        told = await printed("split", "3f2a=66.6", f"{NEW}=33.4%", "--by", "ann")
        assert told == f"line *, from the next call on: {OLD} 66.6 %, {NEW} 33.4 %\n"
        listed = await printed("list")
        assert f"{OLD}  66.6 %         50 %" in listed
        assert f"split by ann: {OLD} 66.6 %, {NEW} 33.4 %" in listed
        assert await printed("promote", "b771") == f"line *, from the next call on: {NEW} 100 %\n"
        (line,) = map(json.loads, (await printed("list", "--json")).splitlines())
        assert [each["share"] for each in line["versions"]] == [0.0, 100.0]
        await printed("rollback")
        assert await printed("rollback") == "line *, from the next call on: as in the app's code\n"
