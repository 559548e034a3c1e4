"""Where in a text the caller's ear is, by what a carrier says was said."""

import pytest

from orchestra.voice.text.heard_words import words_heard

REPLY = "Your parcel is in Denver. It arrives on May third, by ten o'clock. Your parcel is large.".split()  # noqa: SIM905


@pytest.mark.parametrize(
    ("report", "known", "heard"),
    [
        ("Your parcel is in Denver.", 0, 5),
        ("your parcel is in denver", 0, 5),
        ("It arrives on", 5, 8),
        ("Your parcel is in Denver. It arrives", 0, 7),
        ("Your parcel is in Denv", 0, 4),
        ("by ten o'clock", 0, 13),
        ("by ten o'", 0, 12),
        ("Your parcel", 0, 2),
        ("Your parcel", 5, 15),
        ("It arrives on May 3rd, by ten", 0, 12),
        ("", 3, 3),
        ("…", 3, 3),
        ("Something else entirely", 2, 2),
        ("Your parcel is in Denver.", 9, 9),
    ],
)
def test_the_place_is_found(report: str, known: int, heard: int) -> None:
    assert words_heard(REPLY, report, known) == heard


def test_letters_of_any_script_are_compared_whatever_their_form() -> None:
    assert words_heard(["Voilà,", "ça", "marche", "très", "bien."], "Voilà, ça marche", 0) == 3
    assert words_heard(["Привет,", "чем", "могу", "помочь?"], "ПРИВЕТ чем", 0) == 2
    assert words_heard(["Straße", "frei"], "STRASSE", 0) == 1


def test_a_text_without_words_has_none_heard() -> None:
    assert words_heard([], "anything", 0) == 0
    assert words_heard(["🙂", "—"], "hello", 0) == 0


def test_a_report_of_more_than_was_sent_is_of_an_earlier_text_too() -> None:
    assert words_heard(["Anything", "else?"], "It is in Denver. Anything", 0) == 1


def test_the_longest_report_is_looked_for_in_bounded_time() -> None:
    words = ("one two three four five " * 100).split()
    assert words_heard(words, "one two five " * 5_000, 0) <= len(words)
