"""What Swift Parcel wants to know of a call that is over."""

from typing import Annotated

import msgspec

from orchestra.agents.after import After, Judge
from orchestra.history.call import CallHistory


class Concern(msgspec.Struct, frozen=True):
    """Why the caller rang."""

    parcel: Annotated[str, msgspec.Meta(description="the number of the parcel, digits only")] = ""
    wish: Annotated[str, msgspec.Meta(description="what the caller wanted, in a few words")] = ""


def was_answered(history: CallHistory) -> bool | str:
    """Whether the caller's last words were answered, and no turn failed."""
    spoken = [turn for turn in history.turns if turn.ended is not None and not turn.discarded]
    failed = [turn.number for turn in spoken if turn.failed]
    if failed:
        return f"turn {failed[0]} failed"
    return True if spoken and spoken[-1].reply else "the caller's last words were not answered"


def looks_up(history: CallHistory) -> bool | str | None:
    """Whether what was looked up was found; None if nothing was."""
    done = [step.completed for turn in history.turns for step in turn.tools if step.completed is not None]
    broken = [tool.name for tool in done if tool.failed]
    if not done:
        return None
    return f"{broken[0]} failed" if broken else True


after = After(
    summary=True,
    extract=Concern,
    judges=(
        Judge("tools", looks_up),
        Judge("no_promises", "The agents never promise money back, or anything that no tool has confirmed."),
    ),
    success=was_answered,
)
