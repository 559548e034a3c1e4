"""Checks a scripted call turn by turn and lists its problems."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestra.history.call import Turn
from orchestra.simulator.audio_measure import TurnAudio
from orchestra.simulator.caller import CallOutcome
from orchestra.simulator.transcript_match import TranscriptMatch

#: an agent that talks over the caller for longer did not notice them (the "yield" of voice benchmarks allows 2 s)
BARGE_IN_STOP_S = 2.0


class ExpectedTurn(Protocol):
    """The reply that a line of a script expects."""

    @property
    def barge_in_after_s(self) -> float | None:
        """Not None: this line interrupts the previous reply."""

    @property
    def agent(self) -> str:
        """The agent that must reply; empty: any."""

    @property
    def tools(self) -> tuple[str, ...]:
        """Tools called in this turn, in order."""

    @property
    def ends_call(self) -> bool:
        """The agent hangs up after this turn."""

    @property
    def transfers(self) -> bool:
        """The call is transferred to a person after this turn."""

    def missing(self, reply: str) -> tuple[str, ...]:
        """The expected words that are missing from a reply."""


@dataclass(frozen=True, slots=True)
class CheckedTurn:
    """One turn: what was said, the journal's account of it, its audio, and the words that were heard in it.

    ``heard`` is None where no model on this machine understands the agents' voice: then only that it sounds is checked.
    """

    said: str
    recorded: Turn
    audio: TurnAudio
    heard: TranscriptMatch | None


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem in a turn (0: the greeting; None: the call as a whole)."""

    turn: int | None
    what: str

    def __str__(self) -> str:
        """As it is printed."""
        place = {None: "call", 0: "greeting"}.get(self.turn, f"turn {self.turn}")
        return f"{place}: {self.what}"


def check_call(turns: Sequence[CheckedTurn], lines: Sequence[ExpectedTurn], ending: CallOutcome) -> list[Problem]:
    """The problems of a call; ``turns`` begins with the greeting, ``lines`` with the caller's first line."""
    found = [problem for turn in turns for problem in _wrong_audio(turn)]
    for number, line in enumerate(lines, start=1):
        if number >= len(turns):
            found.append(Problem(number, f"the call ended before the caller could speak: {ending}"))
            break
        found += [Problem(number, what) for what in _wrong_turn(turns[number], line)]
    if lines and len(turns) > len(lines):
        found += _wrong_outcome(len(lines), lines[-1], ending)
    return sorted(found, key=lambda problem: problem.turn or 0)


def _wrong_audio(turn: CheckedTurn) -> list[Problem]:
    """The reply that the journal reports was not heard, or other words were."""
    number, spoken, heard = turn.recorded.number, turn.recorded.reply_heard, turn.heard
    if turn.audio.reply is None:
        what = f'"{spoken}" was spoken, says the journal, but not heard' if spoken else "no reply was heard"
        return [Problem(number, what)]
    if not spoken:
        words = f'"{heard.heard}"' if heard is not None else "something"
        return [Problem(number, f"{words} was heard, but the journal has no word of it")]
    if heard is not None and not heard.matches:
        alike = f"{heard.similarity:.0%} alike"
        return [Problem(number, f'"{heard.expected}" was spoken, "{heard.heard}" was heard ({alike})')]
    return []


def _wrong_turn(turn: CheckedTurn, line: ExpectedTurn) -> list[str]:
    recorded, found = turn.recorded, []
    if recorded.failed:
        found.append("the agents could not complete it")
    if line.agent and recorded.agent != line.agent:
        found.append(f"{recorded.agent or 'nobody'} replied, not {line.agent}")
    tools = tuple(step.name for step in recorded.tools)
    if tools != line.tools:
        found.append(f"tools called: {_list(tools)}, not {_list(line.tools)}")
    if missing := line.missing(recorded.reply):
        found.append(f'the reply "{recorded.reply}" does not say {_list(missing)}')
    if line.barge_in_after_s is not None:
        barge_in_stop_s = turn.audio.barge_in_stop_s
        if barge_in_stop_s is None:
            found.append("the caller wanted to interrupt, but the agent was not speaking")
        elif barge_in_stop_s > BARGE_IN_STOP_S:
            found.append(f"the agent went on for {barge_in_stop_s:.1f} s over the caller")
    return found


def _wrong_outcome(number: int, last: ExpectedTurn, ending: CallOutcome) -> list[Problem]:
    if last.ends_call and ending.how != "agent_hung_up":
        return [Problem(number, f"the agent should have ended the call, but {ending}")]
    if last.transfers and ending.how != "transferred":
        return [Problem(number, f"the agent should have handed the call to a person, but {ending}")]
    if not (last.ends_call or last.transfers) and ending.how != "caller_hung_up":
        return [Problem(number, f"the caller should have hung up, but {ending}")]
    return []


def _list(words: Sequence[str]) -> str:
    return ", ".join(words) if words else "none"
