"""Compares words that were said with the transcript of their audio, after synthesis and recognition.

Both sides are normalized first (case, punctuation, digits, number words, contractions), then aligned. A word that is
only misspelt ("parcels" for "parcel") costs less than a missing one.
"""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from orchestra.language.registry import DEFAULT_CODE
from orchestra.language.tags import base_of
from orchestra.language.values.registry import values_of
from orchestra.language.values.tokens import words_of

#: the same words, heard over a telephone line by a small speech engine, score above; a wrong or missing sentence below
MATCH = 0.75
_CUT_OFF_WORDS = 2

_UNITS = "zero one two three four five six seven eight nine".split()  # noqa: SIM905
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: SIM905
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth".split()  # noqa: SIM905
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_NUMBERS = (
    {word: number for number, word in enumerate(_UNITS + _TEENS)}
    | {word: number for number, word in enumerate(_ORDINALS, start=1)}
    | {word: 10 * number for number, word in enumerate(_TENS, start=2)}
)
_CONTRACTIONS = {
    "won't": "will not",
    "can't": "can not",
    "cannot": "can not",
    "let's": "let us",
    "n't": " not",
    "'re": " are",
    "'ve": " have",
    "'ll": " will",
    "'d": " would",
    "'m": " am",
    "'s": " s",
}
_SIGNS = {"%": " percent ", "&": " and ", "+": " plus "}
_CURRENCIES = {"£": "pounds", "$": "dollars", "€": "euros"}
_SPELT = {"okay": "ok", "mister": "mr", "missus": "mrs", "doctor": "dr", "street": "st", "oh": "0", "o": "0"}


@dataclass(frozen=True, slots=True)
class TranscriptMatch:
    """What was said and what was heard, both unchanged, and how similar they are (0-1)."""

    similarity: float
    expected: str
    heard: str

    @property
    def matches(self) -> bool:
        """Whether the caller heard what was said, apart from errors of recognition."""
        return self.similarity >= MATCH


def compare(expected: str, heard: str, *, open_end: bool = False, language: str = DEFAULT_CODE) -> TranscriptMatch:
    """Compare what was said with the transcript of its audio.

    ``open_end``: the audio was cut off in the middle of a word, so up to two words at the end of either side may have
    no counterpart. ``language`` (BCP 47) is that of both.
    """
    one, other = (normalise(text, language) for text in (expected, heard))
    spare = _CUT_OFF_WORDS if open_end else 0
    similarity = max(
        _similarity(one[: len(one) - left], other[: len(other) - right])
        for left in range(min(spare, max(len(one) - 1, 0)) + 1)
        for right in range(min(spare, max(len(other) - 1, 0)) + 1)
    )
    return TranscriptMatch(similarity, expected, heard)


def _similarity(one: list[str], other: list[str]) -> float:
    # Comparing letters forgives different word boundaries ("good bye"), comparing words a wrong letter in each.
    return max(_word_similarity(one, other), _letter_similarity("".join(one), "".join(other)))


def normalise(text: str, language: str = DEFAULT_CODE) -> list[str]:
    """The words of a text, normalized: ``"It's 4:30, parcel 42"`` → ``it s 4 3 0 parcel 4 2``; each digit is a word.

    In other languages than English only case, accents, punctuation and the words of numbers are.
    """
    if base_of(language) != DEFAULT_CODE:
        numbers = values_of(language).numbers
        figures = (str(numbers.get(word, word)) for word in words_of(text))
        return [part for word in figures for part in (word if word.isdigit() else (word,))]
    plain = text.lower().replace("\u2019", "'")
    for sign, word in _SIGNS.items():
        plain = plain.replace(sign, word)
    plain = re.sub(r"([£$€])(\d+)", lambda price: f"{price[2]} {_CURRENCIES[price[1]]} ", plain)
    plain = re.sub(r"\b([ap])\.\s?m\b\.?", r"\1m", plain)
    for contraction, words in _CONTRACTIONS.items():
        plain = re.sub(rf"{re.escape(contraction)}\b", words, plain)
    plain = re.sub(r"(\d)(?:st|nd|rd|th)\b", r"\1", plain)
    return _numbers_as_digits(re.findall(r"[^\W\d_]+|\d", plain))


def _numbers_as_digits(words: list[str]) -> list[str]:
    digits: list[str] = []
    tens = False
    for word in words:
        number = _NUMBERS.get(word)
        if number is None:
            digits.append(_SPELT.get(word, word))
        elif tens and 0 < number < 10:  # noqa: PLR2004 - "twenty" "five" is 25
            digits[-1] = str(number)
        else:
            digits.extend(str(number))
        tens = number is not None and number >= 20  # noqa: PLR2004
    return digits


def _word_similarity(expected: list[str], heard: list[str]) -> float:
    longest = max(len(expected), len(heard))
    if longest == 0:
        return 1.0
    row = [float(column) for column in range(len(heard) + 1)]
    for word in expected:
        above, row = row, [row[0] + 1.0]
        for column, other in enumerate(heard):
            row.append(min(above[column + 1] + 1, row[column] + 1, above[column] + _difference(word, other)))
    return 1.0 - row[-1] / longest


def _difference(word: str, other: str) -> float:
    if word == other:
        return 0.0
    alike = SequenceMatcher(None, word, other, autojunk=False).ratio()
    return 1.0 - alike if alike > 0.5 else 1.0  # noqa: PLR2004 - below half, it is another word


def _letter_similarity(expected: str, heard: str) -> float:
    longest = max(len(expected), len(heard))
    if longest == 0:
        return 1.0
    row = list(range(len(heard) + 1))
    for letter in expected:
        above, row = row, [row[0] + 1]
        for column, other in enumerate(heard):
            row.append(min(above[column + 1] + 1, row[column] + 1, above[column] + (letter != other)))
    return 1.0 - row[-1] / longest
