"""Numbers and digits, as callers say them and as speech recognition writes them."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from orchestra.language.values.port import ValueWords
from orchestra.language.values.tokens import longest_at, plain, tokens

_JOINTS: Final = frozenset(",-./()–—")
_HUNDRED, _THOUSAND, _MILLION = 100, 1_000, 1_000_000
#: of figures before a word of size; int() refuses those of thousands of digits
_LONGEST_FIGURES: Final = 9
_FIGURES: Final = re.compile(r"(?<![\w.,])[-−]?\d+(?:[ .,'’]\d{3})*(?:[.,]\d+)?(?![\w])")


def number_tokens(text: str, values: ValueWords) -> list[str]:
    """The tokens of a text; numbers in one word are taken apart at their hundreds and thousands."""
    found = tokens(text)
    if not values.compounds:
        return found
    cut: list[str] = []
    for token in found:
        cut += _taken_apart(token, values) or [token]
    return cut


def _taken_apart(token: str, values: ValueWords) -> list[str]:
    """``zweihundertdrei`` → ``zwei hundert drei``; nothing if it is no such number."""
    if token in values.numbers or token.isdigit():
        return []
    big = "|".join(sorted((*values.hundreds, *values.thousands), key=len, reverse=True))
    parts = [part for part in re.split(f"({big})", token) if part]
    joins = "|".join(sorted(values.joins, key=len, reverse=True))
    parts = [re.sub(f"^(?:{joins})(?=.)", "", part) if part not in values.numbers else part for part in parts]
    known = all(part in values.numbers or part in values.hundreds or part in values.thousands for part in parts)
    return parts if known and len(parts) > 1 else []


def number_at(found: list[str], at: int, values: ValueWords) -> tuple[int, int]:
    """The whole number that begins at a token, and how many tokens it takes; 0 if none begins there."""
    total, at_now = 0, at
    value, used = _below_thousand(found, at_now, values)
    if not used and at < len(found) and found[at] in values.thousands:
        value = 1
    elif not used:
        return 0, 0
    at_now += used
    for names, size in ((values.millions, _MILLION), (values.thousands, _THOUSAND)):
        if at_now < len(found) and found[at_now] in names and value < _THOUSAND:
            total, at_now = total + value * size, at_now + 1
            begin = at_now + 1 if at_now < len(found) and found[at_now] in values.joins | {","} else at_now
            value, used = _below_thousand(found, begin, values)
            at_now = begin + used if used else at_now
    return total + value, at_now - at


def _below_thousand(found: list[str], at: int, values: ValueWords) -> tuple[int, int]:
    value, used = _below_hundred(found, at, values)
    after = at + used
    if after >= len(found) or found[after] not in values.hundreds:
        return value, used
    hundred = values.hundreds[found[after]]
    if used and hundred != _HUNDRED:
        return value, used
    total = value * hundred if used else hundred
    end = after + 1
    begin = end + 1 if end < len(found) and found[end] in values.joins else end
    rest, more = _below_hundred(found, begin, values)
    return (total + rest, begin + more - at) if more and rest else (total, end - at)


def _below_hundred(found: list[str], at: int, values: ValueWords) -> tuple[int, int]:
    size = longest_at(found, at, values.number_phrases)
    if size:
        return values.numbers[" ".join(found[at : at + size])], size
    if _figures_of_words(found, at, values):
        return int(found[at]), 1
    return 0, 0


def _figures_of_words(found: list[str], at: int, values: ValueWords) -> bool:
    """Whether figures begin a number that goes on in words: ``3 million``."""
    big = values.hundreds.keys() | values.thousands | values.millions
    goes_on = at + 1 < len(found) and found[at + 1] in big
    return goes_on and found[at].isdigit() and len(found[at]) <= _LONGEST_FIGURES


def digit_runs(text: str, values: ValueWords) -> list[list[str]]:
    """The runs of adjacent numbers, each as the digits of the parts it was said in.

    >>> digit_runs("forty two, seven one and 5", english)                               # doctest: +SKIP
    [["42", "7", "1"], ["5"]]
    """
    found = number_tokens(text, values)
    runs: list[list[str]] = []
    ended = -1
    for digits, begin, end in digit_places(found, values):
        if ended < 0 or not _JOINTS.issuperset(found[ended:begin]):
            runs.append([])
        runs[-1].append(digits)
        ended = end
    return runs


def digit_places(found: list[str], values: ValueWords) -> Iterator[tuple[str, int, int]]:
    """The numbers among tokens: the digits of each, the token at which it begins, and the one after it."""
    open_run, at = False, 0
    while at < len(found):
        digits, used = digits_at(found, at, values)
        if not used and found[at] in values.sounds:
            nearby = open_run or digits_at(found, at + 1, values)[1] > 0
            digits, used = (values.sounds[found[at]], 1) if nearby else ("", 0)
        if used:
            yield digits, at, at + used
        open_run = bool(used) or (open_run and found[at] in _JOINTS)
        at += used or 1


def digits_at(found: list[str], at: int, values: ValueWords) -> tuple[str, int]:
    """The digits of what begins at a token, and how many tokens it takes; 0 if it is no number."""
    if at >= len(found) or not (found[at] in values.number_beginnings or found[at].isdigit()):
        return "", 0
    times = values.times.get(found[at], 0)
    if times:
        again = at + 1 < len(found) and found[at + 1] in values.times  # "double double" repeats nothing
        digits, used = ("", 0) if again else digits_at(found, at + 1, values)
        return (digits[0] * times + digits[1:], used + 1) if used and len(digits) == 1 else ("", 0)
    if found[at].isdigit() and not _figures_of_words(found, at, values):
        return found[at], 1
    value, used = number_at(found, at, values)
    return (str(value), used) if used else ("", 0)


def read_number(text: str, values: ValueWords) -> Decimal | None:
    """The number that a caller names; None without one. The last one counts: people correct themselves."""
    written = [match[0] for match in _FIGURES.finditer(text.casefold())]
    found = number_tokens(text, values)
    before_numbers = (token for at, token in enumerate(found) if digits_at(found, at + 1, values)[1])
    negative = any(token in values.minus for token in before_numbers)  # not "moins de cinq"
    if written and not any(token in values.thousands | values.millions | values.point for token in found):
        value = _in_figures(written[-1], values)
        return -abs(value) if negative or value < 0 else value
    runs = [run for run in digit_runs(text, values) if run]
    if not runs:
        return None
    return _with_fraction(text, found, runs, negative=negative, values=values)


def _with_fraction(
    text: str, found: list[str], runs: list[list[str]], *, negative: bool, values: ValueWords
) -> Decimal:
    points = [at for at, token in enumerate(found) if token in values.point]
    if points:
        before = [part for run in digit_runs(" ".join(found[: points[-1]]), values) for part in run]
        after = [part for run in digit_runs(" ".join(found[points[-1] + 1 :]), values) for part in run]
        if after:
            value = Decimal(f"{''.join(before) or '0'}.{''.join(after)}")
            return -value if negative else value
    value = Decimal("".join(runs[-1]))
    if any(f" {half} " in f" {plain(text)} " for half in values.half):
        value += Decimal("0.5")
    return -value if negative else value


def _in_figures(text: str, values: ValueWords) -> Decimal:
    """``1.234,5`` or ``1,234.5``: what groups thousands and what separates decimals depends on the language."""
    bare = text.replace("−", "-").replace(" ", "").replace("'", "").replace("’", "")
    last = max(bare.rfind("."), bare.rfind(","))
    if last < 0:
        return Decimal(bare)
    sign, digits_after = bare[last], len(bare) - last - 1
    both = "." in bare and "," in bare
    groups = bare.count(sign) > 1 or (not both and digits_after == 3 and (sign == ".") == values.decimal_comma)  # noqa: PLR2004
    cleaned = re.sub(r"[.,]", "", bare) if groups else re.sub(r"[.,]", "", bare[:last]) + "." + bare[last + 1 :]
    return Decimal(cleaned)
