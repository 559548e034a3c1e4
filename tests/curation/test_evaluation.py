from pathlib import Path
from typing import Any

import pytest

from orchestra.curation.evaluation import evaluated, latest, read_set, write_set
from orchestra.errors import RejectedError
from orchestra.language.word_error_rate import WordErrors, total, word_errors

DATA = {
    "call_id": "07-a",
    "turns": [
        {"speaker": "agent", "text": "Welcome.", "turn": 0},
        {"speaker": "caller", "text": "where is my partial", "turn": 1},
        {"speaker": "caller", "text": "(nothing understood)", "turn": 2},
    ],
}


def item(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"from_name": name, "to_name": "transcript", "value": value}


def annotation(number: int, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": number, "result": list(items), "updated_at": f"2026-11-22T10:00:0{number}Z", **more}


@pytest.mark.parametrize(
    ("said", "understood", "counted"),
    [
        ("where is my parcel", "where is my parcel", (0, 4)),
        ("Where is my parcel?", "where is my partial", (1, 4)),
        ("where is my parcel", "is my parcel", (1, 4)),
        ("my parcel", "where is my parcel", (2, 2)),
        ("it’s here", "it's here", (0, 2)),
        ("", "", (0, 0)),
        ("", "oh", (1, 0)),
        ("one two three", "", (3, 3)),
    ],
)
def test_word_errors_are_the_fewest_changes(said: str, understood: str, counted: tuple[int, int]) -> None:
    assert word_errors(said, understood) == counted


def test_every_word_counts_the_same_in_the_rate_of_all_calls() -> None:
    assert total([WordErrors(1, 2), WordErrors(0, 8)]).rate == 0.1
    assert (WordErrors(0, 0).rate, WordErrors(2, 0).rate) == (0.0, 1.0)


def test_what_annotators_say_is_comparable_with_judges() -> None:
    def answers(*items: dict[str, Any]) -> dict[str, bool]:
        call = evaluated(4, DATA, "2026-11-22T10:00:00+00:00", [annotation(1, *items)])
        assert call is not None
        return call.answers

    said = answers(
        item("outcome", {"choices": ["escalated"]}), item("quality", {"rating": 4}),
        item("judge-polite", {"choices": ["passed"]}), item("judge-calm", {"choices": ["failed"]}),
        item("judge-odd", {"choices": ["perhaps"]}), item("judge-both", {"choices": ["passed", "failed"]}),
    )  # fmt: skip
    assert said == {"outcome": False, "quality": True, "polite": True, "calm": False}
    assert answers(item("quality", {"rating": 3})) == {}
    assert answers(item("quality", {"rating": 2})) == {"quality": False}


def test_an_annotation_becomes_corrected_words_outcome_quality_and_issues() -> None:
    call = evaluated(
        4, DATA, "2026-11-22T10:00:00+00:00",
        [annotation(
            1,
            item("turn_label", {"start": "1", "end": "1", "paragraphlabels": ["Misrecognition"]}),
            item("corrected", {"start": "1", "end": "1", "text": ["where is my parcel"]}),
            item("corrected", {"start": "2", "end": "2", "text": ["hello there"]}),
            item("outcome", {"choices": ["resolved"]}),
            item("quality", {"rating": 4}),
            item("issue", {"taxonomy": [["Recognition", "Wrong word"]]}),
            item("notes", {"text": ["accent"]}),
        )],
    )  # fmt: skip
    assert call is not None
    assert (call.outcome, call.quality, call.notes) == ("resolved", 4, "accent")
    assert call.issues == (("Recognition", "Wrong word"),)
    assert (call.errors, call.words) == (3, 6)
    assert [(turn.corrected, turn.labels) for turn in call.turns] == [
        ("Welcome.", ()), ("where is my parcel", ("Misrecognition",)), ("hello there", ())
    ]  # fmt: skip


def test_ground_truth_precedes_later_annotations_and_cancelled_ones_do_not_count() -> None:
    good, bad = item("outcome", {"choices": ["resolved"]}), item("outcome", {"choices": ["abandoned"]})
    chosen = evaluated(4, DATA, "", [annotation(1, good, ground_truth=True), annotation(2, bad)])
    assert chosen is not None
    assert chosen.outcome == "resolved"
    later = evaluated(4, DATA, "", [annotation(1, good), annotation(2, bad)])
    assert later is not None
    assert later.outcome == "abandoned"
    assert evaluated(4, DATA, "", [annotation(1, good, was_cancelled=True)]) is None


@pytest.mark.parametrize(
    "broken",
    [
        item("quality", {"rating": "many"}),
        item("corrected", {"start": "first", "text": ["x"]}),
        item("issue", {"taxonomy": 3}),
        item("outcome", {"choices": [None]}),
        item("notes", ["no mapping"]),  # type: ignore[arg-type]
        "no item",
    ],
)
def test_an_annotation_that_cannot_be_read_is_named_with_its_task(broken: Any) -> None:
    with pytest.raises(RejectedError, match=r"task 4 \(07-a\)"):
        evaluated(4, DATA, "", [{"id": 1, "result": [broken]}])


def test_a_task_that_is_not_a_call_is_skipped() -> None:
    assert evaluated(4, {"text": "somebody's own"}, "", [annotation(1)]) is None


def test_the_set_is_written_whole_and_tells_where_the_next_pull_continues(tmp_path: Path) -> None:
    path = tmp_path / "sets" / "evaluation.jsonl"
    assert read_set(path) == {}
    first = evaluated(1, DATA, "2026-11-22T10:00:00+00:00", [annotation(1)])
    second = evaluated(2, {**DATA, "call_id": "07-b"}, "2026-11-22T11:00:00.500000+00:00", [annotation(2)])
    assert first is not None
    assert second is not None
    write_set(path, [second, first])
    assert list(read_set(path)) == ["07-a", "07-b"]
    moment = latest([first, second])
    assert moment is not None
    assert moment.isoformat() == "2026-11-22T11:00:00.500000+00:00"
    assert [each.name for each in path.parent.iterdir()] == ["evaluation.jsonl"]


def test_a_file_that_is_not_an_evaluation_set_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello\n")
    with pytest.raises(RejectedError, match="not an evaluation set"):
        read_set(tmp_path / "notes.txt")
