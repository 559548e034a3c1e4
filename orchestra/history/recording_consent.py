"""Whether a call's audio is kept, by what its caller has said to that."""

from typing import Final

from orchestra_schemas import ConsentGiven, ConsentRefused

_WHY_NOT: Final = {
    "off": "recording is turned off",
    "asked": "the caller did not say whether they agree",
    "refused": "the caller did not agree",
}


def recording_after(before: str, event: ConsentGiven | ConsentRefused) -> str:
    """The recording mode after this event: a refusal is final, and what is turned off remains so.

    >>> from orchestra_schemas import ConsentGiven, ConsentRefused
    >>> recording_after("asked", ConsentGiven(call="07-1")), recording_after("on", ConsentRefused(call="07-1"))
    ('on', 'refused')
    """
    if before in {"off", "refused"}:
        return before
    return "refused" if isinstance(event, ConsentRefused) else "on"


def why_not_recorded(mode: str) -> str:
    """Why there is no recording of a call in this mode; empty if there should be one."""
    return _WHY_NOT.get(mode, "")
