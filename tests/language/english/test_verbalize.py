import csv
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.language.english import LANGUAGE
from orchestra.language.english.numbers_to_words import cardinal, decimal, digits, ordinal, year
from orchestra.language.english.verbalize import verbalize

TABLE = list(csv.DictReader((Path(__file__).parents[1] / "en.csv").read_text(encoding="utf-8").splitlines()))


def test_no_half_of_the_day_is_said_that_the_text_does_not_give() -> None:
    halved = [row["written"] for row in TABLE if re.search(r"\b[AP]M\b|noon|midnight", row["said"])]
    assert halved
    assert all(
        re.search(r"[ap]\.?\s?m\b|\b(?:1[3-9]|2[0-4]|00):\d\d|noon", written, re.IGNORECASE) for written in halved
    )


_TEXT = st.text(
    st.one_of(st.characters(), st.sampled_from("0123456789 .,:;/-–—−+*#%$€£¥°'\"()ampAPMhkmlbDrStNo½¼&@=<>~")),
    max_size=80,
)


@given(_TEXT)
def test_any_text_can_be_read(text: str) -> None:
    verbalize(LANGUAGE.to_plain_text(text))


_PLAIN_WORDS = ("the", "parcel", "is", "here", "now", "please", "and", "Mary", "sat", "down", "in", "sun")


@given(st.lists(st.sampled_from(_PLAIN_WORDS), min_size=1))
def test_plain_words_are_left_alone(words: list[str]) -> None:
    assert verbalize(" ".join(words)) == " ".join(words)


_FIGURES = st.from_regex(r"[1-9][0-9]{0,8}([.,:/–-][0-9]{1,4}){0,3}", fullmatch=True)


@given(
    st.sampled_from(("It is {}.", "Parcel {} is here.", "{} €", "${}", "Call {} now.", "{}%", "at {} today", "({})")),
    _FIGURES,
)
def test_no_group_of_figures_is_dropped(frame: str, figures: str) -> None:
    """What was written in figures is still there: in figures, or in words of numbers."""
    said = verbalize(frame.format(figures))
    groups = len(re.findall(r"\d+", figures))
    numbers = len(re.findall(r"\d+", said))
    words = len(re.findall(rf"\b(?:{_NUMBER_WORDS})", said, re.IGNORECASE))
    assert numbers + words >= min(groups, 1)
    assert numbers == groups or words


_NUMBER_WORDS = (
    "zero|oh|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twel|thir|fif|twen|for|hundred|thousand|million|first|"
    "second|noon|midnight|half|quarter|January|February|March|April|May|June|July|August|September|October|November|December"
)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It costs £4.50.", "It costs four pounds fifty."),
        ("That is $1,250 in all.", "That is one thousand two hundred and fifty dollars in all."),
        ("€1 or £0.99", "one euro or ninety-nine pence"),
        ("It is $3.5 million.", "It is three point five million dollars."),
        ("20 EUR", "twenty euros"),
        ("£2.05", "two pounds and five pence"),
    ],
)
def test_money(written: str, said: str) -> None:
    assert verbalize(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("at 14:30", "at two thirty PM"),
        ("We open at 9 a.m. and close at 5 p.m.", "We open at nine AM and close at five PM."),
        ("at 5:05pm", "at five oh five PM"),
        ("from 9:00 to 17:00", "from nine AM to five PM"),
        ("10:30-11:30", "ten thirty to eleven thirty"),
        ("9am-5pm", "nine AM to five PM"),
        ("at 12:00", "at twelve o'clock"),
    ],
)
def test_times(written: str, said: str) -> None:
    assert verbalize(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2026-11-22", "November twenty-second, twenty twenty-six"),
        ("11/22/2026", "November twenty-second, twenty twenty-six"),
        ("22/11/2026", "November twenty-second, twenty twenty-six"),
        ("on Nov 22", "on November twenty-second"),
        ("on 22 November 2026", "on November twenty-second, twenty twenty-six"),
        ("on the 1st of May", "on May first"),
        ("in March 2024", "in March twenty twenty-four"),
        ("in 1999", "in nineteen ninety-nine"),
        ("May I help 2 people?", "May I help 2 people?"),
        ("Mon to Fri", "Monday to Friday"),
        ("Sat on Sat.", "Sat on Saturday"),
    ],
)
def test_dates(written: str, said: str) -> None:
    assert verbalize(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Parcel 4271 is here", "Parcel four two seven one is here"),
        ("parcel 4 2 7 1", "parcel 4 2 7 1"),
        ("call +1 555 0199", "call plus one, five five five, zero one nine nine"),
        ("call 020 7946 0958", "call zero two zero, seven nine four six, zero nine five eight"),
        ("1,250 parcels", "one thousand two hundred and fifty parcels"),
        ("3.14", "three point one four"),
        ("20%", "twenty percent"),
        ("the 22nd time", "the twenty-second time"),
        ("No. 12", "number twelve"),
        ("10-12 days", "ten to twelve days"),
        ("1.5 kg", "one point five kilos"),
        ("-15 °C", "minus fifteen degrees"),
        ("flight BA249 and A4 paper", "flight BA249 and A4 paper"),
        ("version 2.0.1", "version 2.0.1"),
    ],
)
def test_numbers(written: str, said: str) -> None:
    assert verbalize(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Dr. Hill", "Doctor Hill"),
        ("12 Hill St. in Bath", "twelve Hill Street in Bath"),
        ("St. Mary", "Saint Mary"),
        ("e.g. a box", "for example a box"),
        ("boxes, bags etc.", "boxes, bags et cetera."),
        ("Smith & Sons", "Smith and Sons"),
        ("write to a.b@example.com", "write to a dot b at example dot com"),
        ("24/7", "twenty-four seven"),
    ],
)
def test_abbreviations(written: str, said: str) -> None:
    assert verbalize(written) == said


def test_plain_words_stay_as_they_are() -> None:
    text = "Your parcel is at the depot, and the sun is up. Mary sat down."
    assert verbalize(text) == text


def test_verbalizing_a_sentence_twice_changes_nothing() -> None:
    said = verbalize("On 2026-11-22 at 14:30 parcel 4271 cost £4.50, Dr. Hill.")
    assert verbalize(said) == said


def test_numbers_as_words() -> None:
    assert [cardinal(number) for number in (0, 13, 40, 101, 1_000_001, -7)] == [
        "zero",
        "thirteen",
        "forty",
        "one hundred and one",
        "one million and one",
        "minus seven",
    ]
    assert [ordinal(number) for number in (1, 12, 20, 31, 100)] == [
        "first",
        "twelfth",
        "twentieth",
        "thirty-first",
        "one hundredth",
    ]
    assert [year(number) for number in (1066, 1900, 1905, 2005, 2010)] == [
        "one thousand and sixty-six",
        "nineteen hundred",
        "nineteen oh five",
        "two thousand and five",
        "twenty ten",
    ]
    assert (digits("40-71"), decimal("0.05")) == ("four zero seven one", "zero point zero five")
