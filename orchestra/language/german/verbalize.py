"""German as it is read out: ``am 3. Mai`` → ``am dritten Mai``, ``14:30 Uhr`` → ``vierzehn Uhr dreißig``, ``12,50 €``."""
# ruff: noqa: E501 - tables and patterns have one entry a line

import re
from collections.abc import Callable
from typing import Final

from orchestra.language.reading.number_words import number_words
from orchestra.language.reading.reader import make_reader
from orchestra.language.reading.rules import Cents, Clock, Currency, Dates, Rules

_FEMININE: Final = re.compile(
    r"(?:.*(?:Stunde|Minute|Sekunde|Woche|Nacht|Person|Tonne|Krone|Million|Milliarde|Meile|Seite|Lira|Rupie)|.*(?:ung|heit|keit|schaft))"
)
#: nouns that take "ein" as far as it is sure: amounts, and what stands in the nominative or with "für", "in" and the like
_OTHERS: Final = re.compile(
    r"(?:.*(?:Euro|Dollar|Pfund|Franken|Cent|Penny|Peso|Real|Yen|Złoty|Rappen|Prozent|Grad|Grad Celsius|Uhr|[Mm]eter|Gramm|[Ll]iter|gramm"
    r"|Kilo|Watt|Volt|Hektar|[Bb]yte|Hertz|Jahr|Mal|Kilometer pro Stunde))"
)


def _tidy(words: str, _: int) -> str:
    """num2words says "zweihunderteinstausend"."""
    return words.replace("einstausend", "eintausend")


def _agree(words: str, number: int, noun: str) -> str | None:
    if number != 1 or not noun:
        return words
    if _FEMININE.fullmatch(noun):
        return "eine"
    return "ein" if _OTHERS.fullmatch(noun) else None


def _time(hour: int, minute: int, before: str, half: str) -> str:
    hours = "ein" if hour == 1 else number_words("de", hour)
    minutes = f" {number_words('de', minute)}" if minute else ""
    return f"{before} {hours} Uhr{minutes}{f' {half.upper()}M' if half else ''}".lstrip()


_DATIVE: Final = re.compile(
    r"(?:am|vom|(?:bis )?zum|beim|im|den|dem|des|bis|und|seit|ab|vor|nach|(?:in|an|auf|aus|bei|mit|nach|seit|von|zu) der|zur)",
    re.IGNORECASE,
)


def _day(day: int, before: str) -> str:
    said = number_words("de", day, "ordinal")
    if _DATIVE.fullmatch(before):
        return f"{said}n"
    return said if before.lower() in {"der", "die", "das"} else f"{said}r"


def _ordinal(number: int, written: str) -> str | None:
    before = written[: written.rindex(str(number))].strip()
    return f"{before} {_day(number, before)}" if 1 <= number <= 100 else None  # noqa: PLR2004


def _year(number: int) -> str:
    return number_words("de", number, "year")


