"""Whether digits, letters or an address are being dictated, and whether all of it has been said, in English."""

import re
from enum import Enum
from typing import Final

from orchestra.language.english.spoken_digits import digit_runs
from orchestra.language.question_reader import Question, Wanted

_DIGIT_WORDS: Final = (
    "zero nought null oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand double "
    "triple"
)
_DIGIT: Final = rf"(?:\d+|{_DIGIT_WORDS.replace(' ', '|')})"
_TOKENS: Final = re.compile(r"[a-z]+(?:'[a-z]+)*|\d+(?!(?:st|nd|rd|th)\b)|\d+(?:st|nd|rd|th)|@")
_ENDS_IN_DIGIT: Final = re.compile(rf"(?:^|\W){_DIGIT}\W*$")
_ONE_BY_ONE: Final = re.compile(
    r"(?:^|[^\w'])(?:\d|zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple)\W+"
    r"(?:\d|zero|oh|one|two|three|four|five|six|seven|eight|nine)\W*$"
)
_NUMBER_NAMED: Final = re.compile(
    r"\b(?:number|code|digits?|card|account|pin|reference|zip|postcode|extension|phone|serial|policy|order|it's|it is)"
    r"\b"
)
_QUANTITY: Final = re.compile(
    r"\b(?:how|when|time|day|date|age|old|many|much|o'clock|hour|floor|room|quantity|size|year|people|price)\b"
)
#: an only digit run is dictated if at most this many words introduce it
_INTRODUCTION: Final = 4
_DICTATED_DIGITS: Final = 2
_ALPHABET: Final = (
    r"(?:alpha|alfa|bravo|charlie|delta|echo|foxtrot|golf|hotel|india|juliett?|kilo|lima|mike|november|oscar|papa|quebec"
    r"|romeo|sierra|tango|uniform|victor|whiskey|xray|yankee|zulu)"
)
_SPELLED: Final = re.compile(
    r"(?:^|[^\w'])(?:(?:[a-z]\W+|double )[a-z]"  # two letters in a row, "double l"
    r"|[a-z] (?:as in|for|like) [a-z]+"  # "b as in bravo"
    rf"|{_ALPHABET}\W+{_ALPHABET})\W*$"
)
_ENDS_IN_LETTER: Final = re.compile(r"(?:^|[^\w'])[a-z]\W*$")
_DOMAIN: Final = (
    r"com|org|net|edu|gov|info|io|co|ai|app|dev|me|uk|us|ca|au|nz|ie|de|fr|es|it|nl|be|at|ch|se|no|dk|fi|pl|pt|in|jp|br"
    r"|eu"
)
_EMAIL_COMPLETE: Final = re.compile(rf"(?:@|\bat\b).*(?:\.|\bdot )\s*(?:{_DOMAIN})\W*$")
_EMAIL_BEGUN: Final = re.compile(
    r"@|\b(?:e-?mail|address) is\b|\bunderscore\b|\w dot \w|\bat (?:g-?mail|hotmail|yahoo|outlook|icloud|aol)\b"
)
_POSTCODE: Final = re.compile(rf"(?:^|\W)(?:\d{{5}}|(?:{_DIGIT}\W+){{4}}{_DIGIT}|[a-z]{{1,2}}\d\w? ?\d[a-z]{{2}})\W*$")
_ADDRESS_BEGUN: Final = re.compile(r"\b(?:address is|i live (?:at|on|in)|i'm at|we're at|(?:send|deliver) it to) \S+")
_POLITE_END: Final = re.compile(
    r"\b(?:please|thanks|thank you|that's (?:it|all)|that is (?:it|all)|thats (?:it|all)|okay|ok|yes)\W*$"
)
_MONTH: Final = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul"
    r"|aug|sept?|oct|nov|dec)\b"
)
_YEAR: Final = re.compile(
    rf"(?:\b(?:19|20)\d\d|\b(?:nineteen|twenty|two thousand(?: and)?) {_DIGIT}(?: {_DIGIT})?|\btwo thousand|\W\d\d)\W*$"
)
_DATE_DIGITS: Final = 6


