import pytest

from orchestra.language.english.spoken_digits import digit_runs, digits_of_length, without_numbers


@pytest.mark.parametrize(
    "said",
    [
        "four two seven one",
        "It is four two seven one.",
        "4271",
        "4-2-7-1",
        "42 71",
        "4,271.",
        "427 1",
        "forty two seventy one",
        "forty-two seventy-one",
        "four thousand two hundred and seventy one",
        "four to seven one",
        "for two seven one",
        "I have 2 parcels, this is number 4271",
    ],
)
def test_a_number_of_four_digits_is_found_however_it_was_said_or_written(said: str) -> None:
    assert digits_of_length(said, 4) == "4271"


@pytest.mark.parametrize(
    ("said", "digits"),
    [
        ("double five oh two", "5502"),
        ("eighty three sixteen", "8316"),
        ("nineteen thirty eight", "1938"),
        ("A3 1 6.", "8316"),
    ],
)
def test_groups_doubles_and_their_misrecognitions_are_understood(said: str, digits: str) -> None:
    assert digits_of_length(said, 4) == digits


@pytest.mark.parametrize("said", ["four two seven", "I waited for two days", "a person", "", "five hundred and two"])
def test_a_number_of_another_length_is_none(said: str) -> None:
    assert digits_of_length(said, 4) is None


def test_numbers_apart_are_runs_of_their_own() -> None:
    assert digit_runs("four two 71 and then 8-3-1-6") == ["4271", "8316"]


def test_a_text_without_its_numbers_says_only_that_there_was_one() -> None:
    assert without_numbers("Where is 4 2 7 1?") == "where is number"
    assert without_numbers("on the two of them") == "on the of them"
