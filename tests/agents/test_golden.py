"""The journal of each demo script is the same as it was: whoever changes it says so by renewing the file."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestra import ToolUse, rule
from orchestra.demo import app
from orchestra.demo.scripts import SCRIPTS
from orchestra.testing import TestBus
from orchestra_schemas import UserTurnEnded
from tests.agents.golden import DivergedError, golden, read, replay


@pytest.fixture(autouse=True)
def _parcels_of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))


@pytest.mark.parametrize("script", SCRIPTS)
async def test_the_workers_make_the_journal_that_they_made(bus: TestBus, script: str) -> None:
    await replay(bus, script, app)


async def test_a_divergence_is_told_as_a_difference(bus: TestBus) -> None:
    @rule
    def out_of_order(use: ToolUse) -> str | None:
        return "That is out of order." if use.tool == "find_parcel" else None

    with pytest.raises(DivergedError, match=r"(?s)\n-.*out for delivery.*\n\+.*out of order"):
        await replay(bus, "status", replace(app, rules=(out_of_order,)))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_golden_journal_holds_the_scripts_words(script: str) -> None:
    events = [read(line) for line in golden(script).read_text("utf-8").splitlines()]
    said = [event.text for event in events if isinstance(event, UserTurnEnded)]
    assert said == [line.text for line in SCRIPTS[script].lines]
