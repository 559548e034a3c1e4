"""Text normalization for speech: writes money, dates, times, numbers, addresses and abbreviations as English words.

Speech engines on their own read ``£4.50`` as "pound four point fifty" and a parcel's number as millions. The result is
plain words for every engine. Ambiguous text (``3,50 €``, ``03/04/2026``), other languages and single digits are left to
the engine: the meaning of a time, price or number never changes.
"""
# ruff: noqa: E501 - the table has one pattern a line

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from orchestra.language.english import times_to_words
from orchestra.language.english.detection import is_english
from orchestra.language.english.money_to_words import CODE_FIRST, CODED, NUMBER, SIGNED, coded_amount, signed_amount
from orchestra.language.english.numbers_to_words import cardinal, decimal, digits, ordinal
from orchestra.language.reading.applying import Reading, apply
from orchestra.language.reading.notation import DATE

#: unit → one, many
_UNITS: Final = {
    "km": ("kilometre", "kilometres"), "cm": ("centimetre", "centimetres"), "mm": ("millimetre", "millimetres"),
    "kg": ("kilo", "kilos"), "g": ("gram", "grams"), "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"), "ft": ("foot", "feet"), "mi": ("mile", "miles"),
    "h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"),
    "min": ("minute", "minutes"), "mins": ("minute", "minutes"), "sec": ("second", "seconds"),
    "km/h": ("kilometre per hour", "kilometres per hour"), "kph": ("kilometre per hour", "kilometres per hour"),
    "ml": ("millilitre", "millilitres"), "mL": ("millilitre", "millilitres"), "GB": ("gigabyte", "gigabytes"),
    "MB": ("megabyte", "megabytes"), "TB": ("terabyte", "terabytes"), "kWh": ("kilowatt hour", "kilowatt hours"),
    "m²": ("square metre", "square metres"), "km²": ("square kilometre", "square kilometres"),
    "sq ft": ("square foot", "square feet"), "sq. ft.": ("square foot", "square feet"),
    "mph": ("mile per hour", "miles per hour"), "tsp": ("teaspoon", "teaspoons"), "tbsp": ("tablespoon", "tablespoons"),
    "°C": ("degree", "degrees"), "°F": ("degree", "degrees"), "°": ("degree", "degrees"),
}  # fmt: skip
_UNIT: Final = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
#: words that make a long number before them a count, which is not read digit by digit
_COUNTED: Final = (
    r"(?:dollars?|euros?|pounds?|cents?|pence|yen|rupees?|francs?|percent|degrees?|points?|miles?|kilomet\w+|met(?:re|er)s?|"
    r"feet|kilos?|grams?|words?|people|customers|parcels|boxes|items|users|employees|calls|seats|copies|units|pages|steps|residents|guests|orders|times|days?|hours?|minutes?|seconds?|weeks?|months?|years?)\b"
)
_PERIODS: Final = {
    "kg": "kilo", "lb": "pound", "km": "kilometre", "min": "minute", "mo": "month", "hr": "hour", "yr": "year", "wk": "week"
}  # fmt: skip
_ABBREVIATIONS: Final = {
    "Dr": "Doctor", "Mr": "Mister", "Mrs": "Missis", "Ms": "Miz", "Prof": "Professor", "approx": "approximately",
    "etc": "et cetera", "vs": "versus", "dept": "department", "ext": "extension", "Ave": "Avenue", "Rd": "Road",
    "Blvd": "Boulevard", "Inc": "Incorporated", "Ltd": "Limited", "min": "minimum", "max": "maximum",
    "Apt": "Apartment", "Ste": "Suite", "Nos": "numbers", "pp": "pages",
}  # fmt: skip
_FRACTIONS: Final = {
    ("1", "2"): "half", ("1", "3"): "third", ("2", "3"): "two thirds", ("1", "4"): "quarter", ("3", "4"): "three quarters",
    ("1", "8"): "eighth", ("3", "8"): "three eighths", ("5", "8"): "five eighths", ("7", "8"): "seven eighths",
}  # fmt: skip
_VULGAR: Final = {"½": ("1", "2"), "⅓": ("1", "3"), "⅔": ("2", "3"), "¼": ("1", "4"), "¾": ("3", "4"), "⅛": ("1", "8")}
#: words after a fraction; without one, 1/2 may be a page, a date or a house
_PARTED: Final = rf"(?:{_UNIT}|cups?|teaspoons?|tablespoons?|pounds?|ounces?|inch(?:es)?|miles?|hours?|pints?|gallons?|price|an|a|of the)\b"
_COMPARED: Final = {
    ">=": "at least ", "≥": "at least ", "<=": "at most ", "≤": "at most ", ">": "more than ", "<": "less than ",
    "~": "about ", "≈": "about ", "±": "plus or minus ",
}  # fmt: skip
_LONG: Final = 4
_TELEPHONE_DIGITS: Final = 7
#: a longer address is read without its query: nobody can write that down
_LONGEST_ADDRESS: Final = 80
_MARKS: Final = {
    ".": " dot ", "_": " underscore ", "-": " dash ", "/": " slash ", "?": " question mark ", "=": " equals ",
    "&": " and ", "+": " plus ", "#": " hash ", "%": " percent ", "~": " tilde ", ":": " colon ",
}  # fmt: skip


