import json
import math
from collections.abc import Sequence

import pytest
from label_studio_sdk.label_interface import LabelInterface

from orchestra.curation.labelling_config import LABEL_CONFIG
from orchestra.curation.task import as_shown, is_sampled, is_wanted, outcome, redacted, task
from orchestra.history.reduce import history_of
from orchestra.history.views.dialogue import Dialogue, DialogueTurn, dialogue
from orchestra.telemetry.redaction import Redaction
from orchestra_schemas import CallEnded, CallStarted, Event, ReplySpoken, TurnMeasured, UserTurnEnded

CALL = "07-0199a0b4-c0de-7000-8000-00000000aaaa"


def told(*turns: DialogueTurn, reason: str = "caller_hung_up") -> Dialogue:
    return Dialogue(ended=CallEnded(call=CALL, reason=reason), turns=turns)  # type: ignore[arg-type]


def a_turn(number: int = 1, transcript: str = "hello", reply_heard: str = "good day", **more: object) -> DialogueTurn:
    at = 10.0 * number
    times = {"said_from_s": at + 1.0, "said_to_s": at + 2.0, "heard_from_s": at + 2.5, "heard_to_s": at + 3.0}
    return DialogueTurn(number=number, transcript=transcript, reply_heard=reply_heard, **(times | more))  # type: ignore[arg-type]


def labels(made: dict[str, object]) -> Sequence[tuple[str, str]]:
    (prediction,) = made["predictions"]  # type: ignore[misc]
    return [
        (item["value"]["start"], item["value"]["paragraphlabels"][0])
        for item in prediction["result"]
        if item["type"] == "paragraphlabels"
    ]


def test_probably_misheard_interrupted_and_failed_paragraphs_are_marked() -> None:
    made = task(
        CALL,
        told(a_turn(1, confidence=0.3), a_turn(2, interrupted=True), a_turn(3, failed=True), a_turn(4, transcript="")),
        "http://edge/audio",
    )
    assert labels(made) == [
        ("0", "Misrecognition"), ("3", "Interruption"), ("5", "Bad response"), ("6", "Misrecognition")
    ]  # fmt: skip
    assert made["data"]["turns"][6]["text"] == "(nothing understood)"
    assert made["predictions"][0]["score"] == 0.3


def test_the_labelling_interface_accepts_the_configuration_and_every_prediction() -> None:
    interface = LabelInterface(LABEL_CONFIG)
    made = task(CALL, told(a_turn(confidence=0.1, interrupted=True), a_turn(2, failed=True), reason="transferred"), "")
    assert interface.validate_prediction(made["predictions"][0], return_errors=True) == []
    assert interface.validate_task({"data": made["data"]}, validate_regions_only=False)


@pytest.mark.parametrize(
    ("call", "guess"),
    [
        (told(a_turn()), "resolved"),
        (told(a_turn(), reason="transferred"), "escalated"),
        (told(a_turn(), reason="failed"), "abandoned"),
        (told(a_turn(1), a_turn(2, reply_heard="")), "abandoned"),
        (told(), "abandoned"),
        (Dialogue(turns=[a_turn()]), "abandoned"),
    ],
)
def test_the_outcome_is_derived_from_the_end_of_the_call(call: Dialogue, guess: str) -> None:
    assert outcome(call) == guess


def test_a_sample_is_the_same_everywhere_and_has_the_requested_size() -> None:
    calls = [f"07-{number:032x}" for number in range(2000)]
    chosen = [call for call in calls if is_sampled(call, 25.0)]
    assert 400 < len(chosen) < 600
    assert set(chosen) <= {call for call in calls if is_sampled(call, 60.0)}
    assert [call for call in calls if is_sampled(call, 100.0)] == calls
    assert not any(is_sampled(call, 0.0) for call in calls)


def test_a_call_that_broke_off_or_whose_tools_failed_counts_as_failed() -> None:
    assert is_wanted(told(a_turn(), reason="failed"), "failed")
    assert is_wanted(told(a_turn(failed_tools=1)), "failed")
    assert not is_wanted(told(a_turn()), "failed")


