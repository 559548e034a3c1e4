"""Spelled names and e-mail addresses, as callers say them and as speech recognition writes them."""

import re
from typing import Final

from orchestra.language.values.alike import sounds_alike
from orchestra.language.values.numbers import digits_at, number_tokens
from orchestra.language.values.port import ValueWords, listed
from orchestra.language.values.tokens import longest_at, plain, tokens

#: the spelling alphabets of ICAO, DIN 5009 and of telephone operators in the seven languages, where they agree
_ALPHABET: Final = {
    word: word[0]
    for word in [
        "alpha",
        "alfa",
        "bravo",
        "charlie",
        "delta",
        "echo",
        "foxtrot",
        "golf",
        "hotel",
        "india",
        "juliet",
        "juliett",
        "kilo",
        "lima",
        "mike",
        "november",
        "oscar",
        "papa",
        "quebec",
        "romeo",
        "sierra",
        "tango",
        "uniform",
        "victor",
        "whiskey",
        "whisky",
        "xray",
        "yankee",
        "zulu",
    ]
}
#: stand before a last name, in small letters unless recognition knows better
_PARTICLES: Final = listed("""
de, del, della, dello, di, da, do, dos, das, van, von, zu, zum, zur, der, den, ten, ter, het, la, las, los, le, el, du,
des, y, e
""")
_EMAIL: Final = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_VALID: Final = re.compile(r"[a-z0-9](?:[a-z0-9._+%-]*[a-z0-9_])?@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}")
#: how recognition writes common providers
_PROVIDERS: Final = {
    "g mail": "gmail", "gee mail": "gmail", "google mail": "googlemail", "hot mail": "hotmail", "out look": "outlook",
    "i cloud": "icloud", "proton mail": "protonmail", "g m x": "gmx", "a o l": "aol", "web de": "web.de",
}  # fmt: skip
_TOP: Final = {"c o m": "com", "o r g": "org", "n e t": "net", "d e": "de", "f r": "fr", "e s": "es", "i t": "it"}
_SHORT_FORMS: Final = _PROVIDERS | _TOP
_SPELLED_FROM: Final = 2
_HYPHEN: Final = re.compile(r"(?<=\w)-(?=\w)")


def spelled_out(text: str, values: ValueWords) -> str:
    """The letters and digits that a caller spells in a text, joined; empty if they spell nothing."""
    runs = _spelled_runs(text, values)
    return max(runs, key=len, default="")


def _spelled_runs(text: str, values: ValueWords) -> list[str]:
    found = [token for token in tokens(text) if token not in {"-", ".", ",", "–", "…"}]
    runs, run, at = [], "", 0
    while at < len(found):
        letter, used = letter_at(found, at, values)
        run += letter
        if (not used or at + used >= len(found)) and run:
            runs.append(run)
            run = ""
        at += used or 1
    return [each for each in runs if len(each) >= _SPELLED_FROM]


def letter_at(found: list[str], at: int, values: ValueWords) -> tuple[str, int]:
    """The letter that begins at a token, and how many tokens it takes: ``m as in mike`` → m in four."""
    if at >= len(found):
        return "", 0
    times = values.times.get(found[at], 0)
    if times:
        again = at + 1 < len(found) and found[at + 1] in values.times  # "double double" repeats nothing
        letter, used = ("", 0) if again else letter_at(found, at + 1, values)
        return (letter * times, used + 1) if used else ("", 0)
    token = found[at]
    letter = token if len(token) == 1 and token.isalpha() else values.letters.get(token, "")
    if not letter:
        return (_ALPHABET[token], 1) if token in _ALPHABET else ("", 0)
    size = longest_at(found, at + 1, values.as_in)
    explained = at + 1 + size < len(found) and found[at + 1 + size].startswith(letter)
    return letter, 1 + size + 1 if size and explained and len(found[at + 1 + size]) > 1 else 1


def read_name(text: str, values: ValueWords) -> str:
    """The name that a caller gives, in title case; what they spell counts more than what was heard. Empty: none."""
    words = [word for word in re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text) if word]
    words = _after_introduction(words, values)
    spelled = _spelled_runs(" ".join(words), values)
    kept = _without_fillers(words, values)
    whole = _without_spelling(kept, values)
    if not spelled:
        return " ".join(_titled(word) for word in whole)
    names = [_titled(run) for run in spelled]
    rest = [word for word in whole if not any(sounds_alike(plain(word), run) for run in spelled)]
    if len(rest) == len(whole) and len(whole) > len(names):  # nothing sounds alike: the spelling is of the last name
        rest = whole[: len(whole) - len(names)]
    return " ".join([*(_titled(word) for word in rest), *names])