def _marks(written: str) -> str:
    """The punctuation of an address as words, its longer numbers digit by digit."""
    said = re.sub(r"[._/?=&+#%~:-]", lambda mark: _MARKS[mark[0]], written)
    return re.sub(rf"\d{{{_LONG},}}", lambda number: digits(number[0]), re.sub(r" {2,}", " ", said)).strip()


def _mail(found: re.Match[str]) -> str:
    return f"{_marks(found[1])} at {found[2].replace('.', ' dot ')}"


def _address(found: re.Match[str]) -> str:
    path, _, query = found["path"].partition("?")
    if query and len(found[0]) <= _LONGEST_ADDRESS:
        path = f"{path}?{query}"
    return f"{found['host']} {_marks(path.rstrip('/'))}".rstrip()


def _measured(found: re.Match[str]) -> str:
    one, many = _UNITS[found["unit"]]
    return f"{decimal(found['amount'])} {one if found['amount'] == '1' else many}"


def _hours_and_minutes(found: re.Match[str]) -> str:
    hours, minutes = int(found["hours"]), int(found["minutes"])
    return f"{cardinal(hours)} hour{'' if hours == 1 else 's'} {cardinal(minutes)} minute{'' if minutes == 1 else 's'}"


def _feet_and_inches(found: re.Match[str]) -> str:
    return f"{cardinal(int(found[1]))} foot {cardinal(int(found[2]))}"


def _fraction(found: re.Match[str]) -> str:
    whole, of = found["whole"], found["of"] or ""
    parts = _VULGAR[found["sign"]] if found["sign"] else (found["over"], found["under"])
    said = _FRACTIONS.get(parts)
    if said is None or not (found["sign"] or whole or of):
        return found[0]
    one, many = _UNITS.get(of.strip(), (of.strip(), of.strip()))
    single = parts[0] == "1"
    if whole:
        joint = "and an" if single and said.startswith("e") else "and a" if single else "and"
        return f"{cardinal(int(whole))} {joint} {said} {many}".rstrip()
    if single and of.strip() not in {"a", "an", "of the"}:
        said = f"one {said}"
    return f"{said} {one}".rstrip()


def _plain(found: re.Match[str]) -> str:
    """A number: long ones without commas are read digit by digit, like numbers of parcels and telephones."""
    written = found[0]
    whole = written.partition(".")[0]
    if len(written) == 1:
        return written
    if "," in written or "." in written:
        return decimal(written)
    return digits(whole) if len(whole) >= _LONG or whole.startswith("0") else cardinal(int(whole))


def _telephone(found: re.Match[str]) -> str:
    written = found[0]
    groups = re.findall(r"\d+", written)
    if not _is_telephone(written, groups):
        return written
    if re.fullmatch(r"\d{1,3}(?: \d{3})+", written) and groups[-1] == "000":
        return cardinal(int("".join(groups)))
    return ("plus " if written.startswith("+") else "") + ", ".join(digits(group) for group in groups)


def _is_telephone(written: str, groups: list[str]) -> bool:
    """Groups of several digits, at least seven in all; not a run of single digits, which engines read well."""
    if written.startswith("+"):
        return True
    if re.fullmatch(r"\d\d?-\d\d?(?:\s\d\d?-\d\d?)+", written) or DATE.search(written):
        return False  # opening hours: 10-12 14-16
    return sum(map(len, groups)) >= _TELEPHONE_DIGITS and max(map(len, groups)) > 1 and len(groups) > 1


def _vanity(found: re.Match[str]) -> str:
    """``1-800-FLOWERS``."""
    code = f"{cardinal(int(found[1][0]))} hundred" if found[1].endswith("00") else digits(found[1])
    return f"one, {code}, {found[2].replace('-', ' ')}"


