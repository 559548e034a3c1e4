"""Sentences as they are written, and as they are said: ``<code>.csv``, and those of `reading_truth`."""

import csv
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.language import find_language
from orchestra.language.reading import verbalizer
from tests.language.reading_truth import lines

CODES = ("en", "es", "de", "fr", "it", "pt", "nl")
TABLES = {
    code: list(csv.DictReader((Path(__file__).parent / f"{code}.csv").read_text(encoding="utf-8").splitlines()))
    for code in CODES
}


@pytest.mark.parametrize("code", CODES)
def test_a_text_is_said_as_the_table_says(code: str) -> None:
    language = find_language(code)
    said = {row["written"]: language.to_speech(row["written"]) for row in TABLES[code]}
    assert said == {row["written"]: row["said"] for row in TABLES[code]}


@pytest.mark.parametrize("code", CODES)
def test_there_are_enough_lines(code: str) -> None:
    assert len(TABLES[code]) >= (150 if code == "en" else 60)


@pytest.mark.parametrize("code", CODES)
def test_numbers_times_dates_and_money_of_a_grammar_are_said_rightly(code: str) -> None:
    read = find_language(code).to_speech
    made = list(lines(code, 200))
    wrong = {written: (read(written), said) for written, said in made if read(written) != said}
    assert len(wrong) <= len(made) // 100, wrong


@pytest.mark.parametrize("code", CODES)
def test_what_is_said_is_not_changed_by_reading_it_again(code: str) -> None:
    read = find_language(code).verbalize
    once = [row["said"] for row in TABLES[code] if not any(letter.isdigit() for letter in row["said"])]
    assert [read(said) for said in once] == once


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("other", CODES)
def test_a_sentence_in_another_language_is_left_to_the_engine(code: str, other: str) -> None:
    sentences = {
        "en": "It costs 3.50 for you and the parcel is there at 14:30.",
        "es": "El paquete está en la calle a las 14:30 y cuesta 3,50.",
        "de": "Das Paket ist um 14:30 Uhr da und kostet 3,50.",
        "fr": "Le colis est dans la rue à 14:30 et il coûte 3,50.",
        "it": "Il pacco è nella via alle 14:30 e costa 3,50.",
        "pt": "O pacote está na rua às 14:30 e não custa 3,50.",
        "nl": "Het pakket is er om 14:30 uur en het kost 3,50.",
    }
    read = verbalizer(code)
    assert (read(sentences[other]) == sentences[other]) == (code != other)


@pytest.mark.parametrize(
    ("code", "written", "said"),
    [
        ("es-MX", "Son $1,250.50.", "Son mil doscientos cincuenta pesos con cincuenta centavos."),
        ("es-ES", "Son 50 $.", "Son cincuenta dólares."),
        ("es", "Son $50.", "Son $50."),
        ("fr-CH", "Il y a 91 jours.", "Il y a nonante et un jours."),
        ("fr-CA", "Cela fait 20 $.", "Cela fait vingt dollars."),
        ("pt-PT", "São 16 dias.", "São dezasseis dias."),
        ("pt-BR", "São 16 dias.", "São dezesseis dias."),
        ("pl", "To kosztuje 20 zł.", "To kosztuje 20 zł."),
    ],
)
def test_the_region_decides_what_a_sign_means(code: str, written: str, said: str) -> None:
    assert verbalizer(code)(written) == said


_TEXT = st.text(
    st.one_of(st.characters(), st.sampled_from("0123456789 .,:;/-–—−+*#%$€£¥°'\"()ampAPMhkmlbDrStNo½¼&@=<>~ªºde")),
    max_size=80,
)


@given(st.sampled_from(CODES), _TEXT)
def test_any_text_can_be_read(code: str, text: str) -> None:
    find_language(code).to_speech(text)


_FIGURES = st.from_regex(r"[1-9][0-9]{0,8}([.,:/–-][0-9]{1,4}){0,3}", fullmatch=True)


