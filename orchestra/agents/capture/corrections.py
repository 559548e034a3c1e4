"""Corrections of a value that was read back: "no, four two", "the last one is seven", "fifteen, not fifty". Pure."""

import re
from collections.abc import Callable
from typing import Final

from orchestra.language.values import ValueWords, digit_runs, plain, tokens
from orchestra.language.values.alike import sounds_alike
from orchestra.language.values.numbers import number_at, number_tokens
from orchestra.language.values.tokens import longest_at

_SHORTEST_PIECE: Final = 2


def without_idioms(text: str, values: ValueWords) -> str:
    """The text without the phrases whose number words name no number."""
    if not values.idioms:
        return text
    idioms = "|".join(sorted(map(re.escape, values.idioms), key=len, reverse=True))
    return re.sub(rf"\b(?:{idioms})\b", " ", text, flags=re.IGNORECASE)


def right_and_wrong(text: str, values: ValueWords) -> tuple[str, str]:
    """What a caller says is right, and what is wrong: ``fifteen, not fifty`` → fifteen, fifty. Empty: not said."""
    negations = "|".join(sorted(values.negations, key=len, reverse=True))
    if not (negations and (found := re.search(rf"\b(?:{negations})\b", plain(text)))):
        return text, ""
    bare = plain(text)
    before, after = bare[: found.start()], bare[found.end() :]
    if not digit_runs(before, values) and not re.search(r"[,.;]", after):
        but = re.search(rf"\b(?:{'|'.join(values.but)})\b", after)
        return (after[but.end() :], after[: but.start()]) if but else (text, "")
    if not digit_runs(before, values):  # "not fifty, fifteen"
        wrong, _, right = re.sub(r"[.;]", ",", after).partition(",")
        return right, wrong
    return before, after


def digits_in(text: str, values: ValueWords) -> str:
    """All digits of a text in a row."""
    return "".join(part for run in digit_runs(without_idioms(text, values), values) for part in run)


def correct_digits(value: str, text: str, values: ValueWords, complete: Callable[[str], bool]) -> str:
    """The digits with the caller's correction; empty if the words correct nothing, or it is not clear what.

    Args:
        value: the digits as they were read back.
        text: the caller's words.
        values: the tables of their language.
        complete: whether digits are a whole value of this kind.

    """
    if placed := _placed(value, text, values):
        return placed
    right, wrong = right_and_wrong(text, values)
    piece, bad = digits_in(right, values), digits_in(wrong, values)
    if piece and complete(piece):
        return piece
    if piece and bad and bad in value:
        at = value.rfind(bad)
        return value[:at] + piece + value[at + len(bad) :]
    return _aligned(value, piece) if _SHORTEST_PIECE <= len(piece) < len(value) else ""


def _placed(value: str, text: str, values: ValueWords) -> str:
    """Digits whose place is named: the last two, the first, the third."""
    found = number_tokens(text, values)
    for at in range(len(found)):
        size = longest_at(found, at, values.first | values.last)
        index = 0
        if not size and (size := longest_at(found, at, values.ordinals.keys())):
            index = values.ordinals[" ".join(found[at : at + size])]
        if not size:
            continue
        name = " ".join(found[at : at + size])
        digits = digits_in(" ".join(found[_after_count(found, at + size, values) :]), values)
        if not digits or len(digits) >= len(value):
            continue
        if name in values.last:
            return value[: -len(digits)] + digits
        if name in values.first:
            return digits + value[len(digits) :]
        if len(digits) == 1 and 0 < index <= len(value):
            return value[: index - 1] + digits + value[index:]
    return ""


def _after_count(found: list[str], at: int, values: ValueWords) -> int:
    """Where the digits begin: "two digits are" before them only counts them."""
    for later in range(at, min(at + 4, len(found))):
        if size := longest_at(found, later, values.introduces):
            return later + size
    _, used = number_at(found, at, values)
    return at + used if used and at + used < len(found) and not number_at(found, at + used, values)[1] else at


def _aligned(value: str, piece: str) -> str:
    """The digits with a part said again that differs from one place in one digit."""
    places = [
        at
        for at in range(len(value) - len(piece) + 1)
        if sum(one != other for one, other in zip(value[at:], piece, strict=False)) == 1
    ]
    if len(places) != 1 or piece in value:
        return ""
    return value[: places[0]] + piece + value[places[0] + len(piece) :]


def correct_words(value: str, words: str) -> str:
    """A name with one of its words said anew; the whole name if as many words were said. Empty: it is not clear."""
    old, new = value.split(), words.split()
    if not new or len(new) >= len(old):
        return " ".join(new)
    changed = list(old)
    for word in new:
        alike = [at for at, each in enumerate(old) if _alike(each, word)]
        if len(alike) != 1:
            return ""
        changed[alike[0]] = word
    return " ".join(changed)


def _alike(one: str, other: str) -> bool:
    return sounds_alike(plain(one), plain(other))


def has_words(text: str) -> bool:
    """Whether there is anything in the text but signs."""
    return any(token.isalnum() for token in tokens(text))
