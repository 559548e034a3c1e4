"""French as it is read out: ``14h30`` → ``quatorze heures trente``, ``1er mai`` → ``premier mai``, ``12,50 €``."""
# ruff: noqa: E501 - tables and patterns have one entry a line

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from orchestra.language.reading.notation import Notation
from orchestra.language.reading.number_words import number_words
from orchestra.language.reading.reader import make_reader
from orchestra.language.reading.rules import Cents, Clock, Currency, Dates, Rules

_FEMININE: Final = re.compile(
    r"(?:heures?|minutes?|secondes?|semaines?|années?|livres?|tonnes?|personnes?|places?|nuits?|fois|pièces?|chambres?|pages?|couronnes?"
    r"|journées?|boîtes?|bouteilles?|commandes?|factures?|lignes?|voitures?|étoiles?|.*tions?|.*tés?|lettres?|parts?|cartes?|roupies?)"
    r"(?: .*)?",
    re.IGNORECASE,
)
_MASCULINE: Final = re.compile(
    r"(?:euros?|dollars?|francs?|centimes?|cents?|jours?|mois|ans?|colis|kilomètres?|mètres?|centimètres?|millimètres?|kilos?|kilogrammes?"
    r"|grammes?|litres?|degrés?|points?|pour|clients?|articles?|produits?|habitants?|paquets?|numéros?|mots?|pas|pence|penny|reals|yens?"
    r"|hectares?|watts?|volts?|kilowatts?|gigaoctets?|mégaoctets?|.*eurs?|.*ments?|milligrammes?|millilitres?|centilitres?)(?: .*)?",
    re.IGNORECASE,
)


def _agree(words: str, _number: int, noun: str) -> str | None:
    if not noun or not re.search(r"\bun$", words):
        return words
    if _FEMININE.fullmatch(noun):
        return f"{words}e"
    return words if _MASCULINE.fullmatch(noun) else None


def _clock(language: str) -> Callable[[int, int, str, str], str]:
    def say(hour: int, minute: int, before: str, half: str) -> str:
        hours = re.sub(r"\bun$", "une", number_words(language, hour))
        minutes = f" {number_words(language, minute)}" if minute else ""
        said = f"{hours} heure{'s' if hour > 1 else ''}{minutes}"
        return f"{before} {said}{f' {half.upper()}M' if half else ''}".lstrip()

    return say


def _day(day: int, _: str) -> str:
    return "premier" if day == 1 else number_words("fr", day)


def _ordinal(number: int, written: str) -> str | None:
    if not 1 <= number <= 100:  # noqa: PLR2004
        return None
    if number == 1:
        return "première" if written.endswith(("re", "ère")) else "premier"
    return number_words("fr", number, "ordinal")


