"""A call as the two sides of a comparison: turn by turn what the caller did, and what the agents made of it. Pure."""

from bisect import insort
from collections.abc import Iterable
from itertools import islice, pairwise
from typing import Any, Literal

import msgspec

from orchestra.agents.notes import is_notes
from orchestra.bus.stream.entry import UNREADABLE
from orchestra.history.background import BACKGROUND_HEAD
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallEndRequested,
    CallStarted,
    CallTransferRequested,
    DigitPressed,
    Event,
    PromptCompleted,
    PromptRequested,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    ToolCompleted,
    ToolRequested,
    TurnCancelled,
    TurnCompleted,
    UserTurnEnded,
)

_MISSING_TOLD = 100

Closing = Literal["", "ended", "transferred"]
#: where a recorded or a compared tool call got its answer
Answered = Literal["tool", "recording", "similar", "refused"]


class ToolStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool call: its arguments as JSON text, what it answered and noted, and who answered in a comparison."""

    name: str
    arguments: str = "{}"
    result: str = ""
    failed: bool = False
    noted: dict[str, Any] = {}
    answered: Answered = "tool"
    request: str = ""


class ToldTurn(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One turn of the caller's, and the reply to it.

    Attributes:
        number: of the turn.
        said: the caller's words as they were understood.
        keys: keys that the caller pressed in it.
        agent: who replied last.
        tools: tool calls in order.
        reply: what the agents said, fillers left out.
        heard: what of it the caller heard; None where nothing tells.
        interrupted: the caller spoke over the reply.
        rules: rules that stopped or changed something.
        closing: the agents ended the call with this turn, or gave it to a person.
        failed: the agents could not complete the turn.
        cancelled: why the turn was given up; empty if it was not.
        model: that gave the last answer.
        version: package and app that answered.
        first_ms: end of the caller's turn → first sentence of the reply, None where nothing tells.
        answer_ms: end of the caller's turn → end of the reply's making.

    """

    number: int
    said: str = ""
    keys: str = ""
    agent: str = ""
    tools: tuple[ToolStep, ...] = ()
    reply: str = ""
    heard: str | None = None
    interrupted: bool = False
    rules: tuple[str, ...] = ()
    closing: Closing = ""
    failed: bool = False
    cancelled: str = ""
    model: str = ""
    version: str = ""
    first_ms: float | None = None
    answer_ms: float | None = None


