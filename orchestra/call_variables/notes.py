"""What is known of a call, as notes for agents: a line each, quoted as data."""

import re
from collections.abc import Mapping
from typing import Final

from orchestra.quotation import quoted

#: the beginning of the list
HEAD: Final = "Given with this call:"
_LONGEST: Final = 160
_LINE: Final = re.compile(r'^(- [^":\n]+: )"[^"\n]*"$', re.MULTILINE)


def as_notes(variables: Mapping[str, str]) -> str:
    """What was known of the call when it was placed or arrived; empty if nothing was."""
    lines = [f"- {name}: {quoted(value, _LONGEST)}" for name, value in variables.items()]
    return "\n".join([HEAD, *lines]) if lines else ""


def without_values(text: str, instead: str) -> str:
    """The text with something instead of each value in such notes; the same text if it has none."""
    before, head, notes = text.partition(HEAD)
    return before + head + _LINE.sub(rf"\1{instead}", notes)
