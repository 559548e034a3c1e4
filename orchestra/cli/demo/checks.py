"""Checks of a demo script beyond its turns, against the audio and the journal."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from orchestra_schemas import (
    CallAnswered,
    CallResumed,
    CallStarted,
    CallTransferRequested,
    DigitPressed,
    Event,
    TransferAccepted,
)

if TYPE_CHECKING:
    from orchestra.demo.scripts import Script
    from orchestra.simulator import CallOutcome, Problem, Tracks, TransferTarget
    from orchestra.voice.engines.local import LocalSpeech


def special_problems(
    script: "Script",
    journal: list[Event],
    ending: "CallOutcome",
    tracks: "Tracks",
    *,
    person: "TransferTarget | None",
    speech: "LocalSpeech",
) -> "list[Problem]":
    """What the call lacks of the script's own point; empty if nothing."""
    from orchestra.simulator import Problem

    found: list[str] = []
    if person is not None:
        found += _transfer(script, journal, tracks, person, speech)
    if script.edge_dies:
        found += _edge_dies(script, journal, ending)
    keys = "".join(line.digits for line in script.lines)
    pressed = "".join(event.digit for event in journal if isinstance(event, DigitPressed))
    if pressed != keys:
        found.append(f"the caller pressed {keys}, the journal has {pressed or 'no key'}")
    if script.answered_by:
        found += _answered(journal, ending)
    return [Problem(None, what) for what in found]


def _transfer(
    script: "Script", journal: Sequence[Event], tracks: "Tracks", person: "TransferTarget", speech: "LocalSpeech"
) -> list[str]:
    from orchestra.simulator import SAMPLE_RATE, compare

    if person.connected_s is None:
        return ["nobody took the call"]
    found = []
    if not any(isinstance(event, TransferAccepted) for event in journal):
        found.append("the journal does not say that the person took the call")
    # what else a carrier says of it differs: at one of them the call is taken by answering
    briefings = [event.briefing for event in journal if isinstance(event, CallTransferRequested)]
    if not any(briefing and briefing in " ".join(person.briefed) for briefing in briefings):
        found.append(f"the person was told only {person.briefed}")
    said = tracks.agent[round(person.connected_s * SAMPLE_RATE) :]
    heard = compare(script.person, speech.transcribe(said.tobytes(), SAMPLE_RATE))
    if not heard.matches:
        found.append(f'the person said "{heard.expected}", the caller heard "{heard.heard}"')
    return found


def _edge_dies(script: "Script", journal: Iterable[Event], ending: "CallOutcome") -> list[str]:
    edges = [event.source for event in journal if isinstance(event, CallStarted | CallResumed)]
    streams = 1 if script.line == "sip" else 2  # the gateway has the second one, and the telephone does not notice
    if len(set(edges)) != 2 or ending.streams != streams:  # noqa: PLR2004 - one dies
        return [f"two edges should have had the call, one after the other: {', '.join(edges)}"]
    return []


def _answered(journal: Iterable[Event], ending: "CallOutcome") -> list[str]:
    if ending.how != "agent_hung_up":
        return [f"the agent should have hung up after the message, but {ending}"]
    answers = [event.by for event in journal if isinstance(event, CallAnswered)]
    return [] if answers == ["machine"] else [f"a machine answered, the journal says {answers or 'nothing'}"]
