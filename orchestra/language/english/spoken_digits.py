"""Finds numbers in English as callers say them and as speech recognition writes them."""

import re

_TOKEN = re.compile(r"\d+|[a-z]+|[^\sa-z\d]")
_UNITS = {
    "zero": 0, "nought": 0, "null": 0, "oh": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90,
}  # fmt: skip
_TIMES = {"double": 2, "triple": 3}
#: words that recognition writes for a digit; only believed next to a number
_HOMOPHONES = {"o": "0", "to": "2", "too": "2", "for": "4", "fore": "4", "won": "1", "ate": "8", "tree": "3", "a": "8"}
_JOINTS = frozenset(",-./")
_NUMBER_WORDS = frozenset({*_UNITS, *_TENS, *_TIMES, "hundred", "thousand"})
_TEN, _HUNDRED, _LONG = 10, 100, 3


def digit_runs(text: str) -> list[str]:
    """Every number in a text as its digits, in order: ``four two 71 and 8-3-1-6`` → ``4271``, ``8316``.

    Numbers next to each other are one run, however they are grouped: ``42 71``, ``4,271``, ``forty two seventy one``,
    ``four thousand two hundred and seventy one`` are all ``4271``; ``double five oh two`` is ``5502``.
    """
    return ["".join(parts) for parts in _runs(text, loose=False)]


def digits_of_length(text: str, length: int | None) -> str | None:
    """The first number with that many digits (any, if None).

    A longer run counts if one of its parts fits; at last, words that sound like digits are taken for them
    (``for two seven one``).
    """
    runs = _runs(text, loose=False)
    if length is None:
        return "".join(runs[0]) if runs else None
    whole = ["".join(parts) for parts in runs]
    parts = [part for parts in runs for part in parts]
    loose = ["".join(parts) for parts in _runs(text, loose=True)]
    return next((digits for digits in (*whole, *parts, *loose) if len(digits) == length), None)


def without_numbers(text: str) -> str:
    """The text with every number taken out, and the word "number" at its end if one had three digits or more."""
    kept = [word for word in re.findall(r"[a-z']+", text.lower()) if word not in _NUMBER_WORDS]
    return " ".join([*kept, "number"] if any(len(run) >= _LONG for run in digit_runs(text)) else kept)


def _runs(text: str, *, loose: bool) -> list[list[str]]:
    """The runs of adjacent numbers, each as the parts it was said in; loose: words like "for" may begin or end one."""
    tokens = _TOKEN.findall(text.lower())
    runs: list[list[str]] = []
    in_run = False
    index = 0
    while index < len(tokens):
        part, used = _number_at(tokens, index)
        if not used and tokens[index] in _HOMOPHONES:
            before, after = in_run, index + 1 < len(tokens) and _number_at(tokens, index + 1)[1] > 0
            if (before and after) or (loose and (before or after)):
                part, used = _HOMOPHONES[tokens[index]], 1
        if used:
            if not in_run:
                runs.append([])
            runs[-1].append(part)
        in_run = bool(used) or (in_run and tokens[index] in _JOINTS)
        index += used or 1
    return runs


def _number_at(tokens: list[str], index: int) -> tuple[str, int]:
    """The digits of the number that begins at a token, and how many tokens it takes; 0 if none begins there."""
    token = tokens[index]
    if token.isdigit():
        return token, 1
    if token in _TIMES and index + 1 < len(tokens):
        digits, used = _number_at(tokens, index + 1)
        return (digits * _TIMES[token], used + 1) if used and len(digits) == 1 else ("", 0)
    value, used = _below_hundred(tokens, index)
    if not used:
        return "", 0
    total, end, big = 0, index + used, False
    for word, factor in (("thousand", _HUNDRED * _TEN), ("hundred", _HUNDRED)):
        if end < len(tokens) and tokens[end] == word:
            total, end, big = total + value * factor, end + 1, True
            begin = end + 1 if end < len(tokens) and tokens[end] == "and" else end
            value, more = _below_hundred(tokens, begin)
            end = begin + more if more else end
    return (str(total + value) if big else str(value)), end - index


def _below_hundred(tokens: list[str], index: int) -> tuple[int, int]:
    """``forty two`` → 42 in two tokens (three if hyphenated), ``seven`` → 7 in one; (0, 0) if no number is there."""
    if index >= len(tokens):
        return 0, 0
    token = tokens[index]
    if token in _UNITS:
        return _UNITS[token], 1
    if token not in _TENS:
        return 0, 0
    unit = index + 2 if tokens[index + 1 : index + 2] == ["-"] else index + 1
    if unit < len(tokens) and 0 < _UNITS.get(tokens[unit], 0) < _TEN:
        return _TENS[token] + _UNITS[tokens[unit]], unit + 1 - index
    return _TENS[token], 1
