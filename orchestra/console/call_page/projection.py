"""What the page of a call shows first: who and when, the lines that were said, and where the time of each turn went.

Times in ``…_s`` are seconds on the call's clock, which is the recording's; ``…_at`` are epoch seconds. Pure.
"""

import math
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from orchestra.console.call_page.journal import CallJournal, Happening
from orchestra.history.call import CallHistory, PromptStep, ToolStep, Turn
from orchestra.history.call_record import CallRecord
from orchestra.history.usage import Usage, cost_of
from orchestra.history.views.call_record import call_record
from orchestra.history.views.dialogue import DialogueTurn, dialogue
from orchestra.history.views.timeline import as_call
from orchestra.history.views.versions import Answering, versions
from orchestra.prices import Prices
from orchestra_schemas import (
    AgentChanged,
    AppChanged,
    DigitPressed,
    DigitsRequested,
    Event,
    OperatorSaid,
    ReplyInterrupted,
    ToolCompleted,
    TurnMeasured,
    UserTurnEnded,
    UserTurnPredicted,
)
from orchestra_schemas.speech import TURN_STAGES

LineKind = Literal[
    "caller", "reply", "not_heard", "operator", "tool", "handoff", "key", "interrupted", "event", "warning",
    "gap", "unknown", "damaged",
]  # fmt: skip

#: as many words are compared to find where a reply was cut
_MOST_WORDS = 20_000
_EVENT_KINDS: dict[type[Event], LineKind] = {
    AgentChanged: "handoff",
    AppChanged: "handoff",
    DigitPressed: "key",
    DigitsRequested: "key",
    ReplyInterrupted: "interrupted",
    ToolCompleted: "tool",
}


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the transcript.

    Attributes:
        kind: what it is.
        at_s: when it began.
        to_s: when it ended, if it has a length.
        who: who speaks; empty if nobody does.
        text: the words: of a reply those that the caller heard.
        unheard: the rest of an interrupted reply.
        turn: the turn that it belongs to.
        event: the number of its event in the journal, None for a line that several events make.

    """

    kind: LineKind
    at_s: float
    to_s: float | None = None
    who: str = ""
    text: str = ""
    unheard: str = ""
    turn: int | None = None
    event: int | None = None


class Span(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the work on a turn, in ms from the caller's last sound; ``to_ms`` is None if it did not end."""

    kind: Literal["speech", "prompt", "tool", "reply"]
    name: str
    from_ms: float
    to_ms: float | None = None
    failed: bool = False


class TurnRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One turn in the waterfall.

    Attributes:
        number: of the turn; 0 is the greeting.
        at_s: the caller's last sound: the zero of the times in ms.
        agent: who answered.
        said: the caller's words.
        measured: `TurnMeasured` as it stands in the journal, once for each part of the reply.
        spans: speech, prompts, tools and the reply.
        predicted_ms: when the turn was predicted to be over.
        prediction: what became of that.
        discarded: the turn was predicted only, and never took place.
        interrupted: the caller spoke over the reply.
        failed: the agents could not complete the turn.
        cancelled: why the work on it was stopped.
        rules: rules that stepped in.
        usage: what its models and speech engines used.
        cost: of that, in the currency of the call; None without prices.

    """

    number: int
    at_s: float
    agent: str = ""
    said: str = ""
    measured: tuple[TurnMeasured, ...] = ()
    spans: tuple[Span, ...] = ()
    predicted_ms: float | None = None
    prediction: str = ""
    discarded: bool = False
    interrupted: bool = False
    failed: bool = False
    cancelled: str = ""
    rules: tuple[str, ...] = ()
    usage: Usage | None = None
    cost: float | None = None


class Stage(msgspec.Struct, frozen=True):
    """A stage of a turn: the field of `TurnMeasured`, and its name for people."""

    field: str
    name: str


#: the stages that follow one another; the transcript's wait is a part of the first
STAGES = tuple(Stage(field, name) for field, name in TURN_STAGES.items() if field != "stt_ms")


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page shows before somebody unfolds something.

    Attributes:
        call: its id.
        record: the call record; from the journal if the server has none any more.
        running: the call goes on.
        events: number of entries in the journal; 0 if it is gone.
        agents: who answered, in order of appearance.
        versions: what answered, by the turn from which it did.
        variables: what was known of the call when it began: given with it, or answered by the app.
        lines: the transcript.
        turns: the waterfall.
        stages: of the waterfall.
        label_url: where the call is a task in Label Studio; empty if it is none.
        problems: what could not be read.

    """

    call: str
    record: CallRecord
    running: bool
    events: int
    agents: tuple[str, ...]
    versions: tuple[Answering, ...]
    variables: dict[str, str]
    lines: tuple[Line, ...]
    turns: tuple[TurnRow, ...]
    stages: tuple[Stage, ...] = STAGES
    label_url: str = ""
    problems: tuple[str, ...] = ()


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def call_view(journal: CallJournal, record: CallRecord | None, prices: Prices, **known: Any) -> CallView:
    """The view of a call.

    Args:
        journal: its journal; empty if only the record is left.
        record: the server's record; without one it is made from the journal.
        prices: for the cost of each turn, and of a call without a record.
        known: ``running``, ``problems`` and ``label_url`` of `CallView`.

    """
    history = journal.history
    return CallView(
        call=journal.call,
        record=record if record is not None else call_record(history, prices),
        events=len(journal.entries),
        agents=tuple(_agents(journal)),
        versions=tuple(versions(dialogue(history))),
        variables={name: _shown(value) for name, value in history.variables.items()},
        lines=tuple(lines(journal)),
        turns=tuple(turn_rows(journal, prices)),
        **known,
    )


