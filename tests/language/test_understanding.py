"""What callers say, and what each language makes of it: `understanding/*.csv` has a table for every one.

The first column names the function, the second its answer, then the words, and for ``state`` what the agent had said.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from orchestra.language import Language, find_language

TABLES = sorted(Path(__file__).with_name("understanding").glob("*.csv"))


class Row(NamedTuple):
    code: str
    what: str
    answer: str
    said: str
    asked: str


def rows() -> list[Row]:
    found = []
    for table in TABLES:
        with table.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE)
            next(lines)
            found += [Row(table.stem, *line) for line in lines]
    return found


def yes_or_no(answer: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[answer]


def same_terms(language: Language, said: str) -> str:
    one, other = said.split(" / ")
    return "same" if language.terms(one) == language.terms(other) != [] else "different"


UNDERSTOOD: dict[str, Callable[[Language, Row], str]] = {
    "agrees": lambda language, row: yes_or_no(language.agrees(row.said)),
    "simply": lambda language, row: yes_or_no(language.simply_agrees(row.said)),
    "listens": lambda language, row: yes_or_no(language.is_backchannel(row.said)),
    "begins": lambda language, row: yes_or_no(language.may_become_backchannel(row.said)),
    "greets": lambda language, row: yes_or_no(language.only_greets(row.said)),
    "state": lambda language, row: language.utterance_state(row.said, row.asked).value,
    "screening": lambda language, row: language.screening_cue(row.said, screened=False) or "",
    "on screen": lambda language, row: language.screening_cue(row.said, screened=True) or "",
    "terms": lambda language, row: same_terms(language, row.said),
    "polite": lambda language, row: language.strip_pleasantries(row.said),
}


@pytest.mark.parametrize("row", [row for row in rows() if row.what != "sentences"], ids=" ".join)
def test_words_are_understood_as_those_who_speak_the_language_mean_them(row: Row) -> None:
    assert UNDERSTOOD[row.what](find_language(row.code), row) == row.answer


@pytest.mark.parametrize("size", [1, 3, 10_000])
@pytest.mark.parametrize("row", [row for row in rows() if row.what == "sentences"], ids=" ".join)
def test_sentences_end_where_their_writer_ended_them_however_they_stream_in(row: Row, size: int) -> None:
    splitter = find_language(row.code).sentence_splitter()
    sentences = row.said.split(" / ")
    text = row.said.replace(" / ", " ")
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    assert [sentence for part in parts for sentence in splitter.feed(part)] + splitter.end() == sentences
