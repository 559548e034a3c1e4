"""Numbers that are said in words, digit by digit or in pairs: "five five five, oh one, double nine". Pure.

Known are the seven languages that have tables of number words (`orchestra.language.values`). In which of them a text
is, nobody says: logs and prompts do not know it.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise, product
from typing import Final, NamedTuple

from orchestra.language.values import values_of
from orchestra.language.values.numbers import digit_places, number_tokens
from orchestra.language.values.port import ValueWords
from orchestra.language.values.tokens import plain

#: words of 0 to 19, of the tens and of repetition, by language. They only tell whether a text may hold such a number,
#: and in which language: loading all tables would take half a second
_WORDS: Final = {
    "en": "zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fourty fifty sixty seventy eighty ninety double "
    "triple hundred nil nought",
    "es": "cero uno una dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis "
    "diecisiete dieciocho diecinueve veinte veintiun veintiuno veintiuna veintidos veintitres veinticuatro "
    "veinticinco veintiseis veintisiete veintiocho veintinueve treinta cuarenta cincuenta sesenta setenta ochenta "
    "noventa doble triple",
    "de": "null eins ein zwei zwo drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn "
    "sechzehn siebzehn achtzehn neunzehn zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig doppel",
    "fr": "zero un une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize "
    "vingt trente quarante cinquante soixante septante huitante octante nonante double triple",
    "it": "zero uno una due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici "
    "sedici diciassette diciotto diciannove venti trenta quaranta cinquanta sessanta settanta ottanta novanta doppio",
    "pt": "zero um uma dois duas tres quatro cinco seis meia sete oito nove dez onze doze treze catorze quatorze "
    "quinze dezasseis dezesseis dezassete dezessete dezoito dezanove dezenove vinte trinta quarenta cinquenta "
    "sessenta setenta oitenta noventa",
    "nl": "nul een twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien "
    "zeventien achttien negentien twintig dertig veertig vijftig zestig zeventig tachtig negentig dubbel",
}
_ACCENTED: Final = (
    "três zéro fünf zwölf fünfzehn dreißig fünfzig dieciséis veintidós veintitrés veintiséis veintiún één tweeën drieën"
)


def _compounds(code: str) -> Iterator[str]:
    """The numbers of a language that say tens and ones in one word, as they are written, with and without accents."""
    ones, tens = _WORDS[code].split(), [word for word in _WORDS[code].split() if word.endswith(("ig", "ti", "nta"))]
    match code:
        case "de":
            for one, ten in product([*ones, "fünf"], [*tens, "dreißig", "fünfzig"]):
                yield f"{one}und{ten}"
        case "nl":
            for one, ten in product(ones, tens):
                yield from (f"{one}en{ten}", f"{one}ën{ten}")
        case "it":
            for ten, one in product(tens, [*ones, "tré"]):
                yield (ten[:-1] if one.startswith(("u", "o")) else ten) + one
        case _:
            pass


_OF_LANGUAGE: Final = {code: frozenset([*words.split(), *_compounds(code)]) for code, words in _WORDS.items()}
#: between two numbers of one run
_BETWEEN: Final = frozenset([*",.-–—/()…", "uh", "um", "er", "erm", "ehm", "eh", "euh", "ah", "ahm", "hm", "hmm"])
_JOINS: Final = frozenset({"y", "e", "et", "und", "en", "and", "äh", "ähm"})
_ANY: Final = frozenset().union(*_OF_LANGUAGE.values(), _ACCENTED.split())
#: the same as they stand in a text
_WRITTEN: Final = frozenset(f"{word}{mark}" for word in _ANY | _BETWEEN | _JOINS for mark in ("", ",", ".", "…"))
_WORD: Final = re.compile(r"[^\W\d_]+")
_TOKEN: Final = re.compile(r"\d+|[^\W\d_]+|[^\w\s]")
#: fewer words of a language say no number
_FEWEST_WORDS: Final = 3
#: of letters, in any of the languages
_SHORTEST_WORD: Final = 2
#: a number may go on for so many characters beyond the words that are known here
_BESIDE: Final = 120


class SaidNumber(NamedTuple):
    """Digits that follow one another: ``parts`` are the spans of the text in which they are said, with the digits."""

    parts: tuple[tuple[int, int, str], ...]

    @property
    def start(self) -> int:
        """Where it begins."""
        return self.parts[0][0]

    @property
    def end(self) -> int:
        """The character after it."""
        return self.parts[-1][1]

    @property
    def digits(self) -> str:
        """All of its digits."""
        return "".join(digits for _, _, digits in self.parts)


def may_say_digits(text: str, fewest: int = _FEWEST_WORDS) -> bool:
    """Whether so many words that say digits follow one another, with or without figures between them.

    Quick, and true for some that say no number.
    """
    if len(text) < _SHORTEST_WORD * fewest:
        return False
    words = text.lower().replace('"', " ").replace("-", " ").split()
    known = bytes(map(_WRITTEN.__contains__, words))
    if known.count(1) < fewest:
        return False
    streak = b"\1" * fewest
    if streak in known:
        return True
    said = [word for word in words if not word[0].isdigit()]
    return len(said) < len(words) and streak in bytes(map(_WRITTEN.__contains__, said))


def said_numbers(text: str, fewest: int = _FEWEST_WORDS) -> Iterator[SaidNumber]:
    """The numbers of two parts or more that are said in words at least in part, by language; they may overlap.

    They are looked for where ``fewest`` words or more follow one another.
    """
    if not may_say_digits(text, fewest):
        return
    last = 0
    for start, end in list(_windows(text, fewest)):
        begin, stop = max(last, start - _BESIDE), text.find(" ", end + _BESIDE)
        last = stop = len(text) if stop < 0 else stop
        begin = text.find(" ", begin, start) if begin > 0 else 0
        places = [(match.start(), match.end(), plain(match[0])) for match in _TOKEN.finditer(text, max(0, begin), stop)]
        words = [said for _, _, said in places]
        for code, known in _OF_LANGUAGE.items():
            if sum(word in known for word in words) >= fewest:
                yield from _in_language(places, _words_of(code))


@cache
def _words_of(code: str) -> ValueWords:
    """Without those that sound like a number: "for" and "to" are words of every other sentence, not 4 and 2."""
    return replace(values_of(code), sounds={})


def _windows(text: str, fewest: int) -> Iterator[tuple[int, int]]:
    """Where so many words that say digits follow one another; stretches that are near one another are one."""
    begin, end, streak = 0, -1, 0
    found: tuple[int, int] | None = None
    for match in _WORD.finditer(text):
        word = match[0].lower()
        if word in _ANY:
            begin = begin if streak else match.start()
            streak, end = streak + 1, match.end()
            if streak >= fewest:
                if found is not None and begin - found[1] > 2 * _BESIDE:
                    yield found
                    found = None
                found = (found[0] if found is not None else begin), end
        elif streak and word not in _BETWEEN and word not in _JOINS:
            streak = 0
    if found is not None:
        yield found


def _in_language(places: list[tuple[int, int, str]], values: ValueWords) -> Iterator[SaidNumber]:
    found: list[str] = []
    spans: list[tuple[int, int]] = []
    for (start, end, said), (_, _, following) in pairwise([*places, (0, 0, "")]):
        if said == "-" and found and found[-1].isalpha() and following.isalpha():
            continue  # "vingt-deux"
        for part in (values.compounds and number_tokens(said, values)) or [said]:
            found.append(part)
            spans.append((start, end))
    run: list[tuple[int, int, str]] = []
    words, ended = 0, -1
    for digits, begin, after in digit_places(found, values):
        if run and not _BETWEEN.issuperset(found[ended:begin]):
            yield from _run(run, words)
            run, words = [], 0
        run.append((spans[begin][0], spans[after - 1][1], digits))
        words += not found[begin].isdigit()
        ended = after
    yield from _run(run, words)


def _run(run: list[tuple[int, int, str]], words: int) -> Iterator[SaidNumber]:
    if len(run) > 1 and words > 1:
        yield SaidNumber(tuple(run))
