"""A call turn by turn, for comparison and evaluation: the actions of the caller, and the replies of the agents."""

from itertools import islice, pairwise
from typing import Any, Literal

import msgspec

from orchestra.bus.stream.entry import UNREADABLE
from orchestra.history.call import CallHistory, Closing, ToolStep, Turn

_MOST_MISSING = 100

#: who answered a tool call: the tool, or in a comparison the recording (or nobody)
Answered = Literal["tool", "recording", "similar", "refused"]


class ToolSummary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool call: its arguments as JSON text, its result, its notes, and who answered it in a comparison."""

    name: str
    arguments: str = "{}"
    result: str = ""
    failed: bool = False
    noted: dict[str, Any] = {}
    answered: Answered = "tool"
    request: str = ""


class TurnSummary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One turn of the caller, and the reply to it. The JSON keeps the field names of version 0.1.

    Attributes:
        number: of the turn.
        transcript: the caller's words as the STT engine recognized them.
        keys: keys that the caller pressed.
        agent: the agent that replied last.
        tools: tool calls in order.
        reply: the whole reply, without fillers.
        reply_heard: the part of it that the caller heard; None if unknown.
        interrupted: the caller spoke over the reply.
        rules: rules that stopped or changed something.
        closing: the agents ended or transferred the call in this turn.
        failed: the agents could not complete the turn.
        cancelled: why the turn was cancelled; empty if it was not.
        model: the model that gave the last answer.
        version: package and app that answered.
        first_ms: end of the caller's turn → first sentence of the reply; None if unknown.
        answer_ms: end of the caller's turn → reply complete.

    """

    number: int
    transcript: str = msgspec.field(default="", name="said")
    keys: str = ""
    agent: str = ""
    tools: tuple[ToolSummary, ...] = ()
    reply: str = ""
    reply_heard: str | None = msgspec.field(default=None, name="heard")
    interrupted: bool = False
    rules: tuple[str, ...] = ()
    closing: Closing = ""
    failed: bool = False
    cancelled: str = ""
    model: str = ""
    version: str = ""
    first_ms: float | None = None
    answer_ms: float | None = None


class CallSummary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call: ``end`` is the reason why it ended, empty while it runs.

    ``variables`` is what the app answered when it was asked about the call, ``background`` has the agents' notes on
    the caller's earlier calls. ``version`` and ``model`` answered last.
    """

    call: str = ""
    app: str = ""
    caller: str = ""
    greeting: str = ""
    background: str = ""
    variables: dict[str, Any] = {}
    started: bool = False
    turns: tuple[TurnSummary, ...] = ()
    end: str = ""
    version: str = ""
    model: str = ""

    def turn(self, number: int) -> TurnSummary | None:
        """The turn of this number."""
        return next((turn for turn in self.turns if turn.number == number), None)

    @property
    def missing_turns(self) -> list[int]:
        """Numbers of turns that the journal lacks, at most the first hundred."""
        numbers = [0, *(turn.number for turn in self.turns)]
        missing = (number for before, after in pairwise(numbers) for number in range(before + 1, after))
        return list(islice(missing, _MOST_MISSING))


def call_summary(history: CallHistory) -> CallSummary:
    """The call, without its greeting as a turn."""
    started = history.started
    return CallSummary(
        call=history.call,
        app=started.app if started is not None else "",
        caller=started.from_number if started is not None else "",
        greeting=history.greeting,
        background=history.background,
        variables=history.answered_variables,
        started=started is not None,
        turns=tuple(map(turn_summary, (turn for turn in history.turns if turn.number > 0))),
        end=history.ended.reason if history.ended is not None else "",
        version=history.version,
        model=history.model,
    )


def turn_summary(turn: Turn) -> TurnSummary:
    """One turn of it."""
    return TurnSummary(
        number=turn.number,
        transcript=turn.transcript,
        keys=turn.keys,
        agent=turn.agent,
        tools=tuple(map(_tool, turn.tools)),
        reply=turn.reply or (turn.completed.text if turn.completed is not None else ""),
        reply_heard=turn.last_heard,
        interrupted=turn.interrupted,
        rules=turn.rules,
        closing=turn.closing,
        failed=turn.failed,
        cancelled=turn.cancelled,
        model=turn.model,
        version=turn.version,
        first_ms=turn.first_ms,
        answer_ms=turn.answer_ms,
    )


def _tool(step: ToolStep) -> ToolSummary:
    requested, completed = step.requested, step.completed
    return ToolSummary(
        name=step.name,
        arguments=requested.arguments if requested is not None else "{}",
        request=requested.id if requested is not None else "",
        result=completed.result if completed is not None else "",
        failed=completed.failed if completed is not None else False,
        noted=completed.noted if completed is not None else {},
    )


def canonical(arguments: str) -> str:
    """Arguments in one form: names in order, numbers as text, so that ``4271`` equals ``"4271"``."""
    try:
        values = _plain(msgspec.json.decode(arguments or "{}"))
        return msgspec.json.encode(values, order="sorted").decode()
    except UNREADABLE:
        return arguments


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return str(value) if type(value) in {int, float} else value
