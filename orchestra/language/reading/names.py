"""Numbers that name things, and addresses: telephones, orders, rooms and accounts are said digit by digit."""
# ruff: noqa: E501 - tables and patterns have one entry a line

import re
from typing import Final

from orchestra.language.reading.applying import Reading
from orchestra.language.reading.notation import DATE
from orchestra.language.reading.numerals import Numerals
from orchestra.language.reading.rules import Rules

_TELEPHONE_DIGITS: Final = 7
_LONG: Final = 4
#: a longer address is read without its query: nobody can write that down
_LONGEST_ADDRESS: Final = 80
_THOUSANDS: Final = re.compile(r"[1-9][0-9]{0,2}(?:[ \u00a0\u202f][0-9]{3})+")
_DOMAINS: Final = "com|org|net|info|eu|app|io|dev"


class Names:
    """Reads addresses, telephone numbers and codes out."""

    def __init__(self, rules: Rules, numerals: Numerals) -> None:
        self._rules = rules
        self._numerals = numerals
        self._counted = rules.amount_behind()
        self._calling = re.compile(rf"\b(?:{rules.calling})", re.IGNORECASE)

    def addresses(self) -> list[Reading]:
        """E-mail and web addresses; before anything that reads figures or points."""
        tail = r"(?:[^\s\"'<>]*[^\s\"'<>.,;:!?)\]])?"
        host = r"(?:[a-zA-Z0-9-]{1,63}\.)+"
        return [
            Reading(frozenset("@"), re.compile(r"(?<![\w.+-])([\w.+-]{1,64})@([\w-]{1,63}(?:\.[\w-]{1,63}){1,5})"), self._say_mail),
            Reading(frozenset("."), re.compile(rf"(?<![@\w.-])(?P<host>{host}[a-zA-Z]{{2,}}(?=/)|www\.{host}[a-zA-Z]{{2,}}|{host}(?:{_DOMAINS})(?!\w|\.\w))(?P<path>/{tail})?"), self._say_web),
        ]  # fmt: skip

    def codes(self) -> list[Reading]:
        """Telephone numbers, accounts, and numbers behind a word that makes them names."""
        naming = self._rules.naming
        keys = r"(?P<keys>\*[0-9][0-9*#]*|#[0-9][0-9*]*#)(?!\w)"
        return [
            Reading(frozenset("*#"), re.compile(rf"(?<![\w*#]){keys}"), self._say_keys),
            Reading(frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), re.compile(r"(?<![\w-])(?:[A-Z]{2}[0-9]{2}(?: [A-Z0-9]{4}){2,}(?: [A-Z0-9]{1,4})?|[A-Z]{1,3}(?:-[0-9]{3,})+(?:-[A-Z]{1,3})?)(?![\w-])"), self._say_code),
            Reading(frozenset(), re.compile(r"(?<![\w.,:/+–−-])\(?\+?\(?[0-9](?:[0-9]|[() \u00a0/.-](?=[0-9( ])){5,24}(?<=[0-9])(?![\w/:]|[.,–-][0-9])"), self._say_telephone),
            Reading(frozenset(), re.compile(rf"(?P<name>\b(?:{naming})(?:\s(?:[A-Z]{{1,3}})(?=\s))?:?\s)(?P<number>[0-9]{{3,}}(?:[- ][0-9]{{3,}})*)(?!\w|[.,:/-][0-9]|\s?[€%])", re.IGNORECASE), self._say_named),
            Reading(frozenset(), re.compile(r"(?<![\w.,:/–−-])(?:[1-9][0-9]{2}|116[0-9]{3})(?!\w|[.,:/-]\w)"), self._say_service),
        ]  # fmt: skip

    def _punctuation(self, written: str) -> str:
        """The punctuation of an address as words, its longer numbers digit by digit."""
        said = re.sub(r"[._/?=&+#%~:-]", lambda mark: f" {self._rules.marks[mark[0]]} ", written)
        said = re.sub(rf"[0-9]{{{_LONG},}}", lambda number: self._numerals.digits(number[0]), said)
        return re.sub(r" {2,}", " ", said).strip()

    def _say_mail(self, found: re.Match[str]) -> str:
        return f"{self._punctuation(found[1])} {self._rules.marks['@']} {self._punctuation(found[2])}"

    def _say_web(self, found: re.Match[str]) -> str:
        path, _, query = (found["path"] or "").partition("?")
        if query and len(found[0]) <= _LONGEST_ADDRESS:
            path = f"{path}?{query}"
        return f"{self._punctuation(found['host'])} {self._punctuation(path.rstrip('/'))}".rstrip()

    def _say_keys(self, found: re.Match[str]) -> str:
        star, hash_ = self._rules.keys
        return " ".join({"*": star, "#": hash_}.get(key) or self._numerals.digits(key) for key in found["keys"])

    def _say_code(self, found: re.Match[str]) -> str:
        groups = re.findall(r"[A-Z]+|[0-9]+", found[0])
        said = [self._numerals.digits(group) if group.isdigit() else group for group in groups]
        if re.match(r"[A-Z]{2}[0-9]", found[0]):  # country and check digits of a bank account belong together
            said[:2] = [f"{said[0]} {said[1]}"]
        return ", ".join(said)

    def _say_telephone(self, found: re.Match[str]) -> str:
        written = found[0]
        groups = re.findall("[0-9]+", written)
        if not self._is_telephone(found, groups):
            return written
        plus = f"{self._rules.plus} " if "+" in written else ""
        return plus + ", ".join(self._numerals.digits(group) for group in groups)

    def _is_telephone(self, found: re.Match[str], groups: list[str]) -> bool:
        """At least seven digits in groups; not dates, thousands, years, opening hours or a run of single digits."""
        written, digits = found[0], sum(map(len, groups))
        if "+" not in written and DATE.search(written):
            return False
        if digits < _TELEPHONE_DIGITS or len(groups) == 1 or max(map(len, groups)) == 1:
            return "+" in written and digits >= _TELEPHONE_DIGITS
        if "+" in written or written.startswith("0"):
            return True
        if (
            "." in written
            or "/" in written
            or re.fullmatch(r"[0-9]{1,2}-[0-9]{1,2}(?: [0-9]{1,2}-[0-9]{1,2})+", written)
        ):
            return False
        is_amount = groups[-1] == "000" or self._counted.match(found.string, found.end())
        return not (_THOUSANDS.fullmatch(written) and is_amount)

    def _say_named(self, found: re.Match[str]) -> str:
        groups = re.findall("[0-9]+", found["number"])
        return found["name"] + ", ".join(self._numerals.digits(group) for group in groups)

    def _say_service(self, found: re.Match[str]) -> str:
        """``112`` if the sentence says to call it."""
        if self._counted.match(found.string, found.end()) or not self._calling.search(found.string, 0, found.start()):
            return found[0]
        return self._numerals.digits(found[0])
