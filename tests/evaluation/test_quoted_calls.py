"""What evaluations and comparisons of this machine quote of calls goes with the calls, and their figures stay."""

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from orchestra.app_retention import AppRetention
from orchestra.bus.keys import new_call
from orchestra.curation.evaluation import SET_FILE, EvaluatedCall, read_set, write_set
from orchestra.evaluation.call_diff import CallDiff, Comparison
from orchestra.evaluation.evaluate import Evaluation, Miss
from orchestra.evaluation.expiry import QuoteSweeps
from orchestra.evaluation.quoted_calls import quoted_calls, remove_quotes
from orchestra.evaluation.results import EvaluationStore, keep_comparison, kept_comparison, kept_results
from orchestra.retention.holds import Holds
from orchestra.testing import TestBus

NOW = 1_760_000_000.0


def call_of(age_days: float) -> str:
    return new_call(7, int((NOW - age_days * 86_400) * 1000))


def line(call: str, app: str = "") -> EvaluatedCall:
    return EvaluatedCall(call=call, task=1, annotation=1, updated_at="2026-11-20T10:00:00+00:00", notes="hi", app=app)


def a_run(*calls: str) -> Evaluation:
    return Evaluation(
        set="set.jsonl", at="2026-11-20T10:00:00+00:00", version="v1", model="m", calls=2, turns=3, scores={"a": 0.5},
        misses=tuple(Miss(case=call, turn=1, what="reply", wanted=f"words of {call}", came="?") for call in calls),
        problems=tuple(f"{call}: turn 2 was not reached: the call had ended" for call in calls),
    )  # fmt: skip


def test_a_call_leaves_set_evaluations_and_comparisons_and_figures_and_foreign_fields_stay(tmp_path: Path) -> None:
    gone, stays = call_of(40), call_of(1)
    assert (quoted_calls(tmp_path).calls, remove_quotes(tmp_path, {gone}).results) == ({}, 0)
    write_set(tmp_path / SET_FILE, [line(gone), line(stays, "shop")])
    store = EvaluationStore(tmp_path, tmp_path / SET_FILE)
    run = store.keep(a_run(gone, f"{gone} in recorded.jsonl", stays, "parcel late"))
    both = Comparison(
        calls=(CallDiff(call=gone, app="clinic"), CallDiff(call=stays)), failed={f"{gone} in a.jsonl": "no words"}
    )
    kept = keep_comparison(tmp_path, both, "2.0", "gpt")
    alone = keep_comparison(tmp_path, Comparison(calls=(CallDiff(call=gone),)), "2.0", "gpt")
    run.write_text(json.dumps(json.loads(run.read_text()) | {"later": [1]}))
    assert quoted_calls(tmp_path).calls == {gone: "clinic", stays: "shop", "parcel late": ""}

    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    dry = remove_quotes(tmp_path, {gone}, dry_run=True)
    assert (dry.lines, dry.results, dry.problems) == (1, 3, [])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before

    assert remove_quotes(tmp_path, {gone}) == dry
    assert not any(gone in path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert list(read_set(tmp_path / SET_FILE)) == [stays]
    assert store.all() == [a_run(stays, "parcel late")]
    assert json.loads(run.read_text())["later"] == [1]
    left = kept_comparison(tmp_path, kept.stem)
    assert left is not None
    assert left.comparison == Comparison(calls=(CallDiff(call=stays),))
    assert not alone.exists()
    assert len(kept_results(tmp_path)) == 2


@pytest.mark.parametrize("damaged", [b"{", b"[]", b'{"misses": [{}]}', b'{"comparison": {"calls": 3}}'])
def test_a_damaged_file_is_named_and_does_not_stop_the_others(tmp_path: Path, damaged: bytes) -> None:
    gone = call_of(40)
    keep_comparison(tmp_path, Comparison(calls=(CallDiff(call=gone),)), "2.0", "gpt")
    (tmp_path / "comparisons" / "a.json").write_bytes(damaged)
    (tmp_path / SET_FILE).write_bytes(b"no line")
    done = remove_quotes(tmp_path, {gone})
    assert (done.results, len(done.problems), "a.json" in done.problems[1]) == (1, 2, True)
    assert quoted_calls(tmp_path).problems == done.problems


async def test_expired_quotes_go_but_not_held_ones_and_those_of_other_apps(bus: TestBus) -> None:
    folder = bus.bus.settings.data_dir
    apps = {"clinic": AppRetention(exports_days=7), "bank": AppRetention(exports_days=0)}
    bus.bus.settings = bus.bus.settings.model_copy(update={"exports_days": 30.0, "app_retention": apps})
    old, young, held, short, kept, recorded = (call_of(days) for days in (31, 29, 50, 8, 99, 9))
    lines = [line(old), line(young), line(held), line(short, "clinic"), line(kept, "bank"), line(recorded)]
    write_set(folder / SET_FILE, lines)
    await bus.bus.redis.hset(bus.bus.key(recorded, "call", recorded), "app", "clinic")
    await Holds(bus.bus).hold_call(held, "case 12")
    run = EvaluationStore(folder, folder / SET_FILE).keep(a_run(old, short, kept))
    (run.parent / "damaged.json").write_bytes(b"{")
    sweeps = QuoteSweeps(bus.bus)
    with capture_logs() as logs:
        assert [await sweeps.run(NOW, dry_run) for dry_run in (True, False, False)] == [3, 3, 0]
    assert [each["event"] for each in logs] == ["retention.not_deleted"]
    assert set(read_set(folder / SET_FILE)) == {young, held, kept}
    assert [call in run.read_text() for call in (old, short, kept)] == [False, False, True]
    bus.bus.settings = bus.bus.settings.model_copy(update={"exports_days": 0.0, "app_retention": {}})
    assert not QuoteSweeps(bus.bus).keep.any
