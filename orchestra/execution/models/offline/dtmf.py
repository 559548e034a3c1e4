"""Digits by the telephone's keys: when callers want to key a number in, and how it is used."""

import re
from typing import Final

from orchestra.execution.models.offline import dialogue_acts, slot_filling
from orchestra.execution.models.offline.actions import KEYPAD, Action, Call, Situation
from orchestra.execution.models.offline.slots import slots_of

_WANTS: Final = re.compile(r"\b(?:type|key|enter|press|punch|tap)(?:(?: \w+){0,3} in| it| the| my)\b|\bkey ?pad\b")
_QUESTION: Final = "Please key in the number on your telephone, then press the hash key."


def ask(situation: Situation) -> Action | None:
    """Let the caller key a number in, if they want to and a tool for it is offered."""
    if not situation.has(KEYPAD) or not _WANTS.search(dialogue_acts.plain(situation.said)):
        return None
    waiting = slot_filling.pending(situation)
    wanted = [waiting.slot] if waiting is not None else [slot for tool in situation.own for slot in slots_of(tool)]
    length = next((slot.length for slot in wanted if slot.kind == "digits" and slot.length), 0)
    return Call(KEYPAD, {"question": _QUESTION, "length": length})


def resume(situation: Situation) -> Action | None:
    """Use the digits for the tool that waits for them, as if the caller had said them; None if there are none."""
    if not situation.said.isdecimal():
        return None
    waiting = slot_filling.pending(situation)
    resumed = None if waiting is None else slot_filling.resume(situation, waiting)
    return resumed or slot_filling.start_with(situation)
