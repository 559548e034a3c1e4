"""The history gives the same answers as the folds that it replaces, on golden journals and on made-up ones."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from orchestra.history.call import CallHistory
from orchestra.history.record import priced
from orchestra.history.reduce import history_of
from orchestra.history.views.by_utterance import by_utterance
from orchestra.history.views.dialogue import dialogue
from orchestra.history.views.spans import spans
from orchestra.history.views.summary import call_summary
from orchestra.history.views.timeline import timeline
from orchestra.history.views.transcript import text, webvtt
from orchestra.prices import ModelPrice, Prices
from orchestra_schemas import Event, ReplyChunk, UserTurnEnded
from tests.history.journals import GOLDEN, damaged_journals, read_journal, whole_journals
from tests.history.oracle import by_utterance as old_account
from tests.history.oracle import dialogue as old_dialogue
from tests.history.oracle import resume as old_resume
from tests.history.oracle import summary as old_record
from tests.history.oracle import timeline as old_timeline
from tests.history.oracle import traces as old_traces
from tests.history.oracle import transcript as old_transcript
from tests.history.oracle import turns as old_turns
from tests.history.oracle import usage as old_usage

PRICES = Prices(models={"big": ModelPrice(prompt_per_million=2.0)}, call_per_minute=0.012)
_KINDS = {("bold", "bold"): "caller", ("", "bold cyan"): "reply", ("dim", "bold cyan"): "not_heard",
          ("dim", ""): "event", ("yellow", ""): "warning"}  # fmt: skip

#: shrinking a journal to its least form would take minutes
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)

Answer = Callable[[list[Event], CallHistory], tuple[Any, Any]]


def _json(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def _dialogue(events: list[Event], history: CallHistory) -> tuple[Any, Any]:
    return _json(old_dialogue.dialogue(events)), _json(dialogue(history))


def _summary(events: list[Event], history: CallHistory) -> tuple[Any, Any]:
    return _json(old_turns.told(events)), _json(call_summary(history))


def _missing(events: list[Event], history: CallHistory) -> tuple[Any, Any]:
    return old_turns.told(events).missing, call_summary(history).missing_turns


def _resume(events: list[Event], history: CallHistory) -> tuple[Any, Any]:
    old, new = old_resume.standing(events), history.resume
    fields = (
        "started_at", "turn", "turn_ended_at", "speech_ended_at", "agent", "complete", "over", "caller_spoke",
        "resumed", "stream", "answered_by", "transferred", "accepted", "transfer_failed", "ended",
    )  # fmt: skip
    values = [[getattr(each, field) for field in fields] for each in (old, new)]
    endings = [repr(each.ending) for each in (old, new)]
    return (
        (values[0], endings[0], old.heard, old.spoken, old.unsaid),
        (values[1], endings[1], list(new.heard), new.all_heard, list(new.unheard)),
    )


def _record(events: list[Event], history: CallHistory) -> tuple[Any, Any]:
    fields: dict[str, str] = {}
    for event in events:
        fields |= old_record.changes(event, fields) | old_usage.costs(event, fields, PRICES)
    known: dict[str, Any] = {**fields, "call": events[0].call}
    for name in {"usage", "cost"} & known.keys():
        known[name] = msgspec.json.decode(fields[name])
    record = priced(history.record, PRICES)
    old = msgspec.convert(known, type(record), strict=False)
    if record.cost is None:  # nothing was used: there was a cost of 0
        old = msgspec.structs.replace(old, cost=None)
    return old, record


def _timeline(events: list[Event], history: CallHistory) -> tuple[Any, Any]:
    gaps = [(events[0].at + 2, "turn 2 is missing")]
    old = [
        (line.at_s, line.who, line.what, _KINDS[line.style, line.who_style]) for line in old_timeline.told(events, gaps)
    ]
    return old, [(line.at_s, line.who, line.what, line.kind) for line in timeline(history, gaps)]


def _transcript(events: list[Event], history: CallHistory) -> tuple[Any, Any]:
    return (
        (old_transcript.text(events), old_transcript.webvtt(events)),
        (text(history), webvtt(history)),
    )


def _flat(text: str) -> str:
    return " ".join(text.split())


def _account(events: list[Event], history: CallHistory) -> tuple[Any, Any]:
    # the agent of a filler, or of a chunk without words, is not compared: real chunks have words
    events = [event for event in events if not (isinstance(event, ReplyChunk) and (event.filler or not event.text))]
    history = history_of(events)
    begins = sorted({event.at - 1.0 for event in events if isinstance(event, UserTurnEnded)})[::2]
    old = [
        (turn.number, *map(_flat, (turn.understood, turn.spoken, turn.reply)), turn.agent if turn.reply else "",
         turn.tools, turn.interrupted, turn.failed, turn.measured)
        for turn in old_account.account(events, begins)
    ]  # fmt: skip
    new = [
        (turn.number, *map(_flat, (turn.transcript, turn.reply_heard, turn.reply)), turn.agent,
         [step.name for step in turn.tools], turn.interrupted, turn.failed, turn.latency)
        for turn in by_utterance(history, begins)
    ]  # fmt: skip
    return old, new


def _spans(events: list[Event], history: CallHistory) -> tuple[Any, Any]:
    return _json(old_traces.spans_of(events)), _json(spans(history))


EVERY_JOURNAL: list[Answer] = [_dialogue, _summary, _missing, _resume, _record, _timeline, _transcript]
#: these folds sort by time, or take the first of events that a call has once: damaged journals mean nothing to them
IN_ORDER: list[Answer] = [_account, _spans]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
@pytest.mark.parametrize("answer", [*EVERY_JOURNAL, *IN_ORDER], ids=lambda answer: answer.__name__)
def test_on_a_golden_journal_the_answers_are_the_same(answer: Answer, path: Any) -> None:
    events = read_journal(path)
    old, new = answer(events, history_of(events))
    assert new == old


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(whole_journals)
def test_on_a_whole_call_the_answers_are_the_same(events: list[Event]) -> None:
    history = history_of(events)
    for answer in (*EVERY_JOURNAL, *IN_ORDER):
        old, new = answer(events, history)
        assert new == old


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(damaged_journals)
def test_on_a_damaged_journal_the_answers_are_the_same(events: list[Event]) -> None:
    history = history_of(events)
    for answer in EVERY_JOURNAL:
        old, new = answer(events, history)
        assert new == old