def _code(found: re.Match[str]) -> str:
    """``AB-1234-XY`` and ``DE89 3704 0044``: the digits of codes one by one, in groups."""
    groups = re.findall(r"[A-Z]+|\d+", found[0])
    said = [digits(group) if group.isdigit() else group for group in groups]
    if re.match(r"[A-Z]{2}\d", found[0]):  # country and check digits of a bank account belong together
        said[:2] = [f"{said[0]} {said[1]}"]
    return ", ".join(said)


def _service_number(found: re.Match[str]) -> str:
    """``911`` if the sentence says to call it."""
    return digits(found[0]) if _CALLING.search(found.string, 0, found.start()) else found[0]


def _key(found: re.Match[str]) -> str:
    """``*67#`` with the names of the keys."""
    said = " ".join({"*": "star", "#": "hash"}.get(key) or digits(key) for key in found["keys"])
    return f"{found['before']}{said}"


def _abbreviation(found: re.Match[str]) -> str:
    said = _ABBREVIATIONS[found[1]]
    return said if found.string[found.end() :].strip() else f"{said}."


def _roman(found: re.Match[str]) -> str:
    """``Henry VIII`` and ``Chapter IV``."""
    if found["number"] == "I" and re.match(r" [a-z]", found.string[found.end() :]):
        return found[0]  # may be the speaker
    values = [{"I": 1, "V": 5, "X": 10}[letter] for letter in found["number"]]
    number = sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))
    return f"{found['what']} {f'the {ordinal(number)}' if found['king'] else cardinal(number)}"