def _without_fillers(words: list[str], values: ValueWords) -> list[str]:
    """The words of a name; particles in its middle are of it: ``Anna de Vries``, but not ``sou a Ana``."""
    fillers = [plain(word) in values.fillers for word in words]
    last = max((at for at, filler in enumerate(fillers) if not filler), default=-1)
    kept: list[str] = []
    for at, word in enumerate(words):
        if not fillers[at] or (kept and at < last and plain(word) in _PARTICLES):
            kept.append(word)
    return kept


def _without_spelling(words: list[str], values: ValueWords) -> list[str]:
    """The words that are not spelled letters, nor explain one."""
    found = [plain(word) for word in words]
    kept, at = [], 0
    while at < len(found):
        parts = found[at].split()
        if len(parts) > 1 and all(len(part) == 1 for part in parts):  # S-M-I-T-H
            at += 1
            continue
        _, used = letter_at(found, at, values)
        if not used:
            kept.append(words[at])
        at += used or 1
    return kept


def _after_introduction(words: list[str], values: ValueWords) -> list[str]:
    """What comes after the last "is" and the like."""
    found = [plain(word) for word in words]
    begin = 0
    for at in range(len(found)):
        size = longest_at(found, at, values.introduces)
        spelled = size == 1 and len(found[at]) == 1 and at > 0 and len(found[at - 1]) == 1  # F E R R A R I
        begin = at + size if size and not spelled and at + size < len(found) else begin
    return words[begin:]


def _titled(word: str) -> str:
    if word in _PARTICLES:
        return word
    if word != word.lower() and word != word.upper():
        return word  # recognition knows it
    return re.sub(r"[^\W\d_]+", lambda part: part[0].capitalize(), word)


def read_email(text: str, values: ValueWords) -> str:
    """The e-mail address that a caller gives, in lower case; empty if there is none that can be right."""
    if (written := _EMAIL.search(text)) and _VALID.fullmatch(written[0].lower()):
        return written[0].lower()
    local, at, domain = address_parts(text, values).rpartition("@")
    whole = f"{local}@{domain.strip('.-_')}"
    return whole if at and _VALID.fullmatch(whole) else ""


def address_parts(text: str, values: ValueWords) -> str:
    """The parts of an address as they were said, with its signs; also of less than a whole address: ``.org``."""
    found = number_tokens(_HYPHEN.sub(" - ", text), values)
    written: list[str] = []
    at, begin = 0, 0
    while at < len(found):
        introduced = _introduced(found, at, written, values)
        piece, used = ("", 0) if introduced else _piece_at(found, at, values)
        if piece == "@" and "@" in written[begin:] and written[-1] == ".":
            piece = found[at]  # the ending of Austria, not the sign again
        if introduced:
            begin, used = len(written), introduced  # what was said before it is no part of the address
        elif (
            not used
            and len(written) == begin
            and found[at] in values.fillers
            and not _piece_at(found, at + 1, values)[1]
        ):
            used = 1
        elif not used:
            piece, used = (found[at] if found[at].isalnum() else ""), 1
        if piece:
            written.append(piece)
        at += used
    return "".join(written[begin:]).rstrip(".")


def _introduced(found: list[str], at: int, written: list[str], values: ValueWords) -> int:
    """How many tokens the words take that introduce an address; 0 if they are a part of it, as ``es`` in ``.es``."""
    size = longest_at(found, at, values.introduces)
    if not size or "@" in written or (written and written[-1] in values.signs.values()):
        return 0
    spelled = size == 1 and len(found[at]) == 1 and any(len(each) == 1 for each in found[max(0, at - 1) : at + 2 : 2])
    return 0 if spelled or (at + size < len(found) and found[at + size] in values.at) else size


def _piece_at(found: list[str], at: int, values: ValueWords) -> tuple[str, int]:
    """A sign, a provider, a letter or a number of an address that begins at a token."""
    if at >= len(found):
        return "", 0
    named = {**values.signs, **({} if at and found[at - 1] == "-" else _SHORT_FORMS), **dict.fromkeys(values.at, "@")}
    if size := longest_at(found, at, named.keys()):
        return named[" ".join(found[at : at + size])], size
    if found[at] in "@._-+":
        after = found[at + 1] if at + 1 < len(found) else ""
        spells = at > 0 and len(found[at - 1]) == 1 and (len(after) <= 1 or after in values.at)  # J. O. E. at
        return ("" if spells and found[at] in ".-" else found[at]), 1
    digits, used = digits_at(found, at, values)
    return (digits, used) if used else letter_at(found, at, values)