_RULES: Final = Rules(
    locale="fr",
    numerals="fr",
    # France sets thousands off by spaces; a point before three figures is Belgian, or an English decimal point
    notation=Notation(point_groups=False),
    digits="zéro un deux trois quatre cinq six sept huit neuf",
    point="virgule",
    minus="moins",
    plus="plus",
    percent="pour cent",
    number="numéro",
    per="par",
    also="et",
    to="à",
    agree=_agree,
    scales={
        "million d'": ("million d'", "millions d'"), "million": ("million", "millions"), "millions": ("million", "millions"),
        "milliard": ("milliard", "milliards"), "milliards": ("milliard", "milliards"),
        "millions d'": ("million d'", "millions d'"), "milliards d'": ("milliard d'", "milliards d'"),
    },
    millions=lambda millions, many: f"{millions} d'{many}" if many.startswith("e") else f"{millions} de {many}",
    currencies={
        "EUR": Currency("euro", "euros", "centime", "centimes"),
        "USD": Currency("dollar", "dollars", "cent", "cents"),
        "CAD": Currency("dollar canadien", "dollars canadiens", "cent", "cents"),
        "GBP": Currency("livre", "livres", "penny", "pence"),
        "CHF": Currency("franc suisse", "francs suisses", "centime", "centimes"),
    },
    cents=Cents(many="{units} {cents}", few="{units} et {named}"),
    units={"kg": ("kilo", "kilos"), "°C": ("degré", "degrés"), "kWh": ("kilowattheure", "kilowattheures")},
    clock=Clock(
        hours=r"(?:h|heures?)",
        inside=r":|\s?h\s?",
        with_word=r"(?!)",
        before=r"(?i:à|dès|vers|avant|après)",
        say=_clock("fr"),
        span=("", "à"),
    ),
    dates=Dates(
        mark="er",
        joint=" ",
        before=r"(?i:le|du|au|jusqu'au|dès le)",
        say_day=_day,
        year_words=r"en|de|depuis|avant|après|l'année|année|l'an|dès|entre|et",
        short="/",
    ),
    periods=r"(?:mois|jour|an|année|heure|semaine|personne|nuit|kg|km|litre|unité|minute)\b",
    naming=(
        r"commandes?|colis|vols?|chambre|étage|porte|salle|num[eé]ro|n[°o]|codes?|factures?|réservations?|client|référence|train|bus|ligne"
        r"|compte|carte|dossier|billet|contrat|police|poste|appartement|bureau|quai|suivi|TGV|article"
    ),
    counted=(
        r"euros?|dollars?|francs?|centimes?|livres?|pour cent|mille|millions?|milliards?|mètres?|kilomètres?|kilos?|kilogrammes?|grammes?"
        r"|litres?|degrés?|heures?|minutes?|secondes?|jours?|semaines?|mois|ans?|années?|personnes?|fois|points?|nuits?|colis|habitants"
        r"|clients|mots|pas|articles|produits|places?|pages?|tonnes?|étoiles|paquets|pièces|unités"
    ),
    calling=r"appel|compos|téléphon|urgence|joindre",
    marks={
        "@": "arobase", ".": "point", "_": "tiret bas", "-": "tiret", "/": "barre oblique", "?": "point d'interrogation", "=": "égal",
        "&": "et", "+": "plus", "#": "dièse", "%": "pour cent", "~": "tilde", ":": "deux-points",
    },
    abbreviations={
        r"\bM\.(?=\s[A-ZÀ-Ý][a-zà-ÿ])": "monsieur",
        r"\bMM\.(?=\s[A-ZÀ-Ý])": "messieurs",
        r"\bMme\b\.?(?=\s[A-ZÀ-Ý])": "madame",
        r"\bMlle\b\.?(?=\s[A-ZÀ-Ý])": "mademoiselle",
        r"\bDr\b\.?(?=\s[A-ZÀ-Ý])": "docteur",
        r"\bPr\b\.?(?=\s[A-ZÀ-Ý])": "professeur",
        r"\bp\.\s?ex\.": "par exemple",
        r"\bc\.-à-d\.": "c'est-à-dire",
        r"\b[Aa]v\.(?=\s\S)": "avenue",
        r"\b[Bb](?:lv)?d\b\.?(?=\s[A-ZÀ-Ý])": "boulevard",
        r"\bn[°º]\s?(?=[0-9])": "numéro ",
        r"\bN[°º]\s?(?=[0-9])": "Numéro ",
        r"\b[Tt]él\.(?=\s?:?\s?\S)": "téléphone",
        r"\b7\s?j(?:ours)?\s?/\s?7\b": "sept jours sur sept",
        r"\b24\s?h(?:eures)?\s?/\s?24\b": "vingt-quatre heures sur vingt-quatre",
        r"(?<=[0-9])\s?Go\b": " gigaoctets",
        r"(?<=[0-9])\s?Mo\b": " mégaoctets",
        r"\benv\.(?=\s\S)": "environ",
        r"\bmin\.(?=\s[a-zà-ÿ])": "minutes",
        r"\bmax\.(?=\s\S)": "maximum",
        r"\betc\.(?=,?\s\S)": "et cetera",
        r"\betc\.\Z": "et cetera.",
        r"\bXXIe siècle\b": "vingt et unième siècle",
        r"\bXXe siècle\b": "vingtième siècle",
        r"\bXIXe siècle\b": "dix-neuvième siècle",
        r"\bLouis XIV\b": "Louis quatorze",
        r"§\s?(?=[0-9])": "paragraphe ",
    },
    ordinals={
        r"(?<![\w.,:/-])(?P<number>[0-9]{1,3})(?:er|re|ère|e|è|ème|nd|nde|ième)(?!\w)": _ordinal,
    },
    halves={"1/2": "{} {noun} et demi{e}", "1/4": "{} {noun} un quart", "3/4": "{} {noun} trois quarts"},
    days=(r"[Ll]un(?:di)?", r"[Mm]ar(?:di)?", r"[Mm]er(?:credi)?", r"[Jj]eu(?:di)?", r"[Vv]en(?:dredi)?", r"[Ss]am(?:edi)?", r"[Dd]im(?:anche)?"),
    day_span="{first} à {last}",
    keys=("étoile", "dièse"),
)  # fmt: skip
#: num2words knows septante and nonante
_NUMERALS: Final = {"CH": "fr_CH", "BE": "fr_BE"}


def reader(region: str) -> Callable[[str], str]:
    """Make the function that reads sentences out as in this region, by ISO 3166."""
    rules = _RULES
    if region in _NUMERALS:
        numerals = _NUMERALS[region]
        rules = replace(rules, numerals=numerals, clock=rules.clock._replace(say=_clock(numerals)))
    if region == "CA":
        rules = replace(rules, currencies={**rules.currencies, "CAD": Currency("dollar", "dollars", "cent", "cents")})
    return make_reader(rules)
