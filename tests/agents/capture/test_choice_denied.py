"""An option that a caller denies is not chosen, however it is said."""

from datetime import date

import pytest

from orchestra.agents.capture.choice import Choice
from orchestra.agents.capture.kinds import Setting
from orchestra.language.values import values_of

DAYS = {
    "en": ("Monday morning", "Monday afternoon", "Friday"),
    "es": ("lunes", "martes", "viernes"),
    "de": ("Montag", "Dienstag", "Freitag"),
    "fr": ("lundi", "mardi", "vendredi"),
}


@pytest.mark.parametrize(
    ("language", "said", "chosen"),
    [
        ("en", "not on Friday", ""),
        ("en", "not Monday morning, Friday", "Friday"),
        ("en", "not Monday morning Friday", "Friday"),
        ("en", "Friday, not Monday morning", "Friday"),
        ("en", "not the first one, the third", "Friday"),
        ("es", "no el lunes", ""),
        ("es", "no el lunes, el martes", "martes"),
        ("es", "el lunes no, el martes", "martes"),
        ("es", "no, el martes", "martes"),
        ("es", "no quiero el martes", ""),
        ("es", "el martes, no, el viernes", ""),  # asked again: either may be meant
        ("de", "nicht am Montag, am Dienstag", "Dienstag"),
        ("de", "nicht den Montag", ""),
        ("fr", "pas le lundi, le mardi", "mardi"),
    ],
)
def test_what_is_denied_is_not_chosen(language: str, said: str, chosen: str) -> None:
    setting = Setting(values=values_of(language), today=date(2026, 11, 29))
    assert Choice(dict.fromkeys(DAYS[language], ())).read(said, setting).value == chosen
