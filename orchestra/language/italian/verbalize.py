"""Italian as it is read out: ``alle 14:30`` → ``alle quattordici e trenta``, ``1 ora`` → ``un'ora``, ``12,50 €``."""
# ruff: noqa: E501 - tables and patterns have one entry a line

import re
from collections.abc import Callable
from typing import Final

from orchestra.language.reading.number_words import number_words
from orchestra.language.reading.reader import make_reader
from orchestra.language.reading.rules import Cents, Clock, Currency, Dates, Rules

_FEMININE: Final = re.compile(
    r"(?:ora|sterlin[ae]|corona|settimana|persona|volta|notte|tonnellata|pagina|lira|rupia|scatola|unità|giornata|stella)(?: .*)?"
)
_NOON: Final = 12


def _tidy(words: str, number: int) -> str:
    """num2words writes "dicotto" after hundreds, and "tre" without its accent where it ends a longer word."""
    words = words.replace("dicotto", "diciotto")
    if words.endswith("tre") and number > 3:  # noqa: PLR2004
        words = f"{words[:-1]}é"
    return re.sub(r"(\w+)uno (milioni|miliardi)", r"\1un \2", words)


def _agree(words: str, number: int, noun: str) -> str | None:
    if number != 1 or not noun:
        return words
    if _FEMININE.fullmatch(noun):
        return "un'" if noun[0] in "aeiou" else "una"
    return "uno" if re.match(r"z|s[^aeiou]|y|ps|gn", noun) else "un"


def _words(number: int) -> str:
    return number_words("it", number)


def _time(hour: int, minute: int, before: str, half: str) -> str:
    said = "una" if hour == 1 else "zero" if hour == 0 else _words(hour)
    if minute:
        said += f" e {_words(minute)}"
    elif not before and not half:
        said = "l'una" if hour == 1 else f"ore {said}"
    if half:
        said += f" {half.upper()}M"
    if hour == 1 and before.lower() in _BEFORE_ONE:
        one = _BEFORE_ONE[before.lower()]
        return f"{one.capitalize() if before[0].isupper() else one}{said}"
    return f"{before} {said}".lstrip()


_BEFORE_ONE: Final = {"alle": "all'", "dalle": "dall'", "le": "l'", "delle": "dell'", "alle ore": "alle ore "}


def _day(day: int, _: str) -> str:
    return "primo" if day == 1 else _words(day)


def _ordinal(number: int, written: str) -> str | None:
    if not 1 <= number <= 100:  # noqa: PLR2004
        return None
    said = number_words("it", number, "ordinal")
    return f"{said[:-1]}a" if written.endswith("ª") else said


