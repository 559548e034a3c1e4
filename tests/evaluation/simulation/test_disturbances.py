import random
import re
from typing import Any

import msgspec
import pytest

from orchestra.evaluation.simulation.disturbances import (
    BACKCHANNELS,
    DisturbancePlan,
    Disturbances,
    corrected,
    first_words,
)
from orchestra.language.registry import COMPLETE_LANGUAGES, find_language

EVERYTHING = Disturbances(
    backchannels=0.5, interruptions=0.5, pauses=0.5, corrections=0.5, silences=0.5, hang_up_after=20
)


def turns(seed: int) -> list[object]:
    plan = DisturbancePlan(EVERYTHING, seed)
    return [
        (plan.turn(number), plan.said(number, "My number is 4271."), plan.pause_at(number, 9))
        for number in range(1, 30)
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"noise": 3}, "noise is a text"), ({"bad_line": "yes"}, "bad_line is True or False, not 'yes'"),
        ({"snr_db": "15"}, "snr_db is a number, not '15'"), ({"packet_loss": True}, "packet_loss is a number"),
        ({"hang_up_after": 1.5}, "hang_up_after is a whole number"), ({"pauses": "all"}, "pauses is a share"),
        ({"pauses": None}, "pauses is a share"), ({"interruptions": ("1",)}, "interruptions is a share"),
        ({"silence_s": float("nan")}, "silence_s is 0 to 600"), ({"corrections": (0,)}, "from 1 on"),
    ],
)  # fmt: skip
def test_what_has_another_type_is_refused_in_words(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Disturbances(**wrong)


def test_the_same_seed_disturbs_alike_and_another_one_does_not() -> None:
    assert turns(7) == turns(7)
    assert turns(7) != turns(8)


def test_a_turn_is_disturbed_alike_whatever_was_asked_before() -> None:
    plan = DisturbancePlan(EVERYTHING, 3)
    late = plan.turn(12)
    assert DisturbancePlan(EVERYTHING, 3).turn(12) == late == plan.turn(12)


def test_a_share_is_of_the_turns_and_numbers_are_of_them() -> None:
    plan = DisturbancePlan(Disturbances(interruptions=0.25, silences=(2, 5)), 1)
    interrupted = [number for number in range(1, 401) if plan.turn(number).interrupts_after_words]
    assert 70 < len(interrupted) < 130
    assert [number for number in range(1, 10) if plan.turn(number).silence_s] == [2, 5]


def test_a_caller_hangs_up_in_the_reply_to_the_turn_that_was_named() -> None:
    plan = DisturbancePlan(Disturbances(hang_up_after=2), 1)
    assert [bool(plan.turn(number).hangs_up_after_words) for number in (1, 2, 3)] == [False, False, True]


def test_undisturbed_nothing_happens() -> None:
    plan = DisturbancePlan(Disturbances(), 1)
    turn = plan.turn(1)
    assert (turn.backchannel, turn.interrupts_after_words, turn.hangs_up_after_words) == ("", 0, 0)
    assert (turn.silence_s, turn.pause_s, turn.corrects) == (0, 0, False)
    assert plan.said(1, "It is 42.") == "It is 42."
    assert not Disturbances().of_the_line
    assert Disturbances(gain_db=-12).of_the_line


@pytest.mark.parametrize(
    ("language", "text", "right"),
    [
        ("en", "My number is 4271.", "no, sorry, 4271."),
        ("en", "It is four two seven one, please.", "no, sorry, four two seven one, please."),
        ("en", "On 12 March, order 88-123.", "no, sorry, 88-123."),
        ("de", "Die Nummer ist vier zwei sieben.", "nein, Entschuldigung, vier zwei sieben."),
        ("fr", "C'est le 06 12 34.", "non, pardon, 06 12 34."),
        ("th", "4271", "… 4271"),
    ],
)
def test_a_number_is_said_wrong_and_then_right(language: str, text: str, right: str) -> None:
    for seed in range(20):
        said = corrected(text, random.Random(seed), language)
        assert said.endswith(right)
        assert said.replace(f", {right}", "") != text
        wrong = said[: -len(right)].rstrip(", ").split()[-1]
        assert wrong
        assert len(said.split()) > len(text.split())


def test_what_has_no_number_is_not_corrected() -> None:
    for text in ("Where is it?", "One of them.", "I have 2 parcels.", ""):
        assert corrected(text, random.Random(1)) == text


@pytest.mark.parametrize("language", sorted({code.partition("-")[0] for code in COMPLETE_LANGUAGES}))
def test_what_callers_say_into_replies_is_taken_for_listening(language: str) -> None:
    for said in BACKCHANNELS[language]:
        assert find_language(language).is_backchannel(said), said


def test_the_pause_is_within_the_sentence() -> None:
    plan = DisturbancePlan(Disturbances(pauses=1.0), 1)
    assert all(1 <= plan.pause_at(turn, words) < words for turn in range(1, 50) for words in range(2, 20))
    assert plan.pause_at(1, 1) == 0


def test_an_interrupted_reply_was_heard_up_to_there() -> None:
    assert first_words("one two  three four", 3) == "one two three"
    assert first_words("one two  three four", 0) == "one two  three four"


def test_a_scenario_file_gives_them_and_nonsense_is_refused() -> None:
    read = msgspec.convert({"noise": "babble", "interruptions": [2, 4], "pauses": 0.5}, Disturbances)
    assert read == Disturbances(noise="babble", interruptions=(2, 4), pauses=0.5)
    for wrong in ({"pauses": 1.5}, {"silences": [0]}, {"packet_loss": 1}, {"snr_db": 100}, {"pause_s": -1}):
        with pytest.raises(msgspec.ValidationError, match=next(iter(wrong))):
            msgspec.convert(wrong, Disturbances)