def _agents(journal: CallJournal) -> Iterator[str]:
    spoken = [turn.speaker for turn in journal.history.turns if turn.speaker]
    changed = [each.event.agent for each in journal.happened if isinstance(each.event, AgentChanged | AppChanged)]
    yield from dict.fromkeys([*changed, *spoken])


# -- the transcript


def lines(journal: CallJournal) -> list[Line]:
    """The transcript, in the order in which it was heard or happened."""
    clock_at = journal.history.clock_at
    numbered = [*_spoken(journal), *(_happened(each, clock_at) for each in journal.happened)]
    for request, requested in journal.unanswered.values():
        numbered.append((request, _unanswered(requested, request, clock_at)))
    for remark in journal.remarks:
        line = Line(kind=remark.kind, at_s=since(clock_at, remark.at), text=remark.text, event=remark.number)
        numbered.append((remark.number - 0.5, line))  # what is missing was before the entry that shows it
    return [line for _, line in sorted(numbered, key=lambda pair: (pair[1].at_s, pair[0]))]


def _spoken(journal: CallJournal) -> Iterator[tuple[float, Line]]:
    by_number = {turn.number: turn for turn in journal.history.turns}
    for turn in dialogue(journal.history).turns:
        whole = by_number[turn.number]
        if turn.said_from_s is not None:
            number = _number(journal, whole.said_index)
            yield (
                number or 0,
                Line(
                    kind="caller",
                    at_s=turn.said_from_s,
                    to_s=turn.said_to_s,
                    who=f"caller to {turn.said_to}" if turn.said_to else "caller",
                    text=turn.transcript,
                    turn=turn.number,
                    event=number,
                ),
            )
        if turn.reply_heard or turn.reply:
            number = _number(journal, whole.reply_index)
            yield number or 0, _reply(turn, number)


def _reply(turn: DialogueTurn, number: int | None) -> Line:
    who = turn.operator or turn.agent or ("greeting" if turn.number == 0 else "agent")
    if not turn.reply_heard:
        at_s = turn.said_to_s or turn.said_from_s or 0.0
        return Line(kind="not_heard", at_s=at_s, who=who, unheard=turn.reply, turn=turn.number, event=number)
    return Line(
        kind="operator" if turn.operator else "reply",
        at_s=turn.heard_from_s or 0.0,
        to_s=turn.heard_to_s,
        who=who,
        text=turn.reply_heard,
        unheard=unheard(turn.reply, turn.reply_heard) if turn.interrupted else "",
        turn=turn.number,
        event=number,
    )


def unheard(reply: str, heard: str) -> str:
    """The words of a reply after those that were heard, which may begin with a filler that is no part of it."""
    meant, played = reply.split()[:_MOST_WORDS], heard.split()[:_MOST_WORDS]
    plain, last = [_plain(word) for word in meant], [_plain(word) for word in played]
    for skipped, word in enumerate(last):
        left = len(last) - skipped
        if plain and word == plain[0] and last[skipped:] == plain[:left]:
            return " ".join(meant[left:])
    return "" if played else reply


def _plain(word: str) -> str:
    return word.strip(".,;:!?…").casefold()


def _happened(happening: Happening, clock_at: float) -> tuple[float, Line]:
    event = happening.event
    kind = _EVENT_KINDS.get(type(event), "warning" if happening.serious else "event")
    turn: int | None = event.turn
    if event.family == OperatorSaid.family:  # a console does not number turns
        kind, turn = "operator", None
    at_s = since(clock_at, event.at)
    return happening.number, Line(kind=kind, at_s=at_s, text=happening.text, turn=turn, event=happening.number)


