"""What is going on in a call right now: who has the word, and who works. Pure."""

from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from orchestra_schemas import (
    AppChanged,
    BackchannelHeard,
    CallAnswered,
    CallEnded,
    CallGreeted,
    CallStarted,
    CallTransferred,
    CallTransferRequested,
    Event,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorPassedOn,
    OperatorSaid,
    OperatorTookOver,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TransferAccepted,
    TransferFailed,
    TurnCancelled,
    TurnMeasured,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnResumed,
)

State = Literal[
    "connecting", "listening", "thinking", "tool", "speaking", "operator", "transferring", "transferred", "ended"
]
_Agents = Literal["connecting", "listening", "thinking", "tool", "speaking"]
_WORKING = ("thinking", "tool")


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """What is going on in a call.

    ::

        CallStarted  speech  UserTurnEnded  ToolRequested  ToolCompleted  ReplyChunk  ReplySpoken
        ├ speaking / listening ┤├ thinking ──┤├ tool ───────┤├ thinking ──┤├ speaking ─┤├ listening

    Attributes:
        agents: what the agents do, whoever has the call.
        turn: the caller's last turn that has ended.
        caller_speaks: the caller is speaking.
        tools: id and name of each tool call whose result is not there yet; some belong to a predicted turn.
        wait_ms: how long the caller waited for the last reply; None before the first.
        present: the operators who are in the call: name, console, and whether they listen, in the order of joining.
        holder: the one who has taken it over.
        transfer: how far a transfer to ``target`` is; empty if there is none.
        ended: the call is over.
        since: when ``state`` became what it is, epoch seconds.

    """

    agents: _Agents = "connecting"
    turn: int = 0
    caller_speaks: bool = False
    tools: tuple[tuple[str, str], ...] = ()
    wait_ms: float | None = None
    present: tuple[tuple[str, str, bool], ...] = ()
    holder: str = ""
    transfer: Literal["", "transferring", "transferred"] = ""
    target: str = ""
    ended: bool = False
    since: float = 0.0

    @property
    def state(self) -> State:
        """What the list of calls shows."""
        if self.ended:
            return "ended"
        return "operator" if self.holder else self.transfer or self.agents

    @property
    def tool(self) -> str:
        """The tool that the caller waits for; empty if none runs."""
        return self.tools[-1][1] if self.tools and self.agents == "tool" else ""


def reduce_activity(activity: Activity, event: Event) -> Activity:
    """What is going on after one more event of the call."""
    changed = _of_call(activity, event)
    if changed is None:
        changed = _of_caller(activity, event)
    if changed is None:
        changed = _of_agents(activity, event)
    if not changed:
        return activity
    after = replace(activity, **changed)
    return after if after.state == activity.state else replace(after, since=event.at)


def _of_call(activity: Activity, event: Event) -> dict[str, Any] | None:  # noqa: PLR0911 - one for each kind of event
    """What changes for the call as a whole; None for other events."""
    match event:
        case CallAnswered():
            return {"since": activity.since or event.at}
        case CallStarted(greeting=greeting) | CallGreeted(greeting=greeting):
            return {"agents": "speaking" if greeting else "listening", "since": event.at}
        case CallEnded():
            return {"ended": True, "caller_speaks": False, "tools": (), "present": (), "holder": ""}
        case CallTransferRequested(target=target) | CallTransferred(target=target):
            return {"transfer": "transferring", "target": target}
        case TransferAccepted(target=target):
            return {"transfer": "transferred", "target": target}
        case TransferFailed() | AppChanged():
            return {"transfer": "", "target": "", "agents": "listening"}
        case OperatorJoined() | OperatorTookOver() | OperatorLeft() | OperatorSaid():
            return _of_operator(activity, event)
        case OperatorHandedBack() | OperatorPassedOn():
            return _of_operator(activity, event)
        case _:
            return None


def _of_operator(activity: Activity, event: Event) -> dict[str, Any]:
    match event:
        case OperatorJoined():
            return {"present": tuple(dict.fromkeys((*activity.present, _presence(event))))}
        case OperatorTookOver(operator=name) if not activity.holder:
            return {"holder": name, "agents": "listening", "tools": ()}
        case OperatorHandedBack(operator=name) | OperatorPassedOn(operator=name) if name == activity.holder:
            return {"holder": "", "agents": "listening"}
        case OperatorLeft(operator=name, listens=listens):
            back = {"holder": "", "agents": "listening"} if name == activity.holder and not listens else {}
            return {"present": tuple(each for each in activity.present if each != _presence(event)), **back}
        case OperatorSaid():
            return {"agents": "speaking", "tools": ()}
        case _:
            return {}


def _presence(event: OperatorJoined | OperatorLeft) -> tuple[str, str, bool]:
    """What joins and leaves: an operator may listen at several consoles, and speak."""
    return event.operator, event.console, event.listens


def _of_caller(activity: Activity, event: Event) -> dict[str, Any] | None:
    """What changes by what the caller does; None for other events."""
    match event:
        case UserSpeechStarted():
            return {"caller_speaks": True}
        case TranscriptFinal() | BackchannelHeard():
            return {"caller_speaks": False}
        case UserTurnEnded(turn=turn):
            return {"agents": "tool" if activity.tools else "thinking", "turn": turn, "caller_speaks": False}
        case UserTurnResumed():
            return {"tools": ()}
        case _:
            return None


def _of_agents(activity: Activity, event: Event) -> dict[str, Any]:  # noqa: PLR0911 - one for each kind of event
    """What changes by what the agents do."""
    match event:
        case ToolRequested(id=request, name=name):
            agents = activity.agents if event.predicted and event.turn > activity.turn else "tool"
            return {"tools": (*activity.tools, (request, name)), "agents": agents}
        case ToolCompleted(request=request):
            left = tuple(each for each in activity.tools if each[0] != request)
            over = activity.agents == "tool" and not left
            return {"tools": left, "agents": "thinking" if over else activity.agents}
        case ReplyChunk(filler=False) if activity.agents in _WORKING and event.turn == activity.turn:
            return {"agents": "speaking"}
        case TurnMeasured(total_ms=total_ms):
            speaks = activity.agents == "thinking"
            return {"wait_ms": total_ms, "agents": "speaking" if speaks else activity.agents}
        case ReplySpoken() | ReplyInterrupted():
            over = activity.agents == "speaking" or event.turn >= activity.turn
            return {"agents": "listening", "tools": ()} if over else {}
        case TurnCancelled(turn=turn) if turn >= activity.turn and activity.agents in _WORKING:
            return {"agents": "listening", "tools": ()}
        case _:
            return {}
