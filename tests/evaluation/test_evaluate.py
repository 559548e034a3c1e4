"""An evaluation set put to the app: what is counted, what is kept, and what a gate holds back."""

import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from orchestra.cli import app as command_line
from orchestra.curation.evaluation import EvaluatedCall, EvaluatedTurn
from orchestra.demo import app
from orchestra.errors import UsageError
from orchestra.evaluation.dataset import Case, Trial, WantedTurn, read_trials
from orchestra.evaluation.evaluate import Evaluation, Scorer, evaluate, failed_gates
from orchestra.evaluation.results import EvaluationStore, latest_by_version
from orchestra.evaluation.sandbox import Candidate
from orchestra.history.views.turn_summaries import CallSummary, ToolSummary, TurnSummary
from orchestra.settings import Settings
from orchestra_schemas import Event, TurnCancelled, UserTurnEnded
from tests.agents.golden import FOLDER, golden, read

CALL = "07-00000000-0000-7000-8000-000000000000"
LOST = {
    "name": "lost",
    "turns": [
        {
            "said": "Where is my parcel four two seven one?",
            "heard": "Where is my parcel for two seven one?",
            "agent": "tracking",
            "tools": [{"name": "find_parcel", "arguments": {"number": 4271}, "result": "It lies in Hill Street."}],
            "words": ["hill street"],
        },
        {"said": "I would like to speak to a person please.", "tools": [{"name": "transfer_call"}]},
    ],
    "outcome": "escalated",
}


def written(folder: Path, *lines: object) -> Path:
    place = folder / "set.jsonl"
    place.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return place


async def nothing(call: str) -> list[Event]:
    msg = f"no recorded call matches {call!r}"
    raise UsageError(msg)


def candidate(tmp_path: Path) -> Candidate:
    return Candidate(app=app, settings=Settings(data_dir=tmp_path, redis_url=None))


async def test_the_current_app_passes_a_set_of_the_demos_journals(tmp_path: Path) -> None:
    trials, problems = await read_trials(FOLDER, nothing)
    run = await evaluate(trials, candidate(tmp_path), name="golden", problems=problems)
    assert (run.calls, run.turns, run.version, run.model) == (4, 19, app.version, "offline")
    perfect = dict.fromkeys(("agent", "tool", "arguments", "reply", "outcome"), 1.0)
    assert list(failed_gates(run, perfect, {"breaches": 0.0, "failed": 0.0})) == []
    assert run.misses == ()


async def test_a_handwritten_case_is_played_with_its_own_tool_results(tmp_path: Path) -> None:
    trials, _ = await read_trials(written(tmp_path, LOST), nothing)
    run = await evaluate(trials, candidate(tmp_path), name="hand")
    scores = run.scores
    assert [scores[name] for name in ("agent", "tool", "arguments", "words", "outcome")] == [1.0] * 5, run.misses
    assert scores["word_error_rate"] == pytest.approx(1 / 8)
    assert scores["reply"] is None


def wanted_and_came(**came: object) -> tuple[Scorer, list[tuple[str, str]]]:
    wanted = msgspec.convert(LOST, Case).turns[0]
    trial = Trial(name="lost", events=[], wanted={1: wanted})
    scorer = Scorer()
    turn = TurnSummary(**({"number": 1, "agent": "tracking", "reply": "It lies in Hill Street."} | came))  # type: ignore[arg-type]
    scorer.add(trial, CallSummary(turns=(turn,)))
    return scorer, [(miss.what, miss.came) for miss in scorer.misses]


FOUND = ToolSummary(name="find_parcel", arguments='{"number": "4271"}')


@pytest.mark.parametrize(
    ("came", "misses"),
    [
        ({"tools": (FOUND,)}, []),
        ({"tools": (FOUND,), "agent": "reception"}, [("agent", "reception")]),
        ({"tools": ()}, [("tool", "no tool"), ("arguments", "no tool")]),
        (
            {"tools": (ToolSummary(name="find_parcel", arguments='{"number": "4217"}'),)},
            [("arguments", 'find_parcel({"number":"4217"})')],
        ),
        ({"tools": (FOUND,), "reply": "It is on its way."}, [("words", "It is on its way.")]),
        ({"tools": (FOUND,), "rules": ("no_promise",)}, [("breaches", "no_promise")]),
        ({"tools": (FOUND,), "failed": True}, [("failed", "the turn failed")]),
    ],
    ids=["right", "agent", "tool", "arguments", "words", "rule", "failed"],
)
def test_wrong_answers_are_named(came: dict[str, object], misses: list[tuple[str, str]]) -> None:
    assert wanted_and_came(**came)[1] == misses


async def test_turns_that_cannot_be_evaluated_are_named(tmp_path: Path) -> None:
    events = [read(line) for line in golden("status").read_text("utf-8").splitlines()]
    damaged = [
        *events,
        TurnCancelled(call=CALL, turn=1, reason="expired"),
        TurnCancelled(call=CALL, turn=2, reason="superseded"),  # as it goes when the caller speaks on
    ]
    turns = tuple(EvaluatedTurn(speaker="caller", text="x", corrected="x", turn=turn) for turn in (1, 2, 40, 41))
    call = EvaluatedCall(
        call=CALL, task=1, annotation=2, updated_at="2026-11-22T20:00:00+00:00", outcome="resolved", errors=0, words=6,
        turns=turns,
    )  # fmt: skip

    async def recorded(_: str) -> list[Event]:
        return damaged

    ((trial,), problems) = await read_trials(written(tmp_path, call), recorded)
    assert 1 not in trial.wanted
    assert problems == [
        f"{CALL}: turns 40, 41 are left out: the journal does not have what was said there",
        f"{CALL}: turn 1 is left out: cancelled in the recording (expired)",
    ]


