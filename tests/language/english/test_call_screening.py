"""What a robot says that screens calls, and what only a person says."""

import pytest

from orchestra.language.english.call_screening import only_greets, screening_cue

ASKS = [
    "Hi, if you record your name and reason for calling, I'll see if this person is available.",
    "hi if you recording your name and reason for calling i\u2019ll see if this person is available",
    "Hi, the person you're calling is using a screening service from Google, and will get a copy of this conversation.",
    "Go ahead and say your name and why you're calling.",
    "Hi, I'm Call Assist by Google recording this call for the person you're trying to reach.",
    "Before I try to connect you, can I ask what you're calling about?",
    "This call is being screened. Please state your name and the reason for your call.",
    "Please say who you are and why you are calling.",
]
PERSON = [
    "Hello?",
    "Hi, this is Anna, who is calling?",
    "Yes, what is it about?",
    "I am not available tomorrow.",
    "One moment, I get a pen.",
    "Sorry, I can't talk right now, call me back later.",
    "What is the reason for the delay?",
    "My name is Tom, the reason I ordered it is the price.",
    "Can I leave it with the neighbours?",
]


@pytest.mark.parametrize("said", ASKS)
def test_a_robot_that_asks_is_known_by_its_words(said: str) -> None:
    assert screening_cue(said, screened=False) == "asks"


@pytest.mark.parametrize("said", PERSON)
def test_a_person_is_not_taken_for_a_robot(said: str) -> None:
    assert screening_cue(said, screened=False) is None


@pytest.mark.parametrize(
    ("said", "cue"),
    [
        ("Thanks. Please stay on the line.", "waits"),
        ("Thank you.", "waits"),
        ("Okay, one moment.", "waits"),
        ("I'm sorry, this person isn't available right now.", "declines"),
        ("I can't take your call right now.", "declines"),
        ("Please remove this number from your mailing and contact list. Thanks and goodbye.", "declines"),
        ("I'll call you later.", "declines"),
        ("Is it urgent?", "asks"),
        ("I couldn't quite understand. Could you say that again?", "asks"),
        ("Please leave a message after the tone.", "takes_message"),
        ("Hello?", None),
        ("Hi, this is Anna speaking.", None),
    ],
)
def test_a_screened_call_goes_on_by_what_is_said(said: str, cue: str | None) -> None:
    assert screening_cue(said, screened=True) == cue


@pytest.mark.parametrize("said", ["You have reached the voicemail of Tom.", "Leave a message after the beep."])
def test_an_answering_machine_is_known_by_its_words(said: str) -> None:
    assert screening_cue(said, screened=False) == "takes_message"


@pytest.mark.parametrize(("said", "greets"), [("Hello?", True), ("Yes, hi there!", True), ("Hi, who is it?", False)])
def test_a_person_who_only_says_hello_has_asked_nothing(said: str, greets: bool) -> None:
    assert only_greets(said) == greets