class Dictation(Enum):
    """How far a dictation has got."""

    NONE = "nothing is dictated"
    GOES_ON = "more of it may follow"
    COMPLETE = "all that was asked for has been said"


def dictation(text: str, question: Question) -> Dictation:
    """How far a dictation in ``text`` (lower case) has got, as an answer to ``question``."""
    if _POLITE_END.search(text):
        return Dictation.NONE  # the caller has closed it
    kinds = (_email, _birth, _digits, _letters, _address)
    found = (kind(text, question) for kind in kinds)
    return next((each for each in found if each is not Dictation.NONE), Dictation.NONE)


def _email(text: str, question: Question) -> Dictation:
    asked = question.wanted is Wanted.EMAIL
    if (asked or _EMAIL_BEGUN.search(text)) and _EMAIL_COMPLETE.search(text):
        return Dictation.COMPLETE
    begun = "@" in text or "underscore" in text or re.search(r"\bat \w+\W*$|\bdot\b", text) or _is_one_name(text)
    if asked:
        return Dictation.GOES_ON if begun else Dictation.NONE
    return Dictation.GOES_ON if _EMAIL_BEGUN.search(text) and begun else Dictation.NONE


def _is_one_name(text: str) -> bool:
    """Whether these are so few words that they can be the beginning of an address: "john smith"."""
    return len(_TOKENS.findall(text)) <= _INTRODUCTION and not re.search(r"\b(?:no|don't|not|have|sure)\b", text)


def _birth(text: str, question: Question) -> Dictation:
    if question.wanted is not Wanted.BIRTH:
        return Dictation.NONE
    digits = sum(len(run) for run in digit_runs(text))
    if digits >= _DATE_DIGITS or (_YEAR.search(text) and (_MONTH.search(text) or digits > len("1980"))):
        return Dictation.COMPLETE
    begun = digits or _MONTH.search(text) or re.search(r"\b(?:the )?\w+(?:st|nd|rd|th)\b", text)
    return Dictation.GOES_ON if begun else Dictation.NONE


def _digits(text: str, question: Question) -> Dictation:
    if not _ENDS_IN_DIGIT.search(text):
        return Dictation.NONE
    runs = digit_runs(text)
    if question.wanted is Wanted.DIGITS and runs:
        enough = question.length is not None and len(runs[-1]) >= question.length
        return Dictation.COMPLETE if enough else Dictation.GOES_ON
    if _ONE_BY_ONE.search(text) and not re.search(r"\b(?:at|past|to) \S+ \S+\W*$", text):
        return Dictation.GOES_ON
    counted = question.wanted is not Wanted.ANYTHING or any(_QUANTITY.fullmatch(word) for word in question.words)
    words = [token for token in _TOKENS.findall(text) if not token.isdigit()]
    bare = len(words) <= _INTRODUCTION and bool(runs) and len(runs[-1]) >= _DICTATED_DIGITS and not counted
    return Dictation.GOES_ON if bare and (not words or _NUMBER_NAMED.search(text)) else Dictation.NONE


def _letters(text: str, question: Question) -> Dictation:
    spelled = _SPELLED.search(text) or (question.wanted is Wanted.SPELLING and _ENDS_IN_LETTER.search(text))
    mixed = question.wanted is Wanted.DIGITS and _ENDS_IN_LETTER.search(text)
    return Dictation.GOES_ON if spelled or mixed else Dictation.NONE


def _address(text: str, question: Question) -> Dictation:
    if question.wanted is not Wanted.ADDRESS and not _ADDRESS_BEGUN.search(text):
        return Dictation.NONE
    return Dictation.COMPLETE if _POSTCODE.search(text) else Dictation.GOES_ON
