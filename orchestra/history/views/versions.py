"""What answered a call: package, app and model, by the turn from which they did."""

from collections.abc import Iterator
from typing import Any

import msgspec

from orchestra.history.views.dialogue import Dialogue


class Answering(msgspec.Struct, frozen=True, kw_only=True):
    """From this turn on, this version (package and app), model and parameters answered; empty if unknown."""

    from_turn: int
    version: str
    model: str
    parameters: dict[str, Any]


def versions(dialogue: Dialogue) -> Iterator[Answering]:
    """What answered first, and each change during the call."""
    before: tuple[str, str, dict[str, Any]] = "", "", {}
    for turn in dialogue.turns:
        version, model, parameters = before
        now = turn.version or version, turn.model or model, turn.parameters if turn.model else parameters
        if now != before and (now[0] or now[1]):
            yield Answering(from_turn=turn.number, version=now[0], model=now[1], parameters=now[2])
        before = now
