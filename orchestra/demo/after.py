"""What Swift Parcel wants to know of a call that is over, in the words of a language."""

from typing import Annotated, Any

import msgspec

from orchestra.agents.after import After, Judge
from orchestra.demo.texts import Texts
from orchestra.history.call import CallHistory


def after_in(texts: Texts) -> After:
    """What is asked in these words; the names of values and judges are the same in every language."""
    fields: list[tuple[str, Any, str]] = [
        ("parcel", Annotated[str, msgspec.Meta(description=texts.concern_parcel)], ""),
        ("wish", Annotated[str, msgspec.Meta(description=texts.concern_wish)], ""),
    ]
    concern = msgspec.defstruct("Concern", fields, frozen=True, namespace={"__doc__": texts.concern})
    return After(
        summary=True,
        extract=concern,
        judges=(Judge("tools", looks_up), Judge("no_promises", texts.promises_nothing)),
        success=was_answered,
    )


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