def _unanswered(requested: Any, number: int, clock_at: float) -> Line:
    return Line(
        kind="tool",
        at_s=since(clock_at, requested.at),
        text=f"{as_call(requested)} → no result yet",
        turn=requested.turn,
        event=number,
    )


def _number(journal: CallJournal, index: int | None) -> int | None:
    """The entry of an event that the history counted."""
    return journal.numbers[index] if index is not None and index < len(journal.numbers) else None


def since(clock_at: float, at: float) -> float:
    """Seconds on the call's clock; 0 before its start, and for a time that no clock shows."""
    return round(max(0.0, at - clock_at), 3) if math.isfinite(at) else 0.0


# -- the waterfall


def turn_rows(journal: CallJournal, prices: Prices) -> Iterator[TurnRow]:
    """Where the time of each turn went, predicted turns that were none included."""
    for turn in journal.history.turns:
        predicted, usage = journal.predicted.get(turn.number), journal.usage.get(turn.number)
        zero_at = _zero(journal.history, turn, predicted)
        row = TurnRow(
            number=turn.number,
            at_s=since(journal.history.clock_at, zero_at),
            agent=turn.speaker or turn.agent,
            said=turn.transcript or (predicted.text if predicted is not None else ""),
            measured=tuple(map(_without_header, turn.latencies)),
            spans=tuple(_spans(turn, zero_at, journal.history.clock_at)),
            predicted_ms=None if predicted is None else _ms(zero_at, predicted.at),
            prediction=turn.prediction,
            discarded=turn.discarded,
            interrupted=turn.interrupted,
            failed=turn.failed,
            cancelled=turn.cancelled,
            rules=turn.rules,
            usage=usage,
            cost=turn_cost(usage, prices),
        )
        if row.measured or row.spans or row.predicted_ms is not None:
            yield row


def turn_cost(usage: Usage | None, prices: Prices) -> float | None:
    """The cost of a turn's models and speech, without its share of the line; None without prices."""
    if usage is None or not prices.any:
        return None
    cost = cost_of(usage, prices)
    return round(cost.models + cost.stt + cost.tts, 6)


def _without_header(measured: TurnMeasured) -> TurnMeasured:
    """The measurement with nothing of the header but what says whose it is."""
    return replace(measured, id="", at=0.0, source="", cause="", trace="", version="")


def _zero(history: CallHistory, turn: Turn, predicted: UserTurnPredicted | None) -> float:
    """The moment from which the waits of a turn are counted, epoch seconds: the caller's last sound."""
    ended: UserTurnEnded | UserTurnPredicted | None = turn.ended or predicted
    return history.clock_at if ended is None else ended.speech_ended_at or ended.at


def _spans(turn: Turn, zero_at: float, clock_at: float) -> Iterator[Span]:
    if turn.said_from_s is not None and turn.said_to_s is not None:
        speech_ms = round((turn.said_to_s - turn.said_from_s) * 1000, 1)
        yield Span(kind="speech", name="speech", from_ms=-speech_ms, to_ms=0.0)
    for prompt in turn.prompts:
        yield from _work("prompt", prompt, zero_at)
    for tool in turn.tools:
        yield from _work("tool", tool, zero_at)
    if turn.heard_from_s is not None:
        to_ms = None if turn.heard_to_s is None else _ms(zero_at, clock_at + turn.heard_to_s)
        yield Span(kind="reply", name="reply heard", from_ms=_ms(zero_at, clock_at + turn.heard_from_s), to_ms=to_ms)


def _work(kind: Literal["prompt", "tool"], step: PromptStep | ToolStep, zero_at: float) -> Iterator[Span]:
    requested, completed = step.requested, step.completed
    known = requested or completed
    if known is None or not known.at:
        return
    begun = requested.at if requested is not None else known.at - getattr(known, "duration_ms", 0.0) / 1000
    failed = completed is not None and bool(getattr(completed, "failed", False) or getattr(completed, "error", ""))
    name = step.name if isinstance(step, ToolStep) else (step.requested.agent if step.requested is not None else "")
    to_ms = None if completed is None else _ms(zero_at, completed.at)
    yield Span(kind=kind, name=name, from_ms=_ms(zero_at, begun), to_ms=to_ms, failed=failed)


def _ms(zero_at: float, at: float) -> float:
    return round((at - zero_at) * 1000, 1) if math.isfinite(at) else 0.0
