"""Dutch as it is read out: ``14.30 uur`` → ``veertien uur dertig``, ``2e`` → ``tweede``, ``€ 12,50``."""
# ruff: noqa: E501 - tables and patterns have one entry a line

from collections.abc import Callable
from typing import Final

from orchestra.language.reading.number_words import number_words
from orchestra.language.reading.reader import make_reader
from orchestra.language.reading.rules import Cents, Clock, Currency, Dates, Rules

_FULL_CENTURY: Final = 100


def _time(hour: int, minute: int, before: str, half: str) -> str:
    minutes = f" {number_words('nl', minute)}" if minute else ""
    return f"{before} {number_words('nl', hour)} uur{minutes}{f' {half.upper()}M' if half else ''}".lstrip()


def _day(day: int, _: str) -> str:
    return number_words("nl", day)


def _ordinal(number: int, _: str) -> str | None:
    return number_words("nl", number, "ordinal") if 1 <= number <= 100 else None  # noqa: PLR2004


def _year(number: int) -> str:
    century, rest = divmod(number, _FULL_CENTURY)
    if not 11 <= century < 20:  # noqa: PLR2004 - negentiennegenennegentig, but tweeduizendvijf
        return number_words("nl", number)
    begin = number_words("nl", century)
    if rest < 10:  # noqa: PLR2004 - negentienhonderdvijf
        begin += "honderd"
    return begin + (number_words("nl", rest) if rest else "")


_RULES: Final = Rules(
    locale="nl",
    numerals="nl",
    digits="nul één twee drie vier vijf zes zeven acht negen",
    point="komma",
    minus="min",
    plus="plus",
    percent="procent",
    number="nummer",
    per="per",
    also="en",
    to="tot",
    year=_year,
    scales={"miljoen": ("miljoen", "miljoen"), "mln.": ("miljoen", "miljoen"), "miljard": ("miljard", "miljard"), "mld.": ("miljard", "miljard")},
    currencies={
        "EUR": Currency("euro", "euro", "cent", "cent"),
        "USD": Currency("dollar", "dollar", "cent", "cent"),
        "GBP": Currency("pond", "pond", "penny", "pence"),
        "CHF": Currency("Zwitserse frank", "Zwitserse frank", "rappen", "rappen"),
    },
    cents=Cents(many="{units} {cents}", few="{units} en {named}"),
    units={"kg": ("kilo", "kilo"), "°C": ("graad", "graden"), "°": ("graad", "graden")},
    clock=Clock(
        hours=r"(?:uur|u\b\.?)",
        inside=":",
        with_word=r"\.",
        before=r"(?i:om|vanaf|tussen|tot|rond|van|voor|na|tegen)",
        say=_time,
        span=("", "tot"),
        counts_hours=False,  # "9.30 uur" nearly always is a time
    ),
    dates=Dates(
        mark=r"(?!)",
        joint=" ",
        before=r"(?i:op|van|tot|vanaf|tot en met|t/m|sinds|de)",
        say_day=_day,
        year_words=r"in|sinds|van|tot|vanaf|voor|na|jaar|het jaar|tussen|en",
        short="[/-]",
    ),
    periods=r"(?:maand|dag|jaar|uur|week|persoon|nacht|kg|km|liter|stuk|minuut)\b",
    naming=(
        r"bestelling|bestelnummer|ordernummer|order|pakket|pakje|zending|vlucht|kamer|deur|zaal|nummer|nr\.|code|pincode|factuur|factuurnummer"
        r"|reservering|klantnummer|klant|referentie|trein|bus|lijn|rekening|kaart|dossier|ticket|contract|polis|toestel|appartement|kantoor"
        r"|perron|spoor|zaaknummer|artikel"
    ),
    one_has_forms=False,
    counted=(
        r"euro|dollar|pond|cent|procent|duizend|miljoen|miljard|meter|kilometer|kilo|gram|liter|graden|graad|uur|minuten|minuut|seconden|dagen|dag"
        r"|weken|week|maanden|maand|jaar|jaren|personen|mensen|keer|punten|nachten|pakketten|inwoners|klanten|woorden|stappen|stuks|plaatsen"
        r"|pagina's|dozen|artikelen|bestellingen"
    ),
    calling=r"bel|kies|telefoon|noodgeval|alarm",
    marks={
        "@": "apenstaartje", ".": "punt", "_": "liggend streepje", "-": "streepje", "/": "slash", "?": "vraagteken", "=": "is gelijk aan",
        "&": "en", "+": "plus", "#": "hekje", "%": "procent", "~": "tilde", ":": "dubbele punt",
    },
    abbreviations={
        r"\bbijv\.": "bijvoorbeeld",
        r"\bbv\.(?=\s[a-z])": "bijvoorbeeld",
        r"\bd\.w\.z\.": "dat wil zeggen",
        r"\bo\.a\.": "onder andere",
        r"\bm\.b\.t\.": "met betrekking tot",
        r"\bi\.v\.m\.": "in verband met",
        r"\bt\.a\.v\.": "ter attentie van",
        r"\ba\.u\.b\.": "alstublieft",
        r"\bt/m\b": "tot en met",
        r"\bca\.": "circa",
        r"\bincl\.": "inclusief",
        r"\bexcl\.": "exclusief",
        r"\benz\.(?=,?\s\S)": "enzovoort",
        r"\benz\.\Z": "enzovoort.",
        r"\bdhr\.(?=\s?[A-Z])": "de heer",
        r"\bmevr\.(?=\s?[A-Z])": "mevrouw",
        r"\bmw\.(?=\s?[A-Z])": "mevrouw",
        r"\bdr\.(?=\s?[A-Z])": "dokter",
        r"\b[Nn]r\.\s?(?=[0-9])": "nummer ",
        r"\b[Tt]el\.(?=:?\s?\S)": "telefoon",
        r"(?<=[a-z])str\.(?=\s?\S)": "straat",
        r"\bmax\.(?=\s\S)": "maximaal",
        r"\bmin\.(?=\s[a-z])": "minimaal",
        r"§\s?(?=[0-9])": "paragraaf ",
    },
    ordinals={r"(?<![\w.,:/-])(?P<number>[0-9]{1,3})(?:e|de|ste)(?!\w)": _ordinal},
    halves={"1/2": "anderhalf {noun}|{} en een half {noun}"},
    days=(r"[Mm]a", r"[Dd]i", r"[Ww]o", r"[Dd]o", r"[Vv]r", r"[Zz]a", r"[Zz]o"),
    day_span="{first} tot en met {last}",
    keys=("sterretje", "hekje"),
)  # fmt: skip


def reader(_region: str) -> Callable[[str], str]:
    """Make the function that reads sentences out; all regions write alike."""
    return make_reader(_RULES)
