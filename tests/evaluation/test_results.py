"""Results are kept on this machine, listed with what is damaged, and drawn as pages."""

from pathlib import Path

import pytest

from orchestra.errors import UsageError
from orchestra.evaluation.call_diff import CallDiff, Comparison
from orchestra.evaluation.evaluate import Evaluation, Miss
from orchestra.evaluation.evaluation_page import evaluation_report
from orchestra.evaluation.results import (
    EvaluationStore,
    keep_comparison,
    keep_simulation,
    kept_comparison,
    kept_evaluation,
    kept_results,
    kept_simulation,
)
from orchestra.evaluation.simulation.persona import Spoken
from orchestra.evaluation.simulation.runs import Failure, SimulatedRun
from orchestra.evaluation.simulation.scoring import ScenarioScore
from orchestra.evaluation.simulation.simulate import Simulation
from orchestra.evaluation.simulation_page import simulation_report
from orchestra.history.views.turn_summaries import ToolSummary, TurnSummary

COMPARISON = Comparison(calls=(CallDiff(call="07-a", name="07-a"),), failed={"07-b": "no caller"})
HOSTILE = "<script>alert(1)</script>"


def run(at: str, **changed: object) -> Evaluation:
    fields: dict[str, object] = {
        "set": "faq.jsonl",
        "version": "v1",
        "model": "m",
        "calls": 1,
        "turns": 2,
        "scores": {},
    }
    return Evaluation(at=at, **fields | changed)  # type: ignore[arg-type]


def test_a_comparison_is_kept_and_listed(tmp_path: Path) -> None:
    file = keep_comparison(tmp_path, COMPARISON, "2.0", "gpt")
    kept = kept_comparison(tmp_path, file.stem)
    assert kept is not None
    assert (kept.version, kept.model, kept.comparison) == ("2.0", "gpt", COMPARISON)
    (result,) = kept_results(tmp_path)
    assert (result.kind, result.name, result.calls, result.of_calls) == ("comparison", file.stem, 1, ("07-a",))


def test_a_run_is_read_with_the_runs_of_its_set_before_it(tmp_path: Path) -> None:
    store = EvaluationStore(tmp_path, tmp_path / "faq.jsonl")
    days = ["2026-11-20T10:00:00+00:00", "2026-11-21T10:00:00+00:00", "2026-11-22T10:00:00+00:00"]
    files = [store.keep(run(day)) for day in days]
    found = kept_evaluation(tmp_path, store.folder.name, files[1].stem)
    assert found == (run(days[1]), [run(days[0])])
    assert [each.at for each in kept_results(tmp_path)] == days[::-1]


@pytest.mark.parametrize("name", ["../secrets", "a/b", "", "none", "a\0b", "x" * 300])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secrets.json").write_text("{}")
    assert kept_comparison(tmp_path, name) is None
    assert kept_evaluation(tmp_path, name, "x") is None
    assert kept_evaluation(tmp_path, "x", name) is None


def test_a_damaged_file_says_so_at_its_place(tmp_path: Path) -> None:
    file = keep_comparison(tmp_path, COMPARISON, "2.0", "gpt")
    damaged = file.with_name("2026-11-20T100000-0009.json")
    damaged.write_bytes(b"\xff{")
    good, bad = kept_results(tmp_path)
    assert (good.problem, good.version) == ("", "2.0")
    assert str(damaged) in bad.problem
    with pytest.raises(UsageError, match="cannot be read"):
        kept_comparison(tmp_path, damaged.stem)


def test_the_page_of_a_run_shows_scores_beside_the_last_and_escapes_what_anybody_said() -> None:
    before = run("2026-11-20T10:00:00+00:00", scores={"agent": 0.5, "first_ms_p95": 900.0})
    miss = Miss(case="c1", turn=3, what="agent", wanted="billing", came=HOSTILE)
    now = run("2026-11-21T10:00:00+00:00", scores={"agent": 0.75, "first_ms_p95": 950.0}, misses=(miss,))
    page = evaluation_report(now, [before], "Evaluation")
    assert '<td class="better">+25.0 points</td>' in page
    assert '<td class="worse">+50 ms</td>' in page
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def simulation() -> Simulation:
    said = (Spoken(who="agent", text="Hello.", turn=0), Spoken(who="caller", text=HOSTILE, turn=1))
    turn = TurnSummary(number=1, transcript="script alert", tools=(ToolSummary(name="find", result=HOSTILE),))
    why = (Failure(what="success", reason=f"not booked {HOSTILE}", turn=1),)
    runs = (
        SimulatedRun(scenario="parcel", seed=1, passed=False, failures=why, conversation=said, turns=(turn,)),
        SimulatedRun(scenario="parcel", seed=2, passed=None, invalid=f"plays the agent: {HOSTILE}"),
        SimulatedRun(scenario="parcel", seed=3, passed=True, wait_ms=(120.0,)),
    )
    scored = ScenarioScore(scenario="parcel", goal=HOSTILE, valid=2, passed=1, invalid=1, pass_hat=(0.5, 0.0, None))
    return Simulation(
        at="2026-11-29T07:00:00+00:00", version="v1", model="m", persona="p", by="text", seed=1, repeat=3,
        scores=(scored,), runs=runs, problems=(HOSTILE,),
    )  # fmt: skip


def test_a_simulation_is_kept_listed_and_drawn_with_what_failed_in_which_turn(tmp_path: Path) -> None:
    found = simulation()
    file = keep_simulation(tmp_path, found)
    assert kept_simulation(tmp_path, file.stem) == found
    (result,) = kept_results(tmp_path)
    assert (result.kind, result.calls, result.passed, result.invalid) == ("simulation", 3, 1, 1)
    file.with_name("damaged.json").write_text("{")
    assert any(each.kind == "simulation" and "cannot be read" in each.problem for each in kept_results(tmp_path))
    page = simulation_report(found, "Simulated")
    assert HOSTILE not in page
    assert "1 of 2 valid calls passed" in page
    assert "understood: script alert" in page
    assert "success: not booked" in page
    assert "pass^3" in page
