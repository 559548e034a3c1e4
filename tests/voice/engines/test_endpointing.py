"""How long a pause may be: by the state of the words, smart-turn's probability, the options and the caller."""

import pytest

from orchestra.endpointing import Endpointing
from orchestra.language.utterance_state import UtteranceState
from orchestra.voice.engines.turn_detection.endpointing import Endpointer, allowed_pause_s

#: smart-turn hears an end, hears none
END, NO_END = 0.985, 0.02
SHALL = "Shall I book Monday at three?"
NUMBER = "What is your account number?"


def endpointer(question: str = "How can I help you?", **options: object) -> Endpointer:
    made = Endpointer(asked=lambda: ("desk", question), options={"": Endpointing(**options)})  # type: ignore[arg-type]
    made.turn_started()
    return made


def pause(question: str, text: str, probability: float | None) -> float:
    deciding = endpointer(question)
    if probability is not None:
        deciding.sound_judged(probability)
    return deciding.pause_s(text)


@pytest.mark.parametrize(
    ("question", "text", "probability", "least_s", "most_s"),
    [
        (SHALL, "Yes.", END, 0.2, 0.3),
        (SHALL, "Yes.", NO_END, 0.3, 0.9),
        (SHALL, "Yes, but.", END, 1.0, 2.0),
        ("The small one or the large one?", "The second one.", END, 0.2, 0.3),
        ("How can I help you?", "Where is my parcel?", END, 0.2, 0.4),
        ("How can I help you?", "Where is my parcel?", NO_END, 1.0, 2.2),
        ("How can I help you?", "I lost my card.", END, 0.4, 0.7),
        ("How can I help you?", "Hello.", END, 0.8, 1.0),
        ("How can I help you?", "He was not.", END, 1.0, 2.0),
        ("How can I help you?", "I would like to", END, 1.0, 2.0),
        ("How can I help you?", "I would like to", NO_END, 1.5, 2.5),
        (NUMBER, "My parcel number is 4, 2.", END, 0.85, 1.1),
        (NUMBER, "It is 0 1 7 1.", END, 0.85, 1.1),
        (NUMBER, "It is 0 1 7 1.", 0.8, 1.1, 1.5),
        (NUMBER, "5, 5, 5", NO_END, 1.2, 2.0),
        ("Please tell me the last four digits.", "4 2 7 1.", END, 0.2, 0.3),
        ("Please tell me the last four digits.", "4 2.", END, 0.85, 1.1),
        ("May I have your card number?", "4539 1488.", END, 0.85, 1.1),
        ("Could you spell that?", "S M I", END, 0.85, 1.1),
        ("What is your e-mail address?", "john dot smith at", END, 0.85, 1.1),
        ("What is your e-mail address?", "john dot smith at example dot com.", END, 0.2, 0.3),
        ("What is your address?", "12 High Street.", END, 0.85, 1.1),
        (NUMBER, "Let me think.", END, 2.4, 2.6),
        (NUMBER, "Hold on.", END, 2.4, 2.6),
        ("How can I help you?", "Where is my parcel?", None, 1.2, 2.5),
    ],
)
def test_a_pause_is_as_long_as_the_moment_needs(
    question: str, text: str, probability: float | None, least_s: float, most_s: float
) -> None:
    assert least_s <= pause(question, text, probability) <= most_s


def test_a_full_stop_counts_only_from_an_engine_that_does_not_close_every_stretch_of_speech() -> None:
    deciding = endpointer()
    deciding.sound_judged(0.5)
    told = deciding.pause_s("I lost my card.")
    deciding.punctuation_tells = False
    assert deciding.pause_s("I lost my card.") > told
    assert deciding.state_of("Where is my parcel?") is UtteranceState.QUESTION


@pytest.mark.parametrize("state", UtteranceState)
def test_a_surer_sound_never_lengthens_a_pause(state: UtteranceState) -> None:
    pauses = [allowed_pause_s(state, probability / 100) for probability in range(101)]
    assert pauses == sorted(pauses, reverse=True)