class ToldCall(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A call: ``end`` is the reason for which it ended, empty while it runs.

    ``background`` is what the agents knew of the caller's earlier calls. ``version`` and ``model`` answered last.
    """

    call: str = ""
    app: str = ""
    caller: str = ""
    greeting: str = ""
    background: str = ""
    started: bool = False
    turns: list[ToldTurn] = []
    end: str = ""
    version: str = ""
    model: str = ""

    def turn(self, number: int) -> ToldTurn | None:
        """The turn of this number."""
        return next((turn for turn in self.turns if turn.number == number), None)

    @property
    def missing(self) -> list[int]:
        """Numbers of turns that the journal does not have; of very many the first ones."""
        numbers = [0, *(turn.number for turn in self.turns)]
        gaps = (number for before, after in pairwise(numbers) for number in range(before + 1, after))
        return list(islice(gaps, _MISSING_TOLD))


class Teller:
    """Tells a call from its events, one after another."""

    def __init__(self) -> None:
        self.call = ToldCall()
        self._turns: dict[int, ToldTurn] = {}
        self._began: dict[int, float] = {}
        self._requests: dict[str, tuple[int, int]] = {}
        self._agent = ""

    def turn(self, number: int) -> ToldTurn | None:
        """What is known of this turn so far."""
        return self._turns.get(number)

    def take(self, event: Event) -> None:
        """Take the next event."""
        call = self.call
        call.call = call.call or event.call
        match event:
            case CallStarted():
                call.started, call.app, call.greeting = True, event.app, event.greeting
                call.caller, call.version = event.from_number, event.version
            case CallEnded(reason=reason):
                call.end = reason
            case AgentChanged(agent=agent):
                self._agent = agent
                if event.turn in self._turns:
                    self._turns[event.turn].agent = agent
            case PromptRequested():
                call.background = call.background or _background(event)
            case _ if event.turn > 0:
                self._in_turn(event, self._open(event.turn))
            case _:
                pass

    def _open(self, number: int) -> ToldTurn:
        turn = self._turns.get(number)
        if turn is None:
            turn = self._turns[number] = ToldTurn(number=number, agent=self._agent)
            insort(self.call.turns, turn, key=_number)
        return turn

    def _in_turn(self, event: Event, turn: ToldTurn) -> None:
        match event:
            case UserTurnEnded(text=text, at=at):
                turn.said = f"{turn.said} {text}".strip()
                self._began[turn.number] = at
            case DigitPressed(digit=digit):
                turn.keys += digit
            case CallEndRequested():
                turn.closing = "ended"
            case CallTransferRequested():
                turn.closing = "transferred"
            case ReplyChunk() | ReplySpoken() | ReplyInterrupted():
                self._reply(event, turn)
            case ToolRequested() | ToolCompleted():
                self._tool(event, turn)
            case PromptCompleted() | TurnCompleted() | TurnCancelled():
                self._closes(event, turn)
            case _:
                pass

    def _reply(self, event: ReplyChunk | ReplySpoken | ReplyInterrupted, turn: ToldTurn) -> None:
        match event:
            case ReplySpoken(text=text):
                turn.heard = text
            case ReplyInterrupted(heard=heard):
                turn.heard, turn.interrupted = heard, True
            case ReplyChunk(filler=False):
                turn.agent = event.agent or turn.agent
                turn.reply = f"{turn.reply} {event.text}".strip()
                if turn.first_ms is None:
                    turn.first_ms = self._since(event)
            case _:
                pass

    def _tool(self, event: ToolRequested | ToolCompleted, turn: ToldTurn) -> None:
        if isinstance(event, ToolRequested):
            self._requests[event.id] = turn.number, len(turn.tools)
            turn.tools += (ToolStep(name=event.name, arguments=event.arguments, request=event.id),)
            return
        number, place = self._requests.get(event.request, (turn.number, -1))
        steps = list(self._turns[number].tools)
        if place < 0:  # the journal lacks its request
            steps.append(ToolStep(name=event.name, result=event.result, failed=event.failed, noted=event.noted))
        else:
            answer = {"result": event.result, "failed": event.failed, "noted": event.noted}
            steps[place] = msgspec.structs.replace(steps[place], **answer)
        self._turns[number].tools = tuple(steps)

    def _closes(self, event: PromptCompleted | TurnCompleted | TurnCancelled, turn: ToldTurn) -> None:
        if isinstance(event, TurnCancelled):
            turn.cancelled = event.reason
            return
        turn.rules = tuple(dict.fromkeys((*turn.rules, *event.rules)))
        turn.model = self.call.model = event.model or turn.model or self.call.model
        turn.version = self.call.version = event.version or self.call.version
        if isinstance(event, TurnCompleted):
            turn.agent, turn.failed, turn.answer_ms = event.agent or turn.agent, event.failed, self._since(event)
            turn.reply = turn.reply or event.text

    def _since(self, event: Event) -> float | None:
        began = self._began.get(event.turn, 0.0)
        return None if not began or not event.at else max(0.0, event.at - began) * 1000


def told(events: Iterable[Event]) -> ToldCall:
    """The call that these events tell, in order; what the journal lacks is left out."""
    teller = Teller()
    for event in events:
        teller.take(event)
    return teller.call


def _number(turn: ToldTurn) -> int:
    return turn.number


def _background(event: PromptRequested) -> str:
    """What a prompt tells of earlier calls: in the notes; in old journals at the end of the system prompt."""
    for message in event.messages:
        if (message.role == "system" or is_notes(message)) and (place := message.content.find(BACKGROUND_HEAD)) >= 0:
            return message.content[place:].partition("\n\n")[0]
    return ""


def canonical(arguments: str) -> str:
    """Arguments in one form: names in order, numbers as text, so that ``4271`` is ``"4271"``."""
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
