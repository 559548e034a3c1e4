"""The words of one call as they come, with everything else that a person wants to see of it. Pure."""

from typing import Any, Literal

import msgspec

from orchestra.history.turn import join
from orchestra.history.views.timeline import as_call, describe
from orchestra_schemas import (
    AgentChanged,
    BackchannelHeard,
    CallAccessed,
    CallGreeted,
    CallStarted,
    Event,
    OperatorJoined,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SentenceSpoken,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TranscriptPartial,
    TurnCancelled,
    TurnMeasured,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)

Kind = Literal["caller", "backchannel", "agent", "tool", "event", "warning", "operator", "unknown", "gap"]

_OPERATORS = OperatorJoined.family
#: most characters of a text, and lines of a call, that are kept: the call's page has all of them
LONGEST_TEXT, MOST_LINES = 4000, 400


class Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One line, which may change until it is complete. Texts are cut after `LONGEST_TEXT` characters.

    Attributes:
        n: its number in the call; lines are shown in this order, and one of the same number replaces the one before.
        kind: who speaks, or what it is.
        at: when it began, epoch seconds.
        turn: of the caller's turn that it belongs to.
        who: the agent.
        text: the words; of a tool its call (``find_parcel(number="4271")``), of an unknown event its type.
        interim: words of the caller that the STT engine may still change.
        heard: the part of a reply that the caller has heard so far.
        open: more may come.
        interrupted: the caller spoke over it.
        result: of a tool; ``failed``: it is an error message; ``ms``: how long it took.
        wait_ms: how long the caller waited for this reply.
        times: how many such events in a row this line stands for.
        gone: there is no such line any more.

    """

    n: int
    kind: Kind
    at: float
    turn: int = 0
    who: str = ""
    text: str = ""
    interim: str = ""
    heard: str = ""
    open: bool = False
    interrupted: bool = False
    result: str = ""
    failed: bool = False
    ms: float | None = None
    wait_ms: float | None = None
    times: int = 1
    gone: bool = False


def cut(text: str) -> str:
    """The text, not longer than `LONGEST_TEXT`."""
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}… ({len(text)} characters)"


def _more(text: str, more: str) -> str:
    """Both texts, unless the first one was cut."""
    return text if len(text) > LONGEST_TEXT else cut(join(text, more))


class LiveTranscript:
    """The lines of a running call. What belongs to a turn that is only predicted waits until the turn has ended."""

    def __init__(self) -> None:
        self.lines: dict[int, Line] = {}
        #: the lines that have changed since somebody took them
        self.changed: dict[int, Line] = {}
        self._next = 1
        #: the line of the caller's words that are not complete; its finals, and when the last of them came
        self._hearing: Line | None = None
        self._finals: list[str] = []
        self._final_at = 0.0
        self._ended_turn = 0
        #: the last line of each turn's reply; of each tool call that has no result, by the id of its request
        self._replies: dict[int, Line] = {}
        self._tools: dict[str, Line] = {}
        self._predicted: int | None = None
        self._waiting: list[Event] = []

    def take_changed(self) -> list[Line]:
        """The lines that have changed since the last time this was asked."""
        changed, self.changed = self.changed, {}
        return list(changed.values())

    # -- lines that no event of a known type makes

    def add_gap(self, at: float, text: str) -> None:
        """Events are missing here."""
        self._add("gap", at, text=cut(text))

    def add_unknown(self, at: float, type_: str) -> None:
        """An event whose type this version does not know, or whose body it cannot read."""
        last = self.lines.get(self._next - 1)
        if last is not None and last.kind == "unknown" and last.text == type_:
            last.times += 1
            self._touch(last)
        else:
            self._add("unknown", at, text=cut(type_))

    # -- events

    def apply(self, event: Event) -> None:
        """One more event of the call."""
        if self._predicted is not None and event.turn == self._predicted and self._is_work(event):
            if len(self._waiting) < MOST_LINES:
                self._waiting.append(event)
            return
        if not (self._hear(event) or self._reply(event) or self._tool(event)):
            self._note(event)

    @staticmethod
    def _is_work(event: Event) -> bool:
        return isinstance(event, ReplyChunk | ToolRequested | ToolCompleted | AgentChanged)

    def _settle(self, *, keep: bool) -> None:
        """The prediction is over: what was done for it is a part of the call, or is not."""
        waiting, self._waiting, self._predicted = self._waiting, [], None
        for event in waiting if keep else ():
            self.apply(event)

    def _hear(self, event: Event) -> bool:
        """Whether it is one of the caller's words, which are added here."""
        match event:
            case TranscriptPartial(text=text, at=at):
                if at > self._final_at and not 0 < event.turn <= self._ended_turn and text:
                    self._caller(event, interim=cut(text))
            case TranscriptFinal(text=text, at=at):
                self._finals = [*(self._finals[:-1] if event.joined else self._finals), text]
                self._final_at = at
                self._caller(event, interim="", text=cut(" ".join(filter(None, self._finals))))
            case UserTurnPredicted(turn=turn):
                self._settle(keep=False)
                self._predicted = turn
            case UserTurnResumed():
                self._settle(keep=False)
            case UserTurnEnded(text=text, turn=turn):
                self._ended_turn = max(self._ended_turn, turn)
                self._close("caller", event, text)
                self._settle(keep=self._predicted == turn)
            case BackchannelHeard(text=text):
                self._close("backchannel", event, text)
            case _:
                return False
        return True

    def _caller(self, event: Event, **changed: str) -> None:
        if self._hearing is None:
            self._hearing = self._add("caller", event.at, turn=event.turn, open=True)
        self._change(self._hearing, **changed)

    def _close(self, kind: Kind, event: Event, text: str) -> None:
        line = self._hearing or self._add(kind, event.at)
        self._hearing, self._finals, self._final_at = None, [], max(self._final_at, event.at)
        self._change(line, kind=kind, turn=event.turn, text=cut(text), interim="", open=False)

    def _reply(self, event: Event) -> bool:
        """Whether it is a part of what the agents say, which is added here."""
        match event:
            case ReplyChunk(text=text, agent=agent):
                line = self._reply_line(event, agent)
                self._change(line, text=_more(line.text, text))
            case SentenceSpoken(text=text):
                line = self._reply_line(event)
                self._change(line, heard=_more(line.heard, text), text=line.text or cut(text))
            case ReplySpoken(text=text):
                line = self._reply_line(event, event.agent)
                self._change(line, text=line.text or cut(text), heard=line.text or cut(text), open=False)
            case ReplyInterrupted(heard=heard):
                line = self._reply_line(event)
                self._change(line, text=line.text or cut(heard), heard=cut(heard), open=False, interrupted=True)
            case TurnMeasured(total_ms=total_ms):  # it may come after the reply
                line = self._replies.get(event.turn) or self._reply_line(event)
                self._change(line, wait_ms=total_ms)
            case TurnCancelled():
                if (cancelled := self._replies.get(event.turn)) is not None:
                    self._change(cancelled, open=False)
                return False
            case _:
                return False
        return True

    def _reply_line(self, event: Event, agent: str = "") -> Line:
        """The line of the turn's reply to which more can be added; a new one if that of another agent is the last."""
        line = self._replies.get(event.turn)
        if line is not None and agent and line.who and agent != line.who:
            self._change(line, open=False)
        if line is None or not line.open:
            line = self._replies[event.turn] = self._add("agent", event.at, turn=event.turn, open=True)
        if agent and not line.who:
            self._change(line, who=agent)
        return line

    def _tool(self, event: Event) -> bool:
        """Whether it is a tool call or its result, which is added here."""
        match event:
            case ToolRequested(id=request, agent=agent):
                line = self._add("tool", event.at, turn=event.turn, who=agent, text=cut(as_call(event)), open=True)
                self._tools[request] = line
            case ToolCompleted(request=request, name=name):
                known = self._tools.pop(request, None)
                line = known or self._add("tool", event.at, turn=event.turn, text=f"{name}()")
                result, ms = cut(event.result), round(event.duration_ms, 1)
                self._change(line, result=result, failed=event.failed, ms=ms, open=False)
            case _:
                return False
        return True

    def _note(self, event: Event) -> None:
        if isinstance(event, CallAccessed):
            self._add("operator", event.at, text=cut(f"{event.operator} {event.action}"))
        elif (described := describe(event, {})) is not None:
            text, kind = described
            shown: Kind = "warning" if kind == "warning" else "event"
            self._add("operator" if event.family == _OPERATORS else shown, event.at, turn=event.turn, text=cut(text))
        if isinstance(event, CallStarted | CallGreeted) and event.greeting:
            self._change(self._reply_line(event), text=cut(event.greeting))

    # -- bookkeeping

    def _add(self, kind: Kind, at: float, **fields: Any) -> Line:
        line = Line(n=self._next, kind=kind, at=at, **fields)
        self._next += 1
        self.lines[line.n] = line
        self._touch(line)
        if len(self.lines) > MOST_LINES:
            oldest = self.lines.pop(next(iter(self.lines)))
            self.changed[oldest.n] = Line(n=oldest.n, kind=oldest.kind, at=oldest.at, gone=True)
            self._forget(oldest)
        return line

    def _forget(self, line: Line) -> None:
        """Nothing is added to this line any more, although it is not complete."""
        if line is self._hearing:
            self._hearing, self._finals = None, []
        self._replies = {turn: each for turn, each in self._replies.items() if each is not line}
        self._tools = {request: each for request, each in self._tools.items() if each is not line}

    def _change(self, line: Line, **changed: Any) -> None:
        for name, value in changed.items():
            setattr(line, name, value)
        self._touch(line)

    def _touch(self, line: Line) -> None:
        self.changed[line.n] = line
