"""Answers that no table knows: other languages, other scripts, noise."""

from datetime import date

import pytest

from orchestra.agents.capture import Address, Card, Choice, Date, Digits, Email, Kind, Name, Number, Phone, YesNo, ask
from orchestra.agents.capture.dialogue import Asked, Captured, Declined, GivenUp, KeysWanted, PendingCapture, Step
from orchestra.agents.capture.kinds import Heard, Setting
from orchestra.language.values import values_of

KINDS = (
    Number(), Digits(4), Digits(3, most=9), Name(), Email(), Phone(), Date(), Address(), YesNo(), Choice(("a", "b")),
    Card(cvc=True),
)  # fmt: skip
ODD = (
    "", " ", "…", "?!", "日本語です", "שלום", "🙂🙂", "\ud83d", "a" * 30_000, "9" * 5_000, "²³", "at at @ . @", "- - -",
    "not", "not not", "no but not yes", "last last", "the third", "+", "@.", "31 31 31 31", "0/0/0000", "in in days",
    "9" * 5_000 + " thousand", "9" * 5_000 + " tausend", "in " + "9" * 5_000 + " days", "12/" + "9" * 5_000,
    "May " + "9" * 5_000, "double " * 2_000, "doppel " * 2_000, "a b c " + "double " * 2_000,
)  # fmt: skip


def answered(kind: Kind, code: str, *texts: str) -> Step:
    """The last step of a dialogue in which the caller says this."""
    tool = ask(kind)
    setting = Setting(values_of(code), date(2026, 11, 27))
    pending = PendingCapture(tool=tool.name, turn=1, question=tool.question_in(code))
    step: Step = GivenUp()
    for text in texts:
        step = tool.dialogue.advance(pending, text, setting)
        if not isinstance(step, Asked | KeysWanted):
            return step
        pending = step.pending
    return step


@pytest.mark.parametrize("code", ["en", "de", "pl"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_whatever_is_said_the_dialogue_goes_on_or_ends(kind: Kind, code: str) -> None:
    for text in ODD:
        assert isinstance(answered(kind, code, text), Asked | KeysWanted | Captured | Declined | GivenUp)
        for value in ("4271", "12 a street", "ab@cd.com", "+442079460958", "4242 4242 4242 4242 12/29"):
            assert isinstance(answered(kind, code, value, text), Asked | KeysWanted | Captured | Declined | GivenUp)


@pytest.mark.parametrize("code", ["en", "de", "pl"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_kind_reads_whatever_is_said(kind: Kind, code: str) -> None:
    setting = Setting(values_of(code), date(2026, 11, 27))
    assert all(isinstance(kind.read(text, setting), Heard) for text in ODD if len(text) < 20_000)


@pytest.mark.parametrize("text", ["tomorrow I will call 4 2 7 1 people", "4271 " * 50])
def test_what_is_too_long_is_asked_for_again(text: str) -> None:
    assert isinstance(answered(Digits(4), "en", text), Asked)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Digits(4), "to jest 4 2 7 1", "4271"),
        (Digits(4), "٤٢٧١", "4271"),
        (Phone("PL"), "mój numer 512 345 678", "+48512345678"),
        (Email(), "jan.kowalski@wp.pl", "jan.kowalski@wp.pl"),
        (Date(), "2027-05-03", "2027-05-03"),
    ],
)
def test_a_language_without_tables_understands_figures_and_signs(kind: Kind, text: str, value: str) -> None:
    step = answered(kind, "pl", text)
    assert isinstance(step, Asked)
    assert step.pending.value == value