def test_a_turn_that_was_never_reached_is_reported() -> None:
    scorer = Scorer()
    wanted = WantedTurn(said="and then?", words=("yes",))
    scorer.add(Trial(name="short", events=[], wanted={7: wanted}), CallSummary())
    assert scorer.unreached == ["short: turn 7 was not reached: the call had ended"]


def test_breaches_are_a_share_of_the_turns() -> None:
    scorer, _ = wanted_and_came(tools=(FOUND,), rules=("no_promise",))
    assert (scorer.scores()["breaches"], scorer.scores()["failed"]) == (1.0, 0.0)


async def test_an_annotated_call_is_played_as_corrected_and_bad_replies_are_not_examples(tmp_path: Path) -> None:
    events = [read(line) for line in golden("status").read_text("utf-8").splitlines()]
    corrected = "The number is three six nine one."
    turns = (
        EvaluatedTurn(speaker="caller", text="The number is 3 6 9 2.", corrected=corrected, turn=2),
        EvaluatedTurn(speaker="tracking", text="…", corrected="…", turn=2, labels=("Bad response",)),
    )
    call = EvaluatedCall(
        call=CALL, task=1, annotation=2, updated_at="2026-11-22T20:00:00+00:00", outcome="abandoned", errors=1, words=6,
        turns=turns,
    )  # fmt: skip

    async def recorded(_: str) -> list[Event]:
        return events

    ((trial,), problems) = await read_trials(written(tmp_path, call), recorded)
    assert problems == []
    assert [event.text for event in trial.events if isinstance(event, UserTurnEnded)][1] == corrected
    assert (trial.wanted[1].agent, trial.wanted[2].agent, trial.wanted[2].tools) == ("tracking", "", None)
    assert (trial.outcome, trial.heard.rate) == ("", pytest.approx(1 / 6))
    ((as_heard,), _) = await read_trials(written(tmp_path, call), recorded, as_heard=True)
    assert as_heard.events == events


async def test_only_recognition_errors_count_in_an_annotated_call_without_a_journal(tmp_path: Path) -> None:
    call = EvaluatedCall(call=CALL, task=1, annotation=2, updated_at="2026-11-22T20:00:00+00:00", errors=1, words=4)
    ((trial,), (problem,)) = await read_trials(written(tmp_path, call), nothing)
    assert (trial.events, trial.heard.rate) == ([], 0.25)
    assert "only its recognition errors are counted" in problem


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("no json\n", "line 1 is not a JSON object"),
        ('{"name": "a", "turns": [{"said": "hi", "toolz": []}]}\n', "line 1 is neither a case nor an annotated call"),
        (None, "is not an evaluation set"),
    ],
)
async def test_a_wrong_set_is_a_clear_error(tmp_path: Path, content: str | None, why: str) -> None:
    place = tmp_path / "set.jsonl"
    if content is not None:
        place.write_text(content)
    with pytest.raises(UsageError, match=why):
        await read_trials(place, nothing)


# -- runs and gates


def run_of(version: str, at: str, **scores: float | None) -> Evaluation:
    return Evaluation(set="s", at=at, version=version, model="offline", calls=1, turns=1, scores=scores)


def test_a_threshold_fails_for_a_worse_or_unknown_score() -> None:
    run = run_of("1", "2026-11-22T20:00:00+00:00", agent=0.8, word_error_rate=0.2, tool=None)
    problems = list(failed_gates(run, {"agent": 0.9, "tool": 0.5}, {"word_error_rate": 0.1}))
    assert problems == [
        "right agent is 80.0%, at least 90.0% is required",
        "right tools is not known: the set does not determine it",
        "word error rate is 20.0%, at most 10.0% is required",
    ]
    assert list(failed_gates(run, {"agent": 0.8}, {"word_error_rate": 0.2})) == []


def test_runs_are_kept_and_the_latest_of_each_version_is_shown_with_the_new_one(tmp_path: Path) -> None:
    runs = EvaluationStore(tmp_path, tmp_path / "set.jsonl")
    for number, version in enumerate(("a", "b", "a")):
        runs.keep(run_of(version, f"2026-11-22T20:00:0{number}+00:00"))
    now = run_of("c", "2026-11-22T21:00:00+00:00")
    assert [(run.version, run.at[17:19]) for run in latest_by_version(runs.all(), now)] == [
        ("b", "01"),
        ("a", "02"),
        ("c", "00"),
    ]


def test_the_command_compares_with_the_last_run_and_fails_below_a_threshold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    place = str(written(tmp_path, LOST))
    first = CliRunner().invoke(command_line, ["evaluate", place, "--json"])
    assert first.exit_code == 0
    assert json.loads(first.stdout)["scores"]["agent"] == 1.0
    assert "reads no prompt" not in first.stderr
    prompt = tmp_path / "reception.txt"
    prompt.write_text("You say hello.")
    second = CliRunner().invoke(
        command_line, ["evaluate", place, "--prompt", f"reception={prompt}", "--max-word-error-rate", "0.1"]
    )
    assert second.exit_code == 1
    assert app.version in second.stdout
    assert "word error rate is 12.5%, at most 10.0% is required" in second.stderr
    assert "the offline model reads no prompt" in second.stderr