_ROMAN: Final = re.compile(
    r"\b(?P<what>(?P<king>Henry|Elizabeth|George|Edward|Richard|Charles|Louis|John Paul|William|James|Philip|Benedict)"
    r"|Chapter|Part|Section|Article|Volume|Phase|World War|Super Bowl|Act|Annex|Appendix)"
    r" (?P<number>X{0,3}(?:IX|IV|V?I{1,3}|V|(?<=X)))(?![\w'’])"
)
#: a room or flight is named by its digits; "book 250 seats" is not
_NAMED: Final = re.compile(
    r"\b(?P<what>(?:room|flat|apartment|suite|gate|flight|order|parcel|booking|reservation|ticket|invoice|account|code|pin|extension"
    r"|platform|reference|policy|locker|bus|train)(?: number| no\.| code)?(?: is)?:? (?:(?-i:[A-Z]{1,3}) )?)(?P<number>\d{3})(?!\w|[.,:/-]\w|\s?[%€£$])"
    rf"(?!\s{_COUNTED})",
    re.IGNORECASE,
)
_CALLING: Final = re.compile(r"\b(?:call|dial|ring|phone|text)\b", re.IGNORECASE)
_HOST: Final = r"(?P<host>\b(?:[a-z0-9-]+\.)+[a-z]{2,})"
#: a pattern is tried if the sentence contains one of the characters; here: always
_ANY: Final[frozenset[str]] = frozenset()
_READINGS: Final = (
    Reading(frozenset("@"), re.compile(r"(?<![\w.+-])([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)\b"), _mail),
    Reading(frozenset("/"), re.compile(rf"(?<![@\w.-]){_HOST}(?P<path>(?::\d+)?/(?:[^\s\"'<>]*[^\s\"'<>.,;:!?)\]])?)", re.IGNORECASE), _address),
    Reading(_ANY, re.compile(r"\be\.g\.,?"), "for example"),
    Reading(_ANY, re.compile(r"\bi\.e\.,?"), "that is"),
    Reading(frozenset("*#"), re.compile(r"(?P<before>\b(?:press|dial|call|enter|key|code|keys) )(?P<keys>\*[\d*#]+|#\d[\d*]*#|\d+#)(?!\w)", re.IGNORECASE), _key),
    Reading(frozenset("<>=≥≤~≈±"), re.compile(r"(?<![\w*])(?:>=|<=|[≥≤<>~≈±])\s?(?=[$£€]?\d)"), lambda found: _COMPARED[found[0].strip()]),
    Reading(frozenset("-–"), times_to_words.DAY_RANGE, times_to_words.day_range),
    Reading(frozenset("/"), re.compile(r"(?<![\d/])24/7(?![\d/])"), "twenty-four seven"),
    Reading(frozenset("-–—"), times_to_words.DATE_SPAN, times_to_words.date_span),
    Reading(frozenset("-–—"), times_to_words.DATE_JOINT, lambda found: f"{found['rest'] or ''} to "),
    Reading(frozenset("-"), times_to_words.ISO_DATE, times_to_words.iso_date),
    Reading(frozenset("/"), times_to_words.SLASHED_DATE, times_to_words.slashed_date),
    Reading(_ANY, times_to_words.MONTH_DAY, times_to_words.named_date),
    Reading(_ANY, times_to_words.DAY_MONTH, times_to_words.named_date),
    Reading(_ANY, times_to_words.MONTH_YEAR, times_to_words.month_year),
    Reading(frozenset("s"), times_to_words.DECADE, times_to_words.decade),
    Reading(_ANY, times_to_words.YEARS, times_to_words.years),
    Reading(frozenset("-–—"), re.compile(r"(?<=\d[KMBkmb])\s?[-–—]\s?(?=[$£€¥₹]\d)"), " to "),
    Reading(frozenset("$£€¥₹"), SIGNED, signed_amount),
    Reading(frozenset("€£$DPFR"), CODED, coded_amount),
    Reading(frozenset("DPFR"), CODE_FIRST, coded_amount),
    Reading(frozenset("-"), re.compile(r"\b1-(8\d\d|900)-([A-Z][A-Z-]{2,})\b"), _vanity),
    Reading(frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), re.compile(r"(?<![\w-])(?:[A-Z]{2}\d\d(?: [A-Z\d]{4}){2,}(?: [A-Z\d]{1,4})?|[A-Z]{1,3}(?:-\d{3,})+(?:-[A-Z]{1,3})?)(?![\w-])"), _code),
    Reading(frozenset("-–/"), times_to_words.YEAR_SPAN, times_to_words.year_span),
    Reading(_ANY, re.compile(rf"(?<![\w.,:/+-])(?<!\d )\d{{1,3}}(?: \d{{3}})+(?=\s{_COUNTED}|\s?[€$£%])"), lambda found: cardinal(int(found[0].replace(" ", "")))),
    Reading(_ANY, re.compile(r"\(?\+?(?<![\w.,:/])\(?\d[\d() -]{5,}\d(?![\w/:]|[.,-]\d)"), _telephone),
    Reading(_ANY, _NAMED, lambda found: found["what"] + digits(found["number"])),
    Reading(frozenset("IVX"), _ROMAN, _roman),
    Reading(frozenset("§"), re.compile(r"§\s?(?=\d)"), "section "),
    Reading(_ANY, re.compile(rf"(?<![\w.,:/-])(?:[2-9]11|112|999|988)(?!\w|[.,:/-]\w|\s{_COUNTED})"), _service_number),
    Reading(frozenset("-–—"), re.compile(rf"(?<![\w.,:/])(?P<first>{NUMBER})(?P<percent>\s?%)?\s?[–—-]\s?(?=(?:{NUMBER})\s?(?:%|(?:{_UNIT})(?![\w°])))"), lambda found: f"{decimal(found['first'])}{' percent' if found['percent'] else ''} to "),
    Reading(frozenset("-–−"), re.compile(r"(?<![\w.)])[-–−](?=\d)"), "minus "),
    Reading(frozenset("%"), re.compile(rf"(?<![\w.,:/])(?P<amount>{NUMBER})\s?%"), lambda found: f"{decimal(found['amount'])} percent"),
    Reading(_ANY, re.compile(r"(?<![\w.,:/-])(\d{1,3})(?:st|nd|rd|th)\b"), lambda found: ordinal(int(found[1]))),
    Reading(frozenset("h"), re.compile(r"(?<![\w.,:/])(?P<hours>\d{1,2})\s?h(?:rs?)?\s?(?P<minutes>[0-5]?\d)\s?m(?:ins?)?\b"), _hours_and_minutes),
    Reading(frozenset("'’"), re.compile(r"(?<![\w.,:/])([3-8])['’](1[01]|\d)(?:\"|”|'')"), _feet_and_inches),
    Reading(frozenset("/½⅓⅔¼¾⅛"), re.compile(r"(?<![\w.,:/-])(?:(?P<whole>\d{1,3})[ -]?)?(?:(?P<sign>[½⅓⅔¼¾⅛])|(?P<over>(?<![\d.,/])\d)/(?P<under>\d)(?![\d/]))" rf"(?P<of>\s?{_PARTED})?"), _fraction),
    Reading(_ANY, re.compile(rf"(?<![\w.,:/])(?P<amount>{NUMBER})\s?(?P<unit>{_UNIT})(?![\w°/])"), _measured),
    Reading(_ANY, re.compile(rf"(?<![\w.,:/])(?P<amount>{NUMBER})\s(?P<unit>m)(?![\w°/’'])"), lambda found: f"{decimal(found['amount'])} {'metre' if found['amount'] == '1' else 'metres'}"),
    Reading(_ANY, re.compile(rf"(?<![\w.,:/-])\d{{4,}}(?=\s{_COUNTED})"), lambda found: found[0] if found[0].startswith("0") else cardinal(int(found[0]))),
    # three figures may be a name, as in Boeing 737-800
    Reading(frozenset("-–"), re.compile(r"(?<![\w.,:/-])(\d\d?)\s?[–-]\s?(?=\d\d?(?![\w:/-]|[.,]\d))"), r"\1 to "),
    Reading(frozenset("-–"), re.compile(r"(?<![\w.,:/-])(\d{1,3})\s?[–-]\s?(?=\d{3}\s(?!is\b|was\b|has\b)[a-z]+s\b)"), r"\1 to "),
    Reading(frozenset("N#"), re.compile(r"\bNo\. ?(?=\d)"), "number "),
    Reading(_ANY, re.compile(r"(?i:\b(order|parcel|flight|ticket|invoice|account|room|policy|reference|case)) no\. ?(?=\d|(?:zero|one|two|three|four|five|six|seven|eight|nine)\b)"), r"\1 number "),
    Reading(frozenset("N#"), re.compile(r"(?<!\w)#(?=\d)"), "number "),
    Reading(_ANY, re.compile(rf"(?<![\w.,:/*$£€¥₹+=-])(?<![A-Za-z\d]['’])(?:{NUMBER})(?!\w|[.,:/+=]\d|-\w|['’]\d|/\w|\s?[€£$¥₹]|[\"”])"), _plain),
    Reading(frozenset("/"), re.compile(r"(?<=[a-z])/(?P<one>month|year|day|week|hour|person|night|mile|minute|item|user|seat|kg|lb|km|min|mo|hr|yr|wk)\b"), lambda found: f" per {_PERIODS.get(found['one'], found['one'])}"),
    Reading(_ANY, re.compile(r"(?<=[A-Z][a-z] |[a-z][a-z] |[a-z]{2}-)\bDr\b\.?(?=\s*(?:[,;:!?]|\Z|(?:in|at|and|or|near|is)\b))"), "Drive"),
    Reading(_ANY, re.compile(rf"\b({'|'.join(_ABBREVIATIONS)})\."), _abbreviation),
    Reading(_ANY, re.compile(r"\bSt\. (?=[A-Z])"), "Saint "),
    Reading(_ANY, re.compile(r"(?<=\w )St\b\.?"), "Street"),
    Reading(_ANY, re.compile(rf"\b({'|'.join(times_to_words.DAYS)})\b\.?(?=\s|,|\Z)"), lambda found: times_to_words.DAYS[found[1]]),
    Reading(_ANY, re.compile(r"\b(on|to|and|until|every|closed|open|or) (Sat|Sun)\b\.?"), lambda found: f"{found[1]} {times_to_words.WEEKEND[found[2]]}"),
    Reading(frozenset("&"), re.compile(r"\s&\s"), " and "),
    Reading(frozenset("+"), re.compile(r"\s\+\s"), " plus "),
    Reading(frozenset("="), re.compile(r"\s=\s"), " equals "),
)  # fmt: skip


