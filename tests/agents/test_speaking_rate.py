"""How fast a sentence is said."""

import pytest

from orchestra import Agent, App
from orchestra.agents.speaking_rate import FASTEST, SLOWEST, SpeakingRate
from orchestra.errors import AppError
from orchestra.language import DEFAULT_LANGUAGE
from orchestra_schemas import Message

SAID = Message(role="assistant", content="Your order four two seven one is in Denver.")


def rate_of(plain: str, *messages: Message, own: float = 1.0) -> float:
    return SpeakingRate(own, messages).of(plain, DEFAULT_LANGUAGE.verbalize(plain))


def caller(text: str) -> Message:
    return Message(role="user", content=text)


def test_the_agents_own_rate_counts() -> None:
    assert rate_of("It is in Denver.", caller("Where is it?"), own=0.9) == 0.9


def test_a_caller_who_asks_for_it_hears_every_sentence_slower_and_a_second_time_slower_still() -> None:
    once = rate_of("Of course.", caller("Slower, please."))
    twice = rate_of("Of course.", caller("Slower, please."), SAID, caller("Could you speak a bit slower?"))
    back = rate_of("Of course.", caller("Slower, please."), SAID, caller("You speak too slowly."))
    assert twice < once < 1.0 == back


def test_no_wish_goes_beyond_what_engines_can() -> None:
    assert rate_of("Yes.", *[caller("Slower, please.")] * 9) == SLOWEST
    assert rate_of("Yes.", *[caller("Speak faster, please.")] * 9) == FASTEST
    assert rate_of("Yes.", *[caller("Slower, please.")] * 9, caller("Speak faster, please.")) > SLOWEST  # at once


@pytest.mark.parametrize(
    ("sentence", "slower"),
    [
        ("Order number 4271.", True),
        ("Once more: 4271, please.", True),
        ("Order number 4272.", False),
        ("It is in Denver.", False),
        ("Your order is in Denver at 10.", False),
        ("", False),
    ],
)
def test_a_number_that_is_said_again_is_said_slower(sentence: str, slower: bool) -> None:
    assert (rate_of(sentence, SAID, caller("What was it?")) < 1.0) == slower


def test_an_address_that_is_said_again_is_said_slower() -> None:
    address = "Write to joe_b@example.com."
    said = Message(role="assistant", content=DEFAULT_LANGUAGE.verbalize("It is joe_b@example.com."))
    assert rate_of(address, said) < rate_of(address) == 1.0


def test_what_is_read_back_in_the_same_words_is_said_slower() -> None:
    read_back = "4 2, 7 1. Is that right?"
    heard = Message(role="assistant", content=read_back)
    assert SpeakingRate(1.0, (heard, caller("hm"))).of_same_words(read_back) == 0.85
    for before in ((), (caller("hm"),), (heard, SAID, caller("hm")), (Message(role="assistant", content="4 3, 7 1."),)):
        assert SpeakingRate(1.0, before).of_same_words(read_back) == 1.0
    assert SpeakingRate(1.0, (caller("Slower, please."),)).of_same_words(read_back) == 0.88


@pytest.mark.parametrize("speed", [0.5, 1.3, "fast", True, float("nan")])
def test_a_speed_that_no_engine_has_is_refused(speed: object) -> None:
    with pytest.raises(AppError, match="speed"):
        Agent(name="a", about="a", prompt="a", speed=speed)  # type: ignore[arg-type]


def test_an_agents_own_speed_goes_before_the_apps() -> None:
    agents = (Agent(name="a", about="a", prompt="a", speed=0.8), Agent(name="b", about="b", prompt="b"))
    app = App(name="x", agents=agents, entry="a", speed=1.1)
    assert [app.speed_of(name) for name in ("a", "b", "gone")] == [0.8, 1.1, 1.1]
