"""Removes from a sentence what cannot be spoken (Markdown, links, emoji), and names signs that carry meaning."""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from orchestra.language.utterance import UNSPACED

#: follows the day of a date, as in "3. Mai"
DATED: Final = (
    r"(?:Jan|Feb|M[äa]r|Apr|Mai|Juni|Juli|Aug|Sep|Okt|Nov|Dez|[a-zà-öø-ÿ]{3,} \d{4}|(?:januar|februar|mars|marts|april"
    r"|maj|maja|juni|juli|august|september|oktober|november|december|desember)\b)"
)
Replacement = str | Callable[[re.Match[str]], str]


class SignNames(NamedTuple):
    """The words of a language for signs that are read out.

    Attributes:
        star: one star of a rating.
        stars: several of them.
        times: between two factors, as in ``3 * 4``.
        key: the telephone's key; empty: as the star of a rating.

    """

    star: str
    stars: str
    times: str
    key: str = ""


#: longer than any word that people say; an address has marks in between
_LONGEST_WORD: Final = 100
#: what is said no differently, and takes the other patterns long
_RUNS: Final[tuple[tuple[re.Pattern[str], Replacement], ...]] = (
    (re.compile(r"\s{4,}"), "   "),
    (re.compile(r"([^\w\s])\1{9,}"), r"\1\1\1"),
)
_MARKUP: Final[tuple[tuple[re.Pattern[str], Replacement], ...]] = (
    (re.compile(r"```(?!text|txt|plain|md|markdown)[\w+#-]+\s[^`]*```"), ""),  # program code in a line
    (re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"),  # a link or picture becomes its text
    (re.compile(r"<?https?://(?:www\.)?([^\s<>]+)>?"), r"\1"),  # the part that a caller types: host and path
    (
        re.compile(r"^\s{0,3}(?:#{1,6}\s+|>\s?(?![=\s]*[$£€]?\d)|[-*+•]\s+|\d{1,3}[.)]\s+(?=\S)(?!" + DATED + r"))"),
        "",
    ),  # heading, quotation, list
)
_RATING: Final = re.compile(r"(?:[★⭐]\uFE0F?)+☆*")
_EMPHASIS: Final[tuple[tuple[re.Pattern[str], Replacement], ...]] = (
    (re.compile(r"`{1,3}|~~|(?<!\w)_{1,3}(?=\w)|(?<=\w)_{1,3}(?!\w)|(?<!\w)_{1,3}(?!\w)"), ""),
    (re.compile(r"(\*{1,3})(?=[^\s*])([^*]*[^\s*])\1(?![*\w#])"), r"\2"),  # emphasis
)
_PRODUCT: Final = re.compile(r"(?<![\d*#])(\d[\d.,]*)\s?\*\s?(?=\d[\d.,]*(?![\d*#]))")
#: the key of a telephone; `verbalize` names the keys of *67#
_STAR_KEY: Final = re.compile(r"(?<![\w*])\*(?![\w*])")
_REMAINDER: Final[tuple[tuple[re.Pattern[str], Replacement], ...]] = (
    (re.compile(r"\*(?![\d*#]*\d)(?=\w)|\*{2,}|(?<=[^\W\d])\*"), ""),  # emphasis that goes on in another sentence
    (re.compile(r"\s*\|\s*"), ", "),  # the cells of a table
    (re.compile(r"\s*[\u2190-\u21ff\u27f0-\u27ff\u2900-\u297f\u2b00-\u2b11]\s*"), ", "),  # arrows
    (
        re.compile(r"[\U0001F000-\U0001FAFF\U000E0020-\U000E007F\u2500-\u27BF\u2b12-\u2bff\uFE0F\u20E3]"),
        "",
    ),  # emoji, ornaments
    # what steers the direction and joining of letters, and halves of characters; letters of India need their joiners
    (
        re.compile(
            r"[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffd\ud800-\udfff]|(?<![\u0600-\u0dff])[\u200c\u200d]"
        ),
        "",
    ),
    (re.compile(rf"(?:(?![{UNSPACED}])[^\W_]){{{_LONGEST_WORD},}}"), ""),  # data, which nobody can listen to
    (re.compile(r"\s+"), " "),
    (re.compile(r" (?=[.,;:!?](?:\s|\Z))"), ""),
)


def plain_text(names: SignNames | None) -> Callable[[str], str]:
    """Make the function that turns a sentence into plain words in one line; empty where nothing is left to say.

    Without names of the signs, those that are no words are left out.
    """

    def rating(found: re.Match[str]) -> str:
        count = sum(1 for star in found[0] if star in "★⭐")
        return f"{count} {names.star if count == 1 else names.stars}" if names else ""

    signs: tuple[tuple[re.Pattern[str], Replacement], ...] = ()
    if names:
        signs = ((_PRODUCT, rf"\1 {names.times} "), (_STAR_KEY, f" {names.key or names.star} "))
    rules = (*_RUNS, *_MARKUP, (_RATING, rating), *_EMPHASIS, *signs, *_REMAINDER)

    def to_plain_text(sentence: str) -> str:
        if "***" in sentence and not any(letter.isalnum() for letter in sentence):
            return ""
        for pattern, replacement in rules:
            sentence = pattern.sub(replacement, sentence)
        sentence = sentence.strip(" ,") if sentence.startswith((" ,", ",")) else sentence.strip()
        return sentence if any(letter.isalnum() for letter in sentence) else ""

    return to_plain_text