def test_personal_data_is_neither_in_the_task_nor_in_its_predictions() -> None:
    call = told(
        a_turn(1, transcript="My card is 4111 1111", confidence=0.1),
        a_turn(
            2,
            transcript="1111 1111, and my mail is ann@example.com",
            reply_heard="I call +1 555 010 9999.",
            interrupted=True,
        ),
    )
    leaves = str(task(CALL, redacted(call, Redaction()), ""))
    assert "[number], and my mail is [email]" in leaves
    assert "I call [phone]." in leaves
    assert "1111 1111," not in leaves
    assert "ann@" in str(task(CALL, call, ""))  # the call itself is as it was


def test_paragraphs_are_in_the_order_in_which_the_editor_shows_them() -> None:
    greeting = DialogueTurn(number=0, reply_heard="Welcome.", heard_from_s=0.0, heard_to_s=2.0)
    overlapping = DialogueTurn(
        number=2,
        transcript="Stop.",
        said_from_s=3.0,
        said_to_s=3.5,
        confidence=0.1,
        reply_heard="Yes?",
        heard_from_s=4.0,
    )
    long = DialogueTurn(
        number=1,
        transcript="Hello?",
        said_from_s=1.0,
        said_to_s=1.5,
        reply_heard="Well, ...",
        heard_from_s=2.5,
        heard_to_s=3.2,
    )
    made = task(CALL, told(greeting, overlapping, long), "")
    turns = made["data"]["turns"]
    assert [each["text"] for each in turns] == ["Welcome.", "Hello?", "Well, ...", "Stop.", "Yes?"]
    assert list(turns) == as_shown(turns)
    assert all(each["start"] > 0 for each in turns)  # the editor puts those without a start last
    assert labels(made) == [("3", "Misrecognition")]


def test_a_silent_call_has_a_paragraph_too() -> None:
    assert [each["text"] for each in task(CALL, told(), "")["data"]["turns"]] == ["(nothing understood)"]


def test_text_with_nul_can_be_stored_by_label_studio() -> None:
    made = task(CALL, told(a_turn(reply_heard="It is \0 there.", interrupted=True)), "")
    assert "\0" not in str(made).replace("\\x00", "\0")


@pytest.mark.parametrize(
    ("at", "date"),
    [
        (100.0, "1970-01-01T00:01:40+00:00"),
        (-1.0, "1969-12-31T23:59:59+00:00"),
        (1_795_818_886_100.0, ""),  # in milliseconds
        (1e18, ""),
        (-1e308, ""),
        (1e308, ""),
        (math.inf, ""),
        (-math.inf, ""),
        (math.nan, ""),
    ],
)
def test_a_call_that_began_at_an_odd_time_becomes_a_task_that_can_be_sent(at: float, date: str) -> None:
    events: list[Event] = [
        CallStarted(call=CALL, at=at),
        UserTurnEnded(call=CALL, turn=1, text="hello", at=1e308, speech_ended_at=1e308),
        ReplySpoken(call=CALL, turn=1, text="good day", at=-1e308),
        CallEnded(call=CALL, reason="caller_hung_up", duration_s=math.inf, at=at),
    ]
    made = task(CALL, dialogue(history_of(events)), "")
    assert made["data"]["meta"]["started_at"] == date
    assert made["data"]["meta"]["duration_s"] == 0.0
    assert {(each["text"], each["turn"]) for each in made["data"]["turns"]} == {("hello", 1), ("good day", 1)}
    assert json.loads(json.dumps(made, allow_nan=False)) == made


@pytest.mark.parametrize("odd", [math.inf, -math.inf, math.nan, -5.0])
def test_a_paragraph_with_odd_times_stays_and_keeps_its_turn(odd: float) -> None:
    measured = TurnMeasured(call=CALL, turn=2, total_ms=odd)
    call = told(a_turn(1), a_turn(2, said_from_s=odd, said_to_s=odd, heard_to_s=odd, confidence=odd, latency=measured))
    made = task(CALL, call, "")
    assert sorted(each["turn"] for each in made["data"]["turns"]) == [1, 1, 2, 2]
    assert all(0.0 < each["start"] <= each["end"] for each in made["data"]["turns"])
    assert as_shown(made["data"]["turns"]) == made["data"]["turns"]
    json.dumps(made, allow_nan=False)