_RULES: Final = Rules(
    locale="de",
    numerals="de",
    digits="null eins zwei drei vier fünf sechs sieben acht neun",
    point="Komma",
    minus="minus",
    plus="plus",
    percent="Prozent",
    number="Nummer",
    per="pro",
    also="und",
    to="bis",
    tidy=_tidy,
    agree=_agree,
    year=_year,
    scales={
        "Mio.": ("Million", "Millionen"), "Mrd.": ("Milliarde", "Milliarden"), "Million": ("Million", "Millionen"),
        "Millionen": ("Million", "Millionen"), "Milliarde": ("Milliarde", "Milliarden"), "Milliarden": ("Milliarde", "Milliarden"),
    },
    currencies={
        "EUR": Currency("Euro", "Euro", "Cent", "Cent"),
        "USD": Currency("Dollar", "Dollar", "Cent", "Cent"),
        "GBP": Currency("Pfund", "Pfund", "Penny", "Pence"),
        "CHF": Currency("Franken", "Franken", "Rappen", "Rappen"),
    },
    cents=Cents(many="{units} {cents}", few="{units} und {named}"),
    units={"kg": ("Kilo", "Kilo"), "°C": ("Grad", "Grad")},
    clock=Clock(
        hours="Uhr",
        inside=":",
        with_word=r"\.",
        before=r"(?i:um|ab|zwischen|bis|gegen|von|vor|nach)",
        say=_time,
        span=("", "bis"),
        counts_hours=False,
    ),
    dates=Dates(
        mark=r"\.",
        joint=" ",
        before=r"(?i:bis zum|am|vom|zum|den|dem|des|der|bis|und|seit|ab|vor|nach)",
        say_day=_day,
        year_words=r"im Jahr|im Jahre|Jahr|seit|bis|von|ab|vor|nach|in|Anfang|Mitte|Ende",
        short=r"\.",
    ),
    periods=r"(?:Monat|Jahr|Tag|Stunde|Woche|Person|Nacht|kg|km|Liter|Stück|Minute|Einheit|Quartal)\b",
    naming=(
        r"Bestellung|Bestellnummer|Auftrag|Auftragsnummer|Paket|Paketnummer|Sendung|Sendungsnummer|Flug|Zimmer|Raum|Tür|Wohnung|Etage|Nummer"
        r"|Nr\.|Code|PIN|TAN|Rechnung|Rechnungsnummer|Buchung|Buchungsnummer|Kunde|Kundennummer|Vertrag|Vertragsnummer|Referenz|Zug|ICE|Bus"
        r"|Linie|Konto|Kontonummer|Karte|Kartennummer|Ticket|Vorgang|Police|Durchwahl|Gleis|Postleitzahl|PLZ|Appartement|Büro|Gate|Artikel"
    ),
    counted=(
        r"(?:Euro|Dollar|Pfund|Franken|Cent|Prozent|Grad|Uhr|Kilometern?|Metern?|Zentimetern?|Kilo|Kilogramm|Gramm|Litern?|Stunden?|Minuten?"
        r"|Sekunden?|Tagen?|Tage|Wochen?|Monaten?|Jahren?|Jahr|Personen|Person|Leuten?|Menschen|Mal|mal|Punkten?|Nächten?|Nacht|Paketen?"
        r"|Stück|Einwohner|Kunden|Wörter|Schritte|Seiten?|Teile|Artikel|Bestellungen|Plätze|Millionen?|Milliarden?|Tonnen?|Meilen?|Quadratmeter"
        r"|Punkte|Mitarbeitern?|Zimmern?|Teilnehmern?|Kilowattstunden)\b"
    ),
    unsure_before_one=r"[Ii]n|nach|vor|seit|von|mit|bei|aus|zu|ab|innerhalb|für|je|jede|pro|nur|alle",
    calling=r"ruf|anruf|wähl|telefon|notruf|nummer",
    marks={
        "@": "at", ".": "Punkt", "_": "Unterstrich", "-": "Bindestrich", "/": "Schrägstrich", "?": "Fragezeichen", "=": "gleich",
        "&": "und", "+": "plus", "#": "Raute", "%": "Prozent", "~": "Tilde", ":": "Doppelpunkt",
    },
    abbreviations={
        r"\bz\.\s?B\.": "zum Beispiel",
        r"\bd\.\s?h\.": "das heißt",
        r"\bu\.\s?a\.(?=\s\S)": "unter anderem",
        r"\bi\.\s?d\.\s?R\.(?=\s\S)": "in der Regel",
        r"\bz\.\s?Zt\.": "zurzeit",
        r"\bbzw\.": "beziehungsweise",
        r"\bca\.": "circa",
        r"\binkl\.": "inklusive",
        r"\bzzgl\.": "zuzüglich",
        r"\bggf\.": "gegebenenfalls",
        r"\bevtl\.": "eventuell",
        r"\busw\.(?=,?\s\S)": "und so weiter",
        r"\busw\.\Z": "und so weiter.",
        r"\betc\.(?=,?\s\S)": "et cetera",
        r"\bDr\.(?=\s?[A-ZÄÖÜ])": "Doktor",
        r"\bProf\.(?=\s?[A-ZÄÖÜ])": "Professor",
        r"\bHr\.(?=\s?[A-ZÄÖÜ])": "Herr",
        r"\bFr\.(?=\s[A-ZÄÖÜ])": "Frau",
        r"\bMwSt\.(?=\s\S)": "Mehrwertsteuer",
        r"\bMwSt\b": "Mehrwertsteuer",
        r"\bNr\.\s?(?=[0-9])": "Nummer ",
        r"(?<=[a-zäöüß])str\.(?=\s?\S)": "straße",
        r"(?<=[a-zäöüß] )Str\.(?=\s?\S)": "Straße",
        r"\bTel\.(?=:?\s?\S)": "Telefon",
        r"\bMin\.(?=\s\S)": "Minuten",
        r"\bStd\.(?=\s\S)": "Stunden",
        r"\bmind\.(?=\s\S)": "mindestens",
        r"\bmax\.(?=\s\S)": "maximal",
        r"\bAbs\.(?=\s?[0-9])": "Absatz",
        r"§\s?(?=[0-9])": "Paragraf ",
    },
    ordinals={
        r"\b(?:[Ii]m|[Aa]m|[Vv]om|[Zz]um|[Dd]en|[Dd]em|[Dd]er|[Dd]ie|[Dd]as|[Zz]ur|(?:in|an|auf|aus|bei|mit|nach|seit|von|zu) der)"
        r" (?P<number>[0-9]{1,3})\.(?= [A-ZÄÖÜ][A-Za-zäöüß])": _ordinal,
        r"\b(?:[Aa]m|[Vv]om|[Zz]um) (?P<number>[0-9]{1,2})\.(?= [a-zäöü])": _ordinal,
        r"\b(?:[Aa]m|[Vv]om|[Zz]um|[Dd]en|[Dd]em) (?P<number>[0-9]{1,2})\.(?=\s*\Z)": lambda number, written: f"{_ordinal(number, written)}.",
    },
    halves={"1/2": "eineinhalb {noun}|{}einhalb {noun}"},
    days=(r"Mo|Mon|Montag", r"Di|Die|Dienstag", r"Mi|Mit|Mittwoch", r"Do|Don|Donnerstag", r"Fr|Fre|Freitag", r"Sa|Sam|Samstag", r"So|Son|Sonntag"),
    day_span="{first} bis {last}",
    keys=("Stern", "Raute"),
)  # fmt: skip


def reader(_region: str) -> Callable[[str], str]:
    """Make the function that reads sentences out; all regions write alike, but for the apostrophe of Swiss thousands."""
    return make_reader(_RULES)
