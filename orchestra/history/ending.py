"""The ways in which an agent can end the call after its reply."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Connect the caller to a person at ``target``, who hears the ``briefing`` of the ``app`` first.

    ``hold_music`` is the path at which any edge has what the caller hears meanwhile; empty: a ringing tone. The
    briefing is in ``language`` (BCP 47).
    """

    target: str
    briefing: str = ""
    app: str = ""
    hold_music: str = ""
    language: str = "en"


Ending = HangUp | Transfer
