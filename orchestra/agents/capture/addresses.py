"""Postal addresses as callers say them: house numbers and postcodes in figures. Pure."""

import re
from typing import Final

from orchestra.language.values import ValueWords, digit_runs, plain
from orchestra.language.values.numbers import digits_at
from orchestra.language.values.tokens import has_phrase, longest_at

_WORD: Final = re.compile(r"[A-Za-z]{1,3}\d\w*|\d+[A-Za-z]\w*|\d+|[^\W\d_]+(?:['’][^\W\d_]+)?|,|-|/")
#: how postcodes are written: British, Dutch, Portuguese, Canadian, and those of four or five figures
_POSTCODES: Final = (
    re.compile(r"\b([A-Z]{1,2}\d[A-Z\d]?) ?(\d[A-Z]{2})\b"),
    re.compile(r"\b(\d{4}) ?([A-Z]{2})\b"),
    re.compile(r"\b(\d{4})-(\d{3})\b"),
    re.compile(r"\b([A-Z]\d[A-Z]) ?(\d[A-Z]\d)\b"),
    re.compile(r"\b(\d{5})(?:-(\d{4}))?\b"),
    re.compile(r"\b(\d{4})\b"),
)
_CODE: Final = 4


def read_address(text: str, values: ValueWords) -> str:
    """The address in one line; empty if it has no number or no street."""
    if has_phrase(text, values.unwilling):
        return ""
    written = _written(text, values)
    return written if re.search(r"\d", written) and re.search(r"[^\W\d_]{3}", written) else ""


def _written(text: str, values: ValueWords) -> str:
    """The text with its numbers in figures, and the letters and figures of a code joined."""
    pieces = _WORD.findall(text)
    begin = _begin(pieces, values)
    pieces = pieces[begin:]
    found = [plain(piece) or piece for piece in pieces]
    out: list[str] = []
    at = 0
    while at < len(found):
        digits, used = _number(found, at, values)
        if used:
            joins = bool(out) and out[-1].isdigit() and found[at - 1] != ","
            if joins and len(digits) <= 2 and at:  # noqa: PLR2004 - digit by digit, or in pairs
                out[-1] += digits
            else:
                out.append(digits)
            at += used
            continue
        piece = pieces[at]
        known = values.letters.get(found[at], "") if out and (len(out[-1]) <= _CODE and out[-1][-1:].isdigit()) else ""
        if len(piece) > 1 and not piece.isdigit() and any(map(str.isdigit, piece)):
            out.append(piece.upper())  # 221b, SW1A
            at += 1
            continue
        single = len(piece) == 1 and piece.isalpha()
        out.append((known or piece).upper() if single or known else piece)
        at += 1
    return _punctuated(_joined(out))


def _number(found: list[str], at: int, values: ValueWords) -> tuple[str, int]:
    if longest_at(found, at, values.ordinals.keys()) > digits_at(found, at, values)[1]:
        return "", 0
    return digits_at(found, at, values)


def _begin(pieces: list[str], values: ValueWords) -> int:
    """Where the address begins: after "I live at", "it is"."""
    words = [(word, at) for at, piece in enumerate(pieces) for word in (plain(piece) or piece).split()]  # j'habite
    found = [word for word, _ in words]
    begin = 0
    for at in range(len(found)):
        if digit_runs(found[at], values):
            break
        size = longest_at(found, at, values.introduces.union(values.at))
        begin = words[at + size - 1][1] + 1 if size else begin
    found = [plain(piece) or piece for piece in pieces]
    while begin < len(found) and (found[begin] in values.fillers or found[begin] == ","):
        begin += 1
    return begin


def _joined(pieces: list[str]) -> str:
    """Codes in one: ``S W 1 A 1 A A`` → ``SW1A1AA``."""
    text = ""
    for at, piece in enumerate(pieces):
        before = pieces[at - 1] if at else ""
        codes = _is_code(before) and _is_code(piece) and (len(before) == 1 or len(piece) == 1 or before.isdigit())
        joins = codes and not (before.isdigit() and piece.isdigit())
        text += piece if not text or joins or piece in {",", "-", "/"} or before in {"-", "/"} else f" {piece}"
    return text


def _is_code(piece: str) -> bool:
    return piece.isdigit() or (len(piece) <= 2 and piece.isalpha() and piece.isupper())  # noqa: PLR2004


def _punctuated(text: str) -> str:
    """With the postcode as it is written, and capitals where speech recognition leaves them out."""
    if not re.search(r"[A-Z][a-z]|[^\W\d_a-z]{4}", text):
        text = re.sub(r"(?<![\w'])[^\W\d_](?=\w)", lambda found: found[0].upper(), text)
    for form in _POSTCODES[:4]:
        text = form.sub(lambda found: f"{found[1]}{'-' if '-' in found[0] else ' '}{found[2]}", text)
    return re.sub(r"\s+,", ",", text).strip(" ,")


def postcode_of(address: str) -> str:
    """The postcode of an address; empty without one."""
    for form in _POSTCODES:
        if found := list(form.finditer(address)):
            return found[-1][0]
    return ""


def say_address(value: str) -> str:
    """The address with its postcode sign by sign."""
    code = postcode_of(value)
    if not code or (code == value.split(maxsplit=1)[0] and not code.isalpha()):
        return value
    said = ", ".join(" ".join(part) for part in re.split(r"[ -]", code))
    before, _, after = value.rpartition(code)
    return f"{before}{said}{after}"


def correct_address(value: str, text: str, values: ValueWords) -> str:
    """The address with another house number, another postcode, or said anew; empty if it is not clear."""
    bare = _written(text, values)
    if len(re.findall(r"[^\W\d_]{3,}", read_address(text, values))) >= 2 and re.search(r"\d", bare):  # noqa: PLR2004
        return bare
    code, old = postcode_of(bare), postcode_of(value)
    if code and old and len(code) >= _CODE:
        return value.replace(old, code)
    if code and not old and len(code) > _CODE:
        return f"{value}, {code}"
    house = re.search(r"\d+[A-Z]?\b", bare)
    first = re.search(r"\d+[A-Z]?\b", value)
    if house and first and len(house[0]) < _CODE:
        return value[: first.start()] + house[0] + value[first.end() :]
    return ""
