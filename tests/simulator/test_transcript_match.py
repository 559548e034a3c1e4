import pytest

from orchestra.simulator.transcript_match import compare, normalise

REPLY = "Parcel 4 2 7 1 is out for delivery. It should reach you on Friday, between two and four in the afternoon."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's Friday!", "it s friday"),
        ("We're open, aren't we? I'll see.", "we are open are not we i will see"),
        ("parcel 4271", "parcel 4 2 7 1"),
        ("parcel four two seven one", "parcel 4 2 7 1"),
        ("parcel 42-71", "parcel 4 2 7 1"),
        ("twenty five, forty, 19", "2 5 4 0 1 9"),
        ("the 2nd of June, the second", "the 2 of june the 2"),
        ("at 9 a.m. or 5 PM", "at 9 am or 5 pm"),
        ("£4.50 and 10%", "4 pounds 5 0 and 1 0 percent"),
        ("Okay, cannot.", "ok can not"),
        ("it\u2019s", "it s"),
        ("", ""),
    ],
)
def test_texts_are_normalized(text: str, words: str) -> None:
    assert " ".join(normalise(text)) == words


@pytest.mark.parametrize(
    "heard",
    [
        REPLY,
        "parcel four two seven one is out for delivery it should reach you on friday between 2 and 4 in the afternoon",
        "Parcel 4271 is out for deliveries. It should reach you on Friday between 2 and 4 in the after noon.",
        "Parcel's 4271 is out for delivery, it should reach you Friday between two and four in the afternoon.",
    ],
)
def test_the_same_words_match_whatever_the_speech_engine_made_of_them(heard: str) -> None:
    assert compare(REPLY, heard).matches


@pytest.mark.parametrize(
    "heard",
    [
        "",
        "Parcel 4271 is out for delivery.",
        "I am sorry, I did not get that. Could you please say it again, or ask for a person?",
        "It should reach you on Friday.",
    ],
)
def test_a_missing_or_another_sentence_does_not_match(heard: str) -> None:
    assert not compare(REPLY, heard).matches


def test_words_with_other_boundaries_match() -> None:
    assert compare("Goodbye, redelivery is booked.", "Good bye. Re-delivery is booked.").similarity == 1


def test_nothing_said_and_nothing_heard_match() -> None:
    assert compare("", " … ").similarity == 1


@pytest.mark.parametrize(
    ("heard", "matches"),
    [
        ("parcel 4271 is out for delivery it should", True),
        ("parcel 4271 is out for deli", True),
        ("parcel 4271", False),
        ("", False),
    ],
)
def test_a_reply_that_was_cut_off_matches_up_to_where_it_was_cut(heard: str, matches: bool) -> None:
    assert compare("Parcel 4271 is out for delivery. It", heard, open_end=True).matches is matches
