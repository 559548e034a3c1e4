"""Digits by the telephone's keys: when the caller wants to key a number in, and what is done with it."""

import re
from typing import Final

from orchestra.execution.models.offline import dialogue_acts, slot_filling
from orchestra.execution.models.offline.actions import KEYPAD, Call, Move, View
from orchestra.execution.models.offline.slots import slots_of

_WANTS: Final = re.compile(r"\b(?:type|key|enter|press|punch|tap)(?:(?: \w+){0,3} in| it| the| my)\b|\bkey ?pad\b")
_QUESTION: Final = "Please key in the number on your telephone, then press the hash key."


def ask(view: View) -> Move | None:
    """Have the caller key a number in, if they want to and it can be done."""
    if not view.has(KEYPAD) or not _WANTS.search(dialogue_acts.plain(view.said)):
        return None
    waiting = slot_filling.pending(view)
    wanted = [waiting.slot] if waiting is not None else [slot for tool in view.own for slot in slots_of(tool)]
    length = next((slot.length for slot in wanted if slot.kind == "digits" and slot.length), 0)
    return Call(KEYPAD, {"question": _QUESTION, "length": length})


def go_on(view: View) -> Move | None:
    """Use the digits for the tool that waits for them, as if the caller had said them; None if they are none."""
    if not view.said.isdecimal():
        return None
    waiting = slot_filling.pending(view)
    return (slot_filling.go_on(view, waiting) if waiting is not None else None) or slot_filling.start_with(view)
