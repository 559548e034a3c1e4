"""The results as pages: listed, drawn in the console's frame, and only for those who are signed in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from orchestra.evaluation.call_diff import CallDiff, Comparison, TurnDiff
from orchestra.evaluation.evaluate import Evaluation
from orchestra.evaluation.results import EvaluationStore, keep_comparison, keep_simulation
from orchestra.evaluation.simulation.runs import SimulatedRun
from orchestra.evaluation.simulation.scoring import ScenarioScore
from orchestra.evaluation.simulation.simulate import Simulation
from orchestra.history.views.turn_summaries import TurnSummary
from orchestra.settings import Settings
from tests.console.consoles import RunningConsole, as_operator, console_app, console_settings

HOSTILE = "<script>alert(1)</script>"
CALL = "07-0199a0b4-c0de-7000-8000-00000000aaaa"


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningConsole]:
    async with console_app(console_settings(Settings(data_dir=tmp_path))) as found:
        yield found


def comparison() -> Comparison:
    """A call with one turn, in which somebody tries to be markup."""
    side = TurnSummary(number=1, agent="reception", reply=HOSTILE)
    turn = TurnDiff(number=1, said=HOSTILE, recorded=side, candidate=side, differs=("reply",))
    return Comparison(calls=(CallDiff(call=CALL, name=CALL, turns=(turn,)),))


async def test_a_comparison_is_listed_and_drawn_with_links_to_its_calls(running: RunningConsole) -> None:
    keep_comparison(running.console.settings.data_dir, comparison(), "2.0", "gpt")
    (listed,) = (await running.http.get("/api/results", headers=as_operator("read"))).json()["results"]
    assert (listed["kind"], listed["version"], listed["of_calls"]) == ("comparison", "2.0", [CALL])
    page = await running.http.get(f"/results/comparisons/{listed['name']}", headers=as_operator("read"))
    assert HOSTILE not in page.text
    assert f'<a href="/calls/{CALL}">' in page.text
    assert "<style" not in page.text
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    assert (await running.http.get("/pages/report.css")).headers["content-type"].startswith("text/css")


async def test_a_simulation_is_listed_and_drawn(running: RunningConsole) -> None:
    runs = (SimulatedRun(scenario="parcel", seed=1, passed=None, invalid=HOSTILE),)
    scored = ScenarioScore(scenario="parcel", goal="know", valid=0, passed=0, invalid=1, pass_hat=(None,))
    found = Simulation(
        at="2026-11-29T07:00:00+00:00", version="v1", model="m", persona="", by="text", seed=1, repeat=1,
        scores=(scored,), runs=runs,
    )  # fmt: skip
    keep_simulation(running.console.settings.data_dir, found)
    (listed,) = (await running.http.get("/api/results", headers=as_operator("read"))).json()["results"]
    assert (listed["kind"], listed["calls"], listed["invalid"]) == ("simulation", 1, 1)
    page = await running.http.get(f"/results/simulations/{listed['name']}", headers=as_operator("read"))
    assert page.is_success
    assert HOSTILE not in page.text
    assert "0 of 0 valid calls passed" in page.text
    assert (await running.http.get("/results/simulations/none", headers=as_operator("read"))).status_code == 404


async def test_an_evaluation_is_listed_and_drawn(running: RunningConsole, tmp_path: Path) -> None:
    run = Evaluation(
        set="faq.jsonl",
        at="2026-11-20T10:00:00+00:00",
        version="v1",
        model="m",
        calls=3,
        turns=9,
        scores={"agent": 0.5},
    )
    EvaluationStore(running.console.settings.data_dir, tmp_path / "faq.jsonl").keep(run)
    (listed,) = (await running.http.get("/api/results", headers=as_operator("read"))).json()["results"]
    page = await running.http.get(f"/results/evaluations/{listed['name']}", headers=as_operator("read"))
    assert page.is_success
    assert "50.0%" in page.text


async def test_whoever_is_not_signed_in_is_sent_to_do_so(running: RunningConsole) -> None:
    answer = await running.http.get("/results/comparisons/x")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/results/comparisons/x")


async def test_what_is_not_there_is_said(running: RunningConsole) -> None:
    for path in ("comparisons/x", "comparisons/..%2f..%2fx", "evaluations/x/y"):
        answer = await running.http.get(f"/results/{path}", headers=as_operator("read"))
        assert answer.status_code == 404
        assert answer.json()["error"]
