"""What a caller says that they do not want: it is left out before their words are understood as a value. Pure."""

import re
from collections.abc import Callable, Collection
from typing import Final

from orchestra.agents.capture.corrections import has_words, without_idioms
from orchestra.language.values import ValueWords, plain
from orchestra.language.values.tokens import longest_at, words_of

#: a full stop or comma within a number or an address ends no clause
_CLAUSE: Final = re.compile(r"[^\s,.;:!?…]+(?:[,.:][^\s,.;:!?…]+)*|\S")
_END: Final = re.compile(r"[,.;:!?…]")


def without_denied(text: str, values: ValueWords, names: Callable[[str], bool], *, number: bool = False) -> str:
    """The text without values that it denies: ``not on Monday, Tuesday`` is ``Tuesday``, ``el lunes no`` is nothing.

    Args:
        text: the caller's words.
        values: the tables of their language.
        names: whether words name a value.
        number: a value is a number: what also is a sign ("menos cinco") denies none.

    """
    denying = values.negations | (values.excepts - values.minus if number else values.excepts)
    known = without_idioms(text, values)
    found = _clauses(known)
    if not any(_denial(clause, denying)[1] for clause in found):
        return text
    kept: list[str] = []
    for clause in found:
        at, size = _denial(clause, denying)
        before, after = " ".join(clause[:at]), " ".join(clause[at + size :])
        if size and names(before):  # "Tuesday, not Monday"; or "el lunes no", which denies it
            kept += [before] if set(words_of(after)) - values.fillers else []
        elif size and names(after):
            kept += [before, _after_but(clause[at + size :], values)]
        else:
            kept.append(" ".join(clause))
    return ", ".join(filter(has_words, kept))


def _clauses(text: str) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for piece in _CLAUSE.findall(text):
        if _END.fullmatch(piece):
            found.append([])
        else:
            found[-1].append(piece)
    return found


def _denial(clause: list[str], denying: Collection[str]) -> tuple[int, int]:
    """Where a clause begins to deny, and with how many words; an answer alone ("no") denies nothing here."""
    words = [plain(word) for word in clause]
    for at in range(len(words)):
        size = longest_at(words, at, denying)
        if size and len(words) > size:
            return at, size
    return len(clause), 0


def _after_but(clause: list[str], values: ValueWords) -> str:
    """What a clause says in place of what it denies: ``nicht am Montag sondern am Dienstag``."""
    words = [plain(word) for word in clause]
    at = next((at for at, word in enumerate(words) if word in values.but), len(words))
    return " ".join(clause[at + 1 :])