def verbalize(sentence: str) -> str:
    """The sentence with its numbers, money, dates, times and abbreviations as words; unchanged if it is not English."""
    if not _NEEDED.search(sentence) or not is_english(sentence):
        return sentence
    whole_day = times_to_words.uses_whole_day(times_to_words.TIME_RANGE.sub(" to ", sentence))
    unread: list[str] = []

    def hold(span: re.Match[str]) -> str:
        if times_to_words.is_read_whole(span[0], whole_day=whole_day):
            return span[0]
        unread.append(span[0])
        return _HELD

    if _HELD not in sentence:
        sentence = times_to_words.TIME_SPAN.sub(hold, sentence)
    sentence = times_to_words.TIME_RANGE.sub(" to ", sentence)
    clock = partial(times_to_words.clock, whole_day=whole_day)
    times = (Reading(_ANY, times_to_words.WITH_HALF, clock), Reading(frozenset(":"), times_to_words.BARE, clock))
    said = apply((*times, *_READINGS), sentence)
    return re.sub(_HELD, lambda _: unread.pop(0), said) if unread else said


def reader(_region: str) -> Callable[[str], str]:
    """The function that reads sentences out; all regions write alike."""
    return verbalize


#: stands for what is left as it is written
_HELD: Final = "\ue000"
#: most sentences need nothing of this, and are returned at once
_NEEDED: Final = re.compile(
    rf"[\d&@=+½⅓⅔¼¾⅛]|\b[A-Z][a-z]+ [IVX]+\b|[a-z]/[a-z]|\b(?:e\.g|i\.e|St|{'|'.join(_ABBREVIATIONS)})\.|\b(?:St|Dr|Sat|Sun|{'|'.join(times_to_words.DAYS)})\b"
)
