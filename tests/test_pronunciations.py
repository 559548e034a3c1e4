"""What is said in the place of a word, and which words of the text that stands for."""

from typing import Any

import pytest

from orchestra.errors import AppError
from orchestra.pronunciations import Piece, Pronunciations

SAID = Pronunciations(
    {
        "Nguyen": "win",
        "SQL": "sequel",
        "US": "you ess",
        "San José": "san ho zay",
        "José": "ho zay",
        "gif": "/dʒif/",
        "24/7": "around the clock",
        "кот": "kot",
        "C++": "see plus plus",
        "kit": "kitt",
        "istanbul": "istan bool",
    }
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Mr. Nguyen's car, Nguyen!", "Mr. win's car, win!"),
        ("nguyen", "win"),
        ("Tell us about US plans.", "Tell us about you ess plans."),
        ("MySQL is not SQL", "MySQL is not sequel"),
        ("in San José, José lives", "in san ho zay, ho zay lives"),
        ("we are open 24/7.", "we are open around the clock."),
        ("A gif-file or GIF", "A gif-file or GIF"),
        ("один кот", "один kot"),
        ("San  José", "san ho zay"),
        ("\u212ait, KIT", "kitt, kitt"),  # the sign of kelvin is a K in another case
        ("C++ is not C", "see plus plus is not C"),
        ("İstanbul", "istan bool"),
        ("", ""),
        ("  two  spaces ", "two spaces"),
        ("\ud83d nguyen 🦜", "\ud83d win 🦜"),
    ],
)
def test_words_are_replaced_whole_and_the_longest_first(text: str, said: str) -> None:
    pieces = SAID.pieces(text)
    assert " ".join(piece.said for piece in pieces) == said
    assert " ".join(piece.written for piece in pieces).split() == text.split()


def test_each_piece_says_for_which_words_it_stands() -> None:
    assert SAID.pieces("In San José, US time") == [
        Piece("In", "In"),
        Piece("San José,", "san ho zay,"),
        Piece("US", "you ess"),
        Piece("time", "time"),
    ]


def test_ipa_goes_to_engines_that_take_it() -> None:
    assert [piece.said for piece in SAID.pieces("a GIF.", ipa="[[{}]]")] == ["a", "[[dʒif]]."]


@pytest.mark.parametrize(
    "said",
    [
        {"a": ""},
        {"": "a"},
        {"a": "/b c/"},
        {"a": "/b"},
        {"a": "x" * 201},
        {"a": 3},
        ["a"],
        {str(n): "a" for n in range(1001)},
    ],
)
def test_what_cannot_be_said_is_refused(said: Any) -> None:
    with pytest.raises(AppError, match="app 'a':"):
        Pronunciations(said).checked("app 'a':")


def test_a_long_text_takes_no_long_time() -> None:
    assert len(SAID.pieces("Nguyen " * 5000)) == 5000