_RULES: Final = Rules(
    locale="it",
    numerals="it",
    digits="zero uno due tre quattro cinque sei sette otto nove",
    point="virgola",
    minus="meno",
    plus="più",
    percent="per cento",
    number="numero",
    per="al",
    also="e",
    to="a",
    tidy=_tidy,
    agree=_agree,
    scales={
        "milione di": ("milione di", "milioni di"), "milioni di": ("milione di", "milioni di"),
        "miliardo di": ("miliardo di", "miliardi di"), "miliardi di": ("miliardo di", "miliardi di"),
        "mln di": ("milione di", "milioni di"), "mila": ("mila", "mila"),
    },
    millions=lambda millions, many: f"{millions} di {many}",
    currencies={
        "EUR": Currency("euro", "euro", "centesimo", "centesimi"),
        "USD": Currency("dollaro", "dollari", "centesimo", "centesimi"),
        "GBP": Currency("sterlina", "sterline", "penny", "pence"),
        "CHF": Currency("franco svizzero", "franchi svizzeri", "centesimo", "centesimi"),
    },
    cents=Cents(many="{units} e {cents}", few="{units} e {named}"),
    units={"kg": ("chilo", "chili"), "°C": ("grado", "gradi"), "kWh": ("chilowattora", "chilowattora")},
    clock=Clock(
        hours="ore?",
        inside=":",
        with_word=r"\.",
        before=r"(?i:alle ore|dalle ore|alle|dalle|delle|le|ore|alla|dopo le|prima delle)",
        say=_time,
        span=("dalle", "alle"),
    ),
    dates=Dates(
        mark=r"[º°]",
        joint=" ",
        before=r"(?i:il|del|dal|al|entro il|giorno|fino al)",
        say_day=_day,
        year_words=r"nel|dal|del|al|anno|l'anno|fino al|tra il|e il",
        short="/",
    ),
    periods=r"(?:mese|giorno|minuto|metro|litro)\b",
    naming=(
        r"ordin[ei]|pacc(?:o|hi)|vol[oi]|camera|piano|porta|sala|stanza|numero|n\.|codic[ei]|fattur[ae]|prenotazion[ei]|cliente|riferimento"
        r"|treno|autobus|linea|conto|carta|pratica|biglietto|contratto|polizza|interno|appartamento|ufficio|spedizion[ei]|binario|articolo"
    ),
    counted=(
        r"euro|dollar[oi]|sterlin[ae]|franch?[oi]|centesim[oi]|per cento|mila|milion[ei]|miliard[oi]|metr[oi]|chilometr[oi]|chil[oi]|gramm[oi]"
        r"|litr[oi]|grad[oi]|or[ae]|minut[oi]|second[oi]|giorn[oi]|settiman[ae]|mes[ei]|ann[oi]|person[ae]|volt[ae]|punt[oi]|nott[ei]|pacchi"
        r"|abitanti|clienti|parole|passi|articoli|prodotti|posti|pagine|scatole|unità"
    ),
    calling=r"chiam|compon|telefon|emergenz|numero",
    marks={
        "@": "chiocciola", ".": "punto", "_": "trattino basso", "-": "trattino", "/": "barra", "?": "punto interrogativo", "=": "uguale",
        "&": "e", "+": "più", "#": "cancelletto", "%": "per cento", "~": "tilde", ":": "due punti",
    },
    abbreviations={
        r"\bp\.\s?es\.": "per esempio",
        r"\bad es\.": "ad esempio",
        r"\b[Ss]ig\.(?=\s?[A-ZÀ-Ý])": "signor",
        r"\b[Ss]ig\.ra(?=\s?[A-ZÀ-Ý])": "signora",
        r"\b[Ss]ig\.na(?=\s?[A-ZÀ-Ý])": "signorina",
        r"\b[Dd]ott\.(?=\s?[A-ZÀ-Ý])": "dottor",
        r"\b[Dd]ott\.ssa(?=\s?[A-ZÀ-Ý])": "dottoressa",
        r"\b[Ii]ng\.(?=\s?[A-ZÀ-Ý])": "ingegner",
        r"\b[Aa]vv\.(?=\s?[A-ZÀ-Ý])": "avvocato",
        r"\b[Pp]rof\.(?=\s?[A-ZÀ-Ý])": "professor",
        r"\bP\.zza(?=\s?[A-ZÀ-Ý])": "piazza",
        r"\bn[.°º]\s?(?=[0-9])": "numero ",
        r"\bN[.°º]\s?(?=[0-9])": "Numero ",
        r"\b[Tt]el\.(?=:?\s?\S)": "telefono",
        r"\bca\.(?=\s\S)": "circa",
        r"\bmax\.(?=\s\S)": "massimo",
        r"\becc\.(?=,?\s\S)": "eccetera",
        r"\becc\.\Z": "eccetera.",
        r"\bXXI secolo\b": "ventunesimo secolo",
        r"\bXX secolo\b": "ventesimo secolo",
        r"\bXIX secolo\b": "diciannovesimo secolo",
        r"§\s?(?=[0-9])": "paragrafo ",
    },
    ordinals={
        r"(?<![\w.,:/-])(?P<number>[0-9]{1,3})[ºª](?!\w)": _ordinal,
        r"(?<![\w.,:/-])(?P<number>[0-9]{1,2})°(?= (?:piano|posto|giorno|turno|classificato|anno|livello)\b)": _ordinal,
    },
    halves={"1/2": "{} {noun} e mezz{o}", "1/4": "{} {noun} e un quarto", "3/4": "{} {noun} e tre quarti"},
    days=(r"[Ll]un", r"[Mm]ar", r"[Mm]er", r"[Gg]io", r"[Vv]en", r"[Ss]ab", r"[Dd]om"),
    day_span="da {first} a {last}",
    keys=("asterisco", "cancelletto"),
)  # fmt: skip


def reader(_region: str) -> Callable[[str], str]:
    """Make the function that reads sentences out; all regions write alike."""
    return make_reader(_RULES)
