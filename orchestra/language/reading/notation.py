"""Numbers as they are written: which digits are thousands, which are decimals, and where that cannot be told."""

import re
from typing import Final, NamedTuple

_SPACE: Final = " \u00a0\u202f"
#: 1.234,50 · 1,234.50 · 1 234,50 · 1'234.50 · 1234
NUMBER: Final = rf"(?:[0-9]{{1,3}}(?:[{_SPACE}][0-9]{{3}})+(?![0-9])(?:,[0-9]+)?|[0-9]+(?:[.,'’][0-9]+)*)"
#: a number does not begin or end inside another one, a word, a date or a version
BEFORE: Final = r"(?<![\w.,:/'’$£€¥₹-])(?<![\w.,:/][-–])(?<![$£€¥₹][ \u00a0])"
AFTER: Final = r"(?!\w|[.,:/'’][0-9]|[-–][0-9\w])"
#: day, month and year in whichever order, or the beginning of a range of dates; not a telephone number
DATE: Final = re.compile(
    r"(?<![0-9])[0-3]?[0-9](?:([./-])[0-3]?[0-9]\1(?:19|20)[0-9]{2}(?![0-9])|([./])[0-3]?[0-9]\2[0-9]{2}-[0-9]{2}\2)"
)
#: with a space behind it, what stands near other figures is a dash: 5 kg - 10 kg
MINUS: Final = r"(?P<minus>[-–−](?=\S)|" + "".join(rf"(?<![0-9].{{{n}}})" for n in range(1, 6)) + r"[-–−]\s)?"
_GROUPS: Final = re.compile(rf"[{_SPACE}'’]")
_BY_POINTS: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{3})+)(?:,([0-9]+))?")
_BY_COMMAS: Final = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]+))?")
_COMMA: Final = re.compile(r"([0-9]+),([0-9]+)")
_POINT: Final = re.compile(r"([0-9]+)\.([0-9]{1,2})")
_THOUSAND: Final = 3
#: longer ones are names, not amounts
_MOST_DIGITS: Final = 15


class Number(NamedTuple):
    """A number: ``12,50`` is ``Number(12, "50")``."""

    whole: int
    decimals: str = ""

    @property
    def is_one(self) -> bool:
        """Whether it is exactly one."""
        return self.whole == 1 and not self.decimals.strip("0")


class Notation(NamedTuple):
    """How a language groups digits.

    Attributes:
        point_groups: ``1.234`` is more than a thousand.
        comma_groups: ``1,234`` is more than a thousand. If both are False, either is left to the engine; a single
            comma before one, two or more than three digits is a decimal comma in any case.
        comma_decimals: ``1,234`` is a little more than one.

    """

    point_groups: bool = True
    comma_groups: bool = False
    comma_decimals: bool = True

    def parse(self, written: str) -> Number | None:
        """The number; None if the same figures mean another number elsewhere."""
        compact = _GROUPS.sub("", written)
        if compact.isdigit():
            return _number(compact, "")
        if found := _BY_POINTS.fullmatch(compact):
            sure = self.point_groups or found[2] or compact.count(".") > 1
            return _number(found[1].replace(".", ""), found[2] or "") if sure else None
        found = _BY_COMMAS.fullmatch(compact)
        if found and (found[2] or compact.count(",") > 1 or self.comma_groups):
            return _number(found[1].replace(",", ""), found[2] or "")
        if found := _COMMA.fullmatch(compact):
            sure = self.comma_decimals or len(found[2]) != _THOUSAND or found[1] == "0"
            return _number(found[1], found[2]) if sure else None
        found = _POINT.fullmatch(compact)
        return _number(found[1], found[2]) if found else None


def _number(whole: str, decimals: str) -> Number | None:
    if len(whole) > _MOST_DIGITS or (len(whole) > 1 and whole.startswith("0")):
        return None
    return Number(int(whole), decimals)
