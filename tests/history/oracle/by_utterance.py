"""What the journal says of each turn of a scripted call, put beside what the caller said and heard."""

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from orchestra_schemas import (
    CallEnded,
    Event,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    ToolRequested,
    TurnCancelled,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
)


@dataclass(slots=True)
class TurnAccount:
    """One turn of the caller as the journal has it; number 0 is the greeting.

    Attributes:
        understood: what speech recognition made of the caller's words.
        spoken: what was played of the replies, as `ReplySpoken` and `ReplyInterrupted` say.
        reply: what the agents meant to say, fillers left out.
        agent: who replied last.
        tools: the tools that were called, in order.
        interrupted: the caller spoke over the reply.
        failed: an agent could not complete the turn.
        measured: the edge's own measurement of the (last) reply.

    """

    number: int
    understood: str = ""
    spoken: str = ""
    reply: str = ""
    agent: str = ""
    tools: list[str] = field(default_factory=list)
    interrupted: bool = False
    failed: bool = False
    measured: TurnMeasured | None = None

    def take(self, event: Event) -> None:
        """Enter what one event says of this turn."""
        match event:
            case UserTurnEnded(text=text):
                self.understood = _joined(self.understood, text)
            case ReplyChunk(text=text, agent=agent, filler=False):
                self.reply, self.agent = _joined(self.reply, text), agent
            case ReplySpoken(text=text):
                self.spoken = _joined(self.spoken, text)
            case ReplyInterrupted(heard=heard):
                self.spoken, self.interrupted = _joined(self.spoken, heard), True
            case ToolRequested(name=name):
                self.tools.append(name)
            case TurnCompleted(failed=True):
                self.failed = True
            case TurnMeasured():
                self.measured = event
            case _:
                pass


def account(events: Iterable[Event], utterances_at: Sequence[float]) -> list[TurnAccount]:
    """The turns of a call, index 0 the greeting, index n the caller's n-th utterance.

    The edge numbers turns as it hears them end: where it took one utterance for two turns, both count here as one,
    found by time. ``utterances_at``: when each utterance began, epoch seconds of the clock that the edge has too.
    """
    turns = [TurnAccount(number) for number in range(len(utterances_at) + 1)]
    places = {0: turns[0]}
    for event in events:
        if isinstance(event, UserTurnEnded):
            spoke_at = event.speech_ended_at or event.at
            places[event.turn] = turns[bisect.bisect_right(utterances_at, spoke_at)]
        if event.turn in places:
            places[event.turn].take(event)
    return turns


class Replying:
    """Whether a reply is being made or played, by following the journal."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def __call__(self) -> bool:
        """Whether the caller has a reply to wait for."""
        return bool(self._open)

    def take(self, event: Event) -> None:
        """Follow one event of the call."""
        match event:
            case UserTurnEnded(turn=turn):
                self._open.add(turn)
            case ReplySpoken(turn=turn) | ReplyInterrupted(turn=turn) | TurnCancelled(turn=turn):
                self._open.discard(turn)
            case TurnCompleted(turn=turn, text=""):
                self._open.discard(turn)
            case CallEnded():
                self._open.clear()
            case _:
                pass


def _joined(text: str, more: str) -> str:
    return f"{text} {more}".strip()
