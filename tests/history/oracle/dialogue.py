"""A call as a dialogue: its turns with words and times, from the events of its journal. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    Event,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TurnCompleted,
    TurnMeasured,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnResumed,
)

#: the types that a dialogue is made of
TYPES = (
    AgentChanged,
    CallEnded,
    CallStarted,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TurnCompleted,
    TurnMeasured,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnResumed,
)


@dataclass(slots=True)
class Turn:
    """The caller's words and the agents' reply; number 0 is the greeting, which nobody asked for.

    Attributes:
        number: of the caller's turn.
        said: what speech recognition understood.
        said_from_s: where on the call's clock it begins, in seconds; None where nobody spoke.
        said_to_s: where it ends.
        confidence: the speech engine's lowest over this turn, 0–1.
        heard: what was played of the reply.
        meant: the reply as the agents made it.
        heard_from_s: where on the call's clock the reply begins, in seconds; None where nothing was played.
        heard_to_s: where it ends.
        agent: who replied last.
        tools: the tools that were called, in order.
        failed_tools: how many of them failed.
        interrupted: the caller spoke over the reply.
        failed: the agents could not complete the turn.
        version: package and app that answered; empty where nothing tells.
        model: the model that gave the last answer; empty if none was asked.
        parameters: of that model.
        measured: where the time of the turn went.

    """

    number: int
    said: str = ""
    said_from_s: float | None = None
    said_to_s: float | None = None
    confidence: float = 1.0
    heard: str = ""
    meant: str = ""
    heard_from_s: float | None = None
    heard_to_s: float | None = None
    agent: str = ""
    tools: list[str] = field(default_factory=list)
    failed_tools: int = 0
    interrupted: bool = False
    failed: bool = False
    version: str = ""
    model: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    measured: TurnMeasured | None = None


@dataclass(slots=True)
class Dialogue:
    """The call that ``events`` tell: ``started`` and ``ended`` are None where the journal lacks them."""

    started: CallStarted | None = None
    ended: CallEnded | None = None
    turns: list[Turn] = field(default_factory=list)


class _Reader:
    """Follows the events of one call."""

    def __init__(self) -> None:
        self.call = Dialogue()
        self.turns: dict[int, Turn] = {}
        self.began_at = 0.0
        self.speech_at: float | None = None
        self.confidence = 1.0
        self.agent = ""
        self.sentences: dict[int, list[tuple[str, float]]] = {}
        self.failed: set[str] = set()
        self.void: set[int] = set()  # turns that were predicted and did not come

    def turn(self, number: int) -> Turn:
        turn = self.turns.get(number)
        if turn is None:
            turn = self.turns[number] = Turn(number)
            self.call.turns.append(turn)
        return turn

    def clock_s(self, at: float) -> float:
        return round(max(0.0, at - self.began_at), 3)

    def take(self, event: Event) -> None:
        """Read the next event of the call."""
        if not self.began_at:
            self.began_at = event.at
        match event:
            case CallStarted():
                self.call.started, self.began_at = event, event.at
            case CallEnded():
                self.call.ended = event
            case UserSpeechStarted(at=at):
                self.speech_at = self.speech_at or at
            case TranscriptFinal(confidence=confidence):
                self.confidence = min(self.confidence, confidence)
            case UserTurnEnded():
                self._turn_ended(event)
            case UserTurnResumed(turn=turn):
                self.void.add(turn)
            case AgentChanged(agent=agent):
                self.agent = agent
            case _:
                self._reply(event)

    def _turn_ended(self, event: UserTurnEnded) -> None:
        turn = self.turn(event.turn)
        ended_at = event.speech_ended_at or event.at
        turn.said = f"{turn.said} {event.text}".strip()
        if turn.said_from_s is None:
            turn.said_from_s = self.clock_s(min(self.speech_at or ended_at, ended_at))
        turn.said_to_s = self.clock_s(ended_at)
        turn.confidence = min(turn.confidence, self.confidence)
        turn.agent = self.agent
        self.speech_at, self.confidence = None, 1.0

    def _reply(self, event: Event) -> None:
        match event:
            case ReplyChunk(text=text, agent=agent, filler=filler):
                turn = self.turn(event.turn)
                turn.agent = agent or turn.agent
                turn.meant = turn.meant if filler else f"{turn.meant} {text}".strip()
            case SentenceSpoken(text=text):
                self.sentences.setdefault(event.turn, []).append((text, self.clock_s(event.at)))
            case ReplySpoken(text=text) | ReplyInterrupted(heard=text):
                self._played(event, text)
            case ToolRequested(name=name):
                self.turn(event.turn).tools.append(name)
            case ToolCompleted(failed=True):
                turn = self.turn(event.turn)
                turn.failed_tools += (
                    event.id not in self.failed or event.request == "unknown"
                )  # before, a repeated event counted twice
                self.failed.add(event.id)
            case TurnCompleted():
                turn = self.turn(event.turn)
                turn.failed = turn.failed or event.failed
                turn.version = event.version
                if event.model:
                    turn.model, turn.parameters = event.model, event.parameters
            case TurnMeasured(total_ms=total_ms):
                turn = self.turn(event.turn)
                turn.measured = event
                if turn.heard_from_s is None and turn.said_to_s is not None:
                    turn.heard_from_s = round(turn.said_to_s + total_ms / 1000, 3)
            case _:
                pass

    def _played(self, event: Event, text: str) -> None:
        turn = self.turn(event.turn)
        turn.heard = f"{turn.heard} {text}".strip()
        turn.interrupted = turn.interrupted or isinstance(event, ReplyInterrupted)
        turn.heard_to_s = self.clock_s(event.at)

    def dialogue(self) -> Dialogue:
        """What was read, each reply with its place on the call's clock; turns in order of their number."""
        for number, spoken in self.sentences.items():
            turn = self.turn(number)
            if turn.heard_to_s is None:  # the edge was lost before it could tell of the whole reply
                turn.heard, turn.heard_to_s = " ".join(text for text, _ in spoken), spoken[-1][1]
        for turn in self.call.turns:
            if turn.heard_to_s is not None:
                earliest = turn.said_to_s or 0.0
                start = earliest if turn.heard_from_s is None else turn.heard_from_s
                turn.heard_from_s = min(max(start, 0.0), turn.heard_to_s)
            else:
                turn.heard_from_s = None
        self.call.turns = [turn for turn in self.call.turns if turn.number not in self.void]
        self.call.turns.sort(key=lambda turn: turn.number)
        return self.call


def dialogue(events: Iterable[Event]) -> Dialogue:
    """The dialogue of one call, given its events in order; other types are passed over, missing ones left out."""
    reader = _Reader()
    for event in events:
        reader.take(event)
    return reader.dialogue()
