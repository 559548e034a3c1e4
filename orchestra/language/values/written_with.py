"""How a caller says that a name is written: ``Schmidt mit dt``, ``Smith with a y``, ``Jon without an h``."""

import re
from typing import Final

from orchestra.language.values.port import ValueWords
from orchestra.language.values.spelling import letter_at
from orchestra.language.values.tokens import plain

#: letters that may stand for one sound, longest first
_ALIKE: Final = tuple(
    tuple(group.split())
    for group in (
        "dt th tt dd d t",
        "ph ff pf f v w",
        "ck kk ch qu c k q",
        "tz zz cz ss sz sc z s c",
        "ai ay ei ey aj ej",
        "ie y i j",
        "gg g j",
        "nn n", "mm m", "ll l", "rr r", "pp bb p b", "oo o", "ee e", "aa a",
    )
)  # fmt: skip
_GROUPS: Final = frozenset(letters for group in _ALIKE for letters in group if len(letters) > 1) | {"sch", "ij", "gn"}
_LETTERS: Final = 3


def written_with(text: str, values: ValueWords) -> tuple[str, list[tuple[str, bool]]]:
    """The text without what says how a part of a name is written, and these letters, each with whether it has them."""
    words = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|[,.;]", text)
    kept: list[str] = []
    told: list[tuple[str, bool]] = []
    at = 0
    while at < len(words):
        word = plain(words[at])
        letters, used = _letters(words, at + 1, values) if kept and word in values.with_ | values.without else ("", 0)
        if letters:
            told.append((letters, word in values.with_))
        else:
            kept.append(words[at])
        at += 1 + used
    return (" ".join(kept), told) if told else (text, told)


def rewritten(name: str, told: list[tuple[str, bool]]) -> str:
    """The name with these letters; as it is where it is not clear which of its own they replace."""
    words = name.split()
    for letters, has in told:
        for at in reversed(range(len(words))):
            changed = _with(words[at], letters) if has else _without(words[at], letters)
            if changed:
                words[at] = changed
                break
    return " ".join(words)


def _letters(words: list[str], at: int, values: ValueWords) -> tuple[str, int]:
    """The letters that end a clause, and how many words they take: ``a y``, ``zwei f``, ``d t``, ``dt``."""
    found = [plain(word) or word for word in words]
    begin, times = at, 1
    articles = _ARTICLES | {"a"} if values.code == "en" else _ARTICLES
    while at < len(found) - 1 and (found[at] in articles or found[at] in values.numbers or found[at] in values.times):
        times = max(times, values.times.get(found[at], 0), values.numbers.get(found[at], 0))
        at += 1
    letters = ""
    while at < len(found) and len(letters) < _LETTERS:
        letter, used = (found[at], 1) if found[at] in _GROUPS else letter_at(found, at, values)
        if not used:
            break
        letters, at = letters + letter, at + used
    ends = at >= len(found) or not found[at].isalpha()
    return (letters * times, at - begin) if letters and ends and times <= 2 else ("", 0)  # noqa: PLR2004 - twice


_ARTICLES: Final = frozenset(["an", "einem", "einer", "un", "una", "uno", "um", "uma", "een", "der", "la", "le"])


def _with(word: str, letters: str) -> str:
    """The word with these letters, instead of those that sound alike; empty if it has none."""
    if letters in word.lower():
        return word
    single = word.lower().rfind(letters[0])
    if len(letters) == 2 and len(set(letters)) == 1 and single >= 0:  # noqa: PLR2004 - zwei f
        return word[: single + 1] + letters[0] + word[single + 1 :]
    for group in _ALIKE:
        others = [each for each in group if each != letters]
        if letters not in group or not (
            found := re.search(rf"(?:{'|'.join(others)})(?!.*(?:{'|'.join(others)}))", word.lower())
        ):
            continue
        written = letters.capitalize() if word[found.start()].isupper() else letters
        return word[: found.start()] + written + word[found.end() :]
    return f"{word}h" if letters == "h" and word[-1] in "aeiou" else ""


def _without(word: str, letters: str) -> str:
    at = word.lower().rfind(letters)
    rest = word[:at] + word[at + len(letters) :]
    return "" if at < 0 or len(rest) < _LETTERS - 1 else rest[0].upper() + rest[1:] if word[0].isupper() else rest
