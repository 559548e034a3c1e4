"""How a name is written, as callers say it: with these letters, or without them."""

from datetime import date

import pytest

from orchestra.agents.capture import Name
from orchestra.agents.capture.kinds import Setting
from orchestra.language.values import values_of


def setting(language: str) -> Setting:
    return Setting(values=values_of(language), today=date(2026, 11, 27))


@pytest.mark.parametrize(
    ("language", "said", "name"),
    [
        ("de", "Schmidt mit dt", "Schmidt"),
        ("de", "Anna Schmitt mit d t", "Anna Schmidt"),
        ("de", "Hofmann mit zwei f", "Hoffmann"),
        ("de", "Maier mit e y", "Meyer"),
        ("de", "Karl mit c", "Carl"),
        ("de", "John ohne h", "Jon"),
        ("de", "ich heiße Schmidt mit Nachnamen", "Schmidt Nachnamen"),
        ("en", "Smith with a y", "Smyth"),
        ("en", "Catherine with a k", "Katherine"),
        ("en", "Stephen with a v", "Steven"),
        ("en", "Sara with an h", "Sarah"),
        ("es", "Jiménez con g", "Giménez"),
        ("fr", "Mathieu avec deux t", "Matthieu"),
        ("it", "Gallo con due l", "Gallo"),
        ("pt", "Sousa com z", "Souza"),
        ("nl", "Jansen met dubbel s", "Janssen"),
        ("nl", "Anna de Vries", "Anna de Vries"),
        ("fr", "Thierry Le Goff", "Thierry Le Goff"),
        ("de", "Ursula von der Leyen", "Ursula von der Leyen"),
        ("it", "Ferrari F E R R A R I", "Ferrari"),
    ],
)
def test_the_letters_of_a_name_are_as_the_caller_says(language: str, said: str, name: str) -> None:
    assert Name().read(said, setting(language)).value == name


@pytest.mark.parametrize(
    ("language", "before", "said", "name"),
    [
        ("de", "Anna Schmitt", "nein, mit dt", "Anna Schmidt"),
        ("en", "John Smith", "no, with a y", "John Smyth"),
        ("en", "John Smith", "John without an h", "Jon Smith"),
        ("de", "Meier", "mit a y", "Mayer"),
        ("en", "Mary Jones", "no, with a Q", "Mary Jones"),
    ],
)
def test_a_correction_may_name_only_the_letters(language: str, before: str, said: str, name: str) -> None:
    assert Name().correct(before, said, setting(language)) == name