@pytest.mark.parametrize("state", UtteranceState)
@pytest.mark.parametrize("probability", [None, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("patience", [0.1, 1.0, 10.0])
def test_a_pause_stays_within_the_bounds_of_the_options(
    state: UtteranceState, probability: float | None, patience: float
) -> None:
    options = Endpointing(min_pause_s=0.4, max_pause_s=0.9)
    assert 0.4 <= allowed_pause_s(state, probability, options, patience) <= 0.9


def test_the_least_probability_of_a_pause_counts() -> None:
    deciding = endpointer()
    deciding.sound_judged(0.1)
    early = deciding.pause_s("Where is my parcel?")
    deciding.sound_judged(0.95)
    assert deciding.pause_s("Where is my parcel?") == early


def test_a_new_pause_is_judged_by_its_own_sound() -> None:
    deciding = endpointer()
    deciding.sound_judged(NO_END)
    deciding.voice_started(None)
    deciding.sound_judged(END)
    assert deciding.pause_s("Where is my parcel?") < 0.5


def test_a_caller_who_was_cut_gets_longer_pauses() -> None:
    deciding = endpointer()
    before = deciding.pause_s("I would like to")
    deciding.turn_ended()
    deciding.voice_started(1.2)
    assert deciding.pause_s("I would like to") > before


def test_a_caller_who_answers_a_reply_was_not_cut() -> None:
    deciding = endpointer()
    before = deciding.pause_s("I would like to")
    deciding.turn_ended()
    deciding.voice_started(None)
    assert deciding.pause_s("I would like to") == before


def test_a_caller_with_short_pauses_gets_shorter_ones() -> None:
    deciding = endpointer()
    before = deciding.pause_s("I would like to")
    for _ in range(6):
        deciding.voice_started(0.3)
    assert deciding.pause_s("I would like to") < before


def test_what_a_caller_teaches_is_bounded_both_ways() -> None:
    quick, slow = endpointer(max_pause_s=3.5), endpointer(max_pause_s=3.5)
    for _ in range(200):
        quick.voice_started(0.25)
        slow.turn_ended()
        slow.voice_started(2.0)
    assert 0.7 < quick.pause_s("I would like to") < slow.pause_s("I would like to") <= 3.5


def test_one_odd_pause_changes_little() -> None:
    deciding = endpointer()
    before = deciding.pause_s("I would like to")
    deciding.voice_started(2.4)
    assert deciding.pause_s("I would like to") < 1.2 * before


def test_a_break_longer_than_any_pause_teaches_nothing() -> None:
    deciding = endpointer()
    before = deciding.pause_s("I would like to")
    deciding.turn_ended()
    deciding.voice_started(20.0)
    assert deciding.pause_s("I would like to") == before


def test_an_app_may_turn_learning_off() -> None:
    deciding = endpointer(adapts=False)
    before = deciding.pause_s("I would like to")
    deciding.turn_ended()
    deciding.voice_started(1.2)
    assert deciding.pause_s("I would like to") == before


def test_patience_lengthens_pauses_that_may_go_on_but_not_certain_ends() -> None:
    quick, patient = (endpointer(SHALL, patience=patience) for patience in ("quick", "patient"))
    for deciding in (quick, patient):
        deciding.sound_judged(END)
    assert quick.pause_s("I would like to") < patient.pause_s("I would like to")
    assert patient.pause_s("Yes.") - quick.pause_s("Yes.") < 0.05


def test_a_reply_of_which_nothing_was_said_does_not_replace_the_question() -> None:
    said = [("desk", "What are the last four digits?"), ("", "")]
    deciding = Endpointer(asked=lambda: said.pop(0))
    deciding.turn_started()
    deciding.turn_started()
    assert deciding.state_of("4 2") is UtteranceState.DICTATION
    assert deciding.state_of("4 2 7 1") is UtteranceState.ANSWER


def test_the_call_learns_how_much_longer_than_usual_the_caller_may_pause() -> None:
    allowed: list[float] = []
    deciding = Endpointer(on_pause=allowed.append)
    deciding.sound_judged(END)
    deciding.pause_s("Good-bye.")
    deciding.pause_s("Hold on.")
    assert allowed[0] < 0.2
    assert allowed[1] == pytest.approx(2.25)


def test_the_groups_of_a_number_tell_when_it_is_over() -> None:
    deciding = endpointer(NUMBER)
    before = deciding.pause_s("4 2")
    for _ in range(2):
        deciding.voice_started(0.5)
        deciding.pause_s("4 2 7 1")
    assert 0.7 < deciding.pause_s("4 2 7 1") < 1.0 < before


def test_pauses_between_the_groups_of_a_number_do_not_slow_the_rest_of_the_call() -> None:
    deciding = endpointer(NUMBER)
    before = deciding.pause_s("I would like to")
    for _ in range(5):
        deciding.pause_s("4 2")
        deciding.voice_started(0.9)
    assert deciding.pause_s("I would like to") == before


def test_turns_that_are_answered_bring_a_cut_caller_back_to_usual_pauses() -> None:
    deciding = endpointer()
    usual = deciding.pause_s("I would like to")
    deciding.turn_ended()
    deciding.voice_started(1.2)
    after_cut = deciding.pause_s("I would like to")
    for _ in range(20):
        deciding.turn_ended()
        deciding.voice_started(None)
    assert usual <= deciding.pause_s("I would like to") < usual + 0.1 * (after_cut - usual)


def test_short_pauses_between_single_digits_do_not_make_the_next_one_the_last() -> None:
    deciding = Endpointer(asked=lambda: ("", "What is the number?"))
    deciding.turn_started()
    for said in ("7.", "7. 8.", "7. 8. 9."):
        deciding.sound_judged(0.02)
        assert deciding.pause_s(said) >= 0.6
        deciding.voice_started(0.25)
