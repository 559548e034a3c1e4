"""A call as a dialogue: who said what, when, and who answered."""

from typing import Any

import msgspec

from orchestra.history.call import CallHistory, Turn
from orchestra_schemas import (
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

#: the types of event that a dialogue depends on
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


class DialogueTurn(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's words and the part of the reply that they heard; number 0 is the greeting.

    The JSON keeps the field names of version 0.1: ``said``, ``heard``, ``meant``, ``measured``.

    Attributes:
        number: of the caller's turn.
        transcript: the caller's words as the STT engine recognized them.
        said_from_s: when the caller began to speak, seconds on the call's clock; None if they did not.
        said_to_s: when they stopped.
        confidence: the STT engine's lowest of this turn, 0–1.
        reply_heard: the part of the reply that was played.
        reply: the whole reply, without fillers.
        heard_from_s: when the reply began, seconds on the call's clock; None if nothing was played.
        heard_to_s: when it ended.
        agent: whose words the caller heard last.
        operator: the operator whose words the caller heard, in the agent's voice; empty: they were an agent's.
        said_to: the operator who had the call when the caller spoke; empty: they spoke to the agents.
        tools: names of the tools that were called, in order.
        failed_tools: number of tool calls that failed.
        interrupted: the caller spoke over the reply.
        failed: the agents could not complete the turn.
        version: package and app that answered; empty if unknown.
        model: the model that gave the last answer; empty if none was asked.
        parameters: parameters of that model.
        latency: the latency by stage until the reply was heard.

    """

    number: int
    transcript: str = msgspec.field(default="", name="said")
    said_from_s: float | None = None
    said_to_s: float | None = None
    confidence: float = 1.0
    reply_heard: str = msgspec.field(default="", name="heard")
    reply: str = msgspec.field(default="", name="meant")
    heard_from_s: float | None = None
    heard_to_s: float | None = None
    agent: str = ""
    operator: str = ""
    said_to: str = ""
    tools: tuple[str, ...] = ()
    failed_tools: int = 0
    interrupted: bool = False
    failed: bool = False
    version: str = ""
    model: str = ""
    parameters: dict[str, Any] = {}
    latency: TurnMeasured | None = msgspec.field(default=None, name="measured")


class Dialogue(msgspec.Struct, frozen=True, kw_only=True):
    """The turns of a call; ``started`` and ``ended`` are None if the journal lacks them."""

    started: CallStarted | None = None
    ended: CallEnded | None = None
    turns: tuple[DialogueTurn, ...] = ()


def dialogue(history: CallHistory) -> Dialogue:
    """The dialogue of the call: turns in which something was said, or done for the caller."""
    turns = tuple(_turn(turn) for turn in history.turns if _is_spoken(turn) and not turn.discarded)
    return Dialogue(started=history.started, ended=history.ended, turns=turns)


def speaker_of(turn: DialogueTurn) -> str:
    """Whose words the caller heard: an operator, an agent, or the greeting."""
    if turn.operator:
        return f"{turn.operator} (operator)"
    return turn.agent or ("greeting" if turn.number == 0 else "agent")


def _is_spoken(turn: Turn) -> bool:
    worked = turn.completed is not None or turn.latencies or any(map(_is_called, turn.tools))
    return bool(turn.ended is not None or turn.reply_index is not None or turn.sentences or worked)


def _is_called(step: Any) -> bool:
    return step.requested is not None or step.completed.failed


def _turn(turn: Turn) -> DialogueTurn:
    heard, heard_to_s = turn.reply_heard, turn.heard_to_s
    if heard_to_s is None and turn.sentences:  # the edge was lost before it could report the whole reply
        heard = " ".join(sentence.text for sentence in turn.sentences)
        heard_to_s = turn.sentences[-1].played_s
    heard_from_s = None
    if heard_to_s is not None:
        earliest = turn.said_to_s or 0.0
        heard_from_s = min(max(earliest if turn.heard_from_s is None else turn.heard_from_s, 0.0), heard_to_s)
    completed = turn.completed
    return DialogueTurn(
        number=turn.number,
        transcript=turn.transcript,
        said_from_s=turn.said_from_s,
        said_to_s=turn.said_to_s,
        confidence=turn.confidence,
        reply_heard=heard,
        reply=turn.reply,
        heard_from_s=heard_from_s,
        heard_to_s=heard_to_s,
        agent=turn.speaker,
        operator=turn.spoken_by,
        said_to=turn.said_to,
        tools=tuple(step.name for step in turn.tools if step.requested is not None),
        failed_tools=sum(step.completed is not None and step.completed.failed for step in turn.tools),
        interrupted=turn.interrupted,
        failed=turn.failed,
        version=completed.version if completed is not None else "",
        model=completed.model if completed is not None else "",
        parameters=completed.parameters if completed is not None and completed.model else {},
        latency=turn.latency,
    )
