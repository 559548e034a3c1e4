"""What a caller denies is not taken, however it is said."""

from datetime import date

import pytest

from orchestra.agents.capture import Date, Digits, Email, Number, Phone
from orchestra.agents.capture.choice import Choice
from orchestra.agents.capture.kinds import Kind, Setting
from orchestra.language.values import values_of

DAYS = {
    "en": ("Monday morning", "Monday afternoon", "Friday"),
    "es": ("lunes", "martes", "viernes"),
    "de": ("Montag", "Dienstag", "Freitag"),
    "fr": ("lundi", "mardi", "vendredi"),
    "it": ("lunedì", "martedì", "venerdì"),
    "pt": ("segunda", "terça", "sexta"),
    "nl": ("maandag", "dinsdag", "vrijdag"),
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
        ("en", "anything but Monday", "Friday"),
        ("en", "any day except Monday afternoon", ""),
        ("en", "anything but Friday or Monday morning", "Monday afternoon"),
        ("en", "anything but Monday, Friday", ""),  # asked again: it may go on
        ("en", "neither Monday morning nor Friday", ""),
        ("en", "Friday, anything but Monday", "Friday"),
        ("en", "anything but the first and the second", ""),
        ("es", "cualquiera menos lunes", ""),
        ("es", "cualquiera menos el lunes o el martes", "viernes"),
        ("es", "ni el lunes ni el martes", ""),
        ("es", "al menos el lunes", "lunes"),
        ("de", "alles außer Montag und Dienstag", "Freitag"),
        ("de", "bis auf Montag", ""),
        ("de", "weder Montag noch Dienstag", ""),
        ("fr", "n'importe lequel sauf le lundi ou le mardi", "vendredi"),
        ("fr", "je ne veux que mardi", "mardi"),
        ("it", "qualsiasi tranne lunedì o venerdì", "martedì"),
        ("it", "né lunedì né venerdì", ""),
        ("it", "ne vorrei uno lunedì", "lunedì"),
        ("pt", "qualquer um menos segunda e terça", "sexta"),
        ("pt", "nem segunda nem terça", ""),
        ("nl", "alles behalve maandag en dinsdag", "vrijdag"),
        ("nl", "niet maandag of dinsdag", ""),
    ],
)
def test_what_is_denied_is_not_chosen(language: str, said: str, chosen: str) -> None:
    setting = Setting(values=values_of(language), today=date(2026, 11, 29))
    assert Choice(dict.fromkeys(DAYS[language], ())).read(said, setting).value == chosen


@pytest.mark.parametrize(
    ("kind", "language", "said", "value"),
    [
        (Date(), "en", "not on Monday", ""),
        (Date(), "en", "anything but Monday", ""),
        (Date(), "en", "Tuesday, not Monday", "2026-12-01"),
        (Date(), "en", "not Monday, Tuesday", "2026-12-01"),
        (Date(), "en", "Monday if it is not too late", "2026-11-30"),
        (Date(), "es", "cualquier día menos el lunes", ""),
        (Date(), "es", "el lunes no, el martes", "2026-12-01"),
        (Date(), "de", "nicht am Montag sondern am Dienstag", "2026-12-01"),
        (Date(), "fr", "tout sauf lundi", ""),
        (Date(), "it", "non lunedì", ""),
        (Date(), "pt", "não na segunda-feira", ""),
        (Date(), "nl", "behalve maandag", ""),
        (Number(), "en", "not five, six", "6"),
        (Number(), "es", "menos cinco", "-5"),
        (Number(), "es", "al menos cinco", "5"),
        (Number(), "fr", "au moins cinq", "5"),
        (Number(), "fr", "moins cinq", "-5"),
        (Digits(4), "en", "4272, not 4271", "4272"),
        (Digits(4), "de", "nicht 4271, 4272", "4272"),
        (Phone("GB"), "en", "not 020 7946 0018, 020 7946 0019", "+442079460019"),
        (Email(), "en", "not joe at gmail dot com, jim at gmail dot com", "jim@gmail.com"),
    ],
)
def test_a_value_that_is_denied_is_not_taken(kind: Kind, language: str, said: str, value: str) -> None:
    setting = Setting(values=values_of(language), today=date(2026, 11, 27))
    assert kind.read(kind.wanted(said, setting), setting).value == value