@given(
    st.sampled_from(CODES[1:]),
    st.sampled_from(("{}.", "{} €", "$ {}", "{}%", "({})", "{} kg", "{} h", "+{}")),
    _FIGURES,
)
def test_figures_are_said_or_left_as_a_whole(code: str, frame: str, figures: str) -> None:
    """Never half of a number in words and the rest of it in figures, as in "3,fifty"."""
    said = verbalizer(code)(frame.format(figures))
    left = [word for word in said.split() if any(letter.isdigit() for letter in word)]
    assert not any(letter.isalpha() for word in left for letter in word.strip("().%€$+kgh"))


_RANGED = {  # two frames and a month
    "es": ("{}", "Del {} está cerrado.", "de mayo de"), "de": ("{}", "Vom {} ist zu.", "Mai"),
    "fr": ("{}", "Du {} c'est fermé.", "mai"),
    "it": ("{}", "Dal {} è chiuso.", "maggio"),
    "pt": ("{}", "De {} está fechado.", "de maio de"), "nl": ("{}", "Van {} is het dicht.", "mei"),
    "en": ("{}", "From {} it is closed.", "May"),
}  # fmt: skip
_DATE_FORMS = (
    "{0:02}.{1:02}.{2}", "{0}/{1}/{2}", "{0}-{1}-{2}", "{2}-{1:02}-{0:02}", "{0} {month} {2}", "{0}.{1}.",
)  # fmt: skip
_TIME_FORMS = ("{0}:{1:02}", "{0}.{1:02}", "{0}h{1:02}", "{0}h", "{0}")
_DAYS = st.tuples(st.integers(1, 28), st.integers(1, 12), st.integers(2019, 2031))
_HOURS = st.tuples(st.integers(0, 23), st.integers(0, 59), st.just(0))


@given(
    st.sampled_from(CODES),
    st.integers(0, 1),
    st.one_of(
        st.tuples(st.sampled_from(_DATE_FORMS), _DAYS, _DAYS), st.tuples(st.sampled_from(_TIME_FORMS), _HOURS, _HOURS)
    ),
    st.sampled_from(("-", "–", "—")),
)
def test_a_range_of_dates_or_times_is_said_or_left_as_a_whole(
    code: str, frame: int, ends: tuple[str, tuple[int, int, int], tuple[int, int, int]], joint: str
) -> None:
    form, first, last = ends
    *frames, month = _RANGED[code]
    written = [form.format(*first, month=month), form.format(*last, month=month)]
    said = verbalizer(code)(frames[frame].format(joint.join(written)))
    if code == "en":  # says what joins two figures even if it leaves these, and leaves single ones
        said = re.sub(r"(?<!\S)\d(?!\S)", "", said.replace(" to ".join(written), joint.join(written)))
    assert joint.join(written) in said or not any(letter.isdigit() for letter in said)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    "text",
    [
        "1" * 30_000, "a" * 30_000, "1,2-3:4 " * 3_700, "a.b-" * 7_500, "1 " * 15_000, "\ud83d" * 30_000,
        "مرحبا 12 " * 3_000, "1 000" * 400, "a@" * 999, "12.5.26 " * 250, "9:30-" * 400, "1/2 " * 500, "-5 € " * 400,
        "(0)" * 600, "A-" * 990, "1 " * 999 + "de mayo", "www." * 499, "9" * 1_990 + " €",
    ],
    ids=[
        "digits", "letters", "figures", "address", "numbers", "surrogates", "arabic", "thousands", "mail",
        "dates", "times", "fractions", "money", "brackets", "codes", "days", "web", "sum",
    ],
)  # fmt: skip
def test_a_long_text_is_read_in_time(code: str, text: str) -> None:
    read = find_language(code).verbalize
    read("1 2")  # the tables are loaded
    for piece in text, text[:2_000]:  # longer ones are left to the engine
        started = time.process_time()
        read(piece)
        assert time.process_time() - started < 0.05
