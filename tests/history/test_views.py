"""What the views answer: as recorded for known journals, and what holds for every journal, whole or damaged.

The recorded answers are those of the nine folds that the history replaced; on these journals, and on thousands of
made-up ones, both agreed. ``python -m tests.history.test_views`` records them again.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from orchestra.history.reduce import history_of
from orchestra.history.views.by_utterance import by_utterance
from orchestra.history.views.call_record import call_record
from orchestra.history.views.dialogue import dialogue
from orchestra.history.views.spans import spans
from orchestra.history.views.timeline import timeline
from orchestra.history.views.transcript import text, transcript, webvtt
from orchestra.history.views.turn_summaries import call_summary
from orchestra.prices import ModelPrice, Prices
from orchestra_schemas import CallAnalysed, Event, ReplyInterrupted, ToolCompleted, UserTurnEnded, Verdict
from tests.history.journals import GOLDEN, damaged_journals, read_journal, whole_journals

EXPECTED = Path(__file__).parent / "expected"
JOURNALS = {
    **{path.stem: path for path in GOLDEN},
    "spoken": Path(__file__).parents[1] / "compatibility" / "0.1.0" / "journal.jsonl",
}
PRICES = Prices(models={"offline": ModelPrice(prompt_per_million=2.0)}, call_per_minute=0.012)
WHOLE = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def answers(events: list[Event]) -> Any:
    """What every view says about a call, as JSON has it."""
    history = history_of(events)
    begins = [event.at - 1.0 for event in events if isinstance(event, UserTurnEnded)]
    views = {
        "by_utterance": [
            [turn.transcript, turn.reply, turn.reply_heard, turn.agent, [step.name for step in turn.tools]]
            for turn in by_utterance(history, begins)
        ],
        "dialogue": dialogue(history),
        "record": call_record(history, PRICES),
        "resume": msgspec.structs.replace(history.resume, ending=None),
        "spans": spans(history),
        "summary": call_summary(history),
        "timeline": timeline(history, [(events[0].at, "something is missing")]),
        "transcript": text(history).splitlines(),
        "webvtt": webvtt(history).splitlines(),
    }
    return msgspec.json.decode(msgspec.json.encode(views))


@pytest.mark.parametrize("name", JOURNALS)
@pytest.mark.parametrize(
    "view",
    [
        "by_utterance", "dialogue", "record", "resume", "spans", "summary", "timeline", "transcript", "webvtt",
    ],
)  # fmt: skip
def test_the_views_of_a_known_journal_are_as_recorded(name: str, view: str) -> None:
    expected = msgspec.json.decode((EXPECTED / f"{name}.json").read_bytes())
    assert answers(read_journal(JOURNALS[name]))[view] == expected[view]


@pytest.mark.integration
@WHOLE
@given(whole_journals)
def test_in_a_whole_call_nothing_ends_before_it_begins(events: list[Event]) -> None:
    history = history_of(events)
    assert all(each.from_s <= each.to_s for each in transcript(history))
    assert all(span.start <= span.end for span in spans(history))
    assert len({span.span_id for span in spans(history)}) == len(spans(history))


@pytest.mark.integration
@WHOLE
@given(damaged_journals)
def test_every_journal_can_be_viewed(events: list[Event]) -> None:
    answers(events)
    history = history_of(events)
    assert history.events == len(events)
    numbers = [turn.number for turn in history.turns]
    assert numbers == sorted(set(numbers))
    lines = timeline(history)
    assert [line.at_s for line in lines] == sorted(line.at_s for line in lines)


def test_a_judge_that_cannot_tell_differs_from_one_that_failed() -> None:
    verdicts = (
        Verdict(judge="polite", passed=True),
        Verdict(judge="brief", passed=False),
        Verdict(judge="happy", reason="the caller says nothing of it"),
        Verdict(judge="legal", error="the model does not answer"),
    )
    (line,) = timeline(history_of([CallAnalysed(call="00-a", extracted={"parcel": 1}, verdicts=verdicts)]))
    said = "polite: passed; brief: not passed; happy: cannot tell; legal: no verdict"
    assert line.what == f"analysed: 1 value extracted; {said}"


@pytest.mark.integration
@WHOLE
@given(damaged_journals)
def test_the_record_counts_what_the_journal_has(events: list[Event]) -> None:
    record = history_of(events).record
    turns = sum(isinstance(event, UserTurnEnded) for event in events)
    interruptions = sum(isinstance(event, ReplyInterrupted) and not event.stopped_by for event in events)
    assert (record.turns, record.interruptions) == (turns, interruptions)
    failed = [event.failed for event in events if isinstance(event, ToolCompleted)]
    assert (record.tools, record.failed_tools) == (len(failed), sum(failed))


@pytest.mark.integration
@WHOLE
@given(whole_journals)
def test_the_turns_of_a_summary_are_those_of_the_dialogue(events: list[Event]) -> None:
    history = history_of(events)
    summary = {turn.number: turn for turn in call_summary(history).turns}
    for turn in dialogue(history).turns:
        if turn.number > 0:
            other = summary[turn.number]
            assert (turn.transcript, turn.interrupted, turn.failed) == (
                other.transcript,
                other.interrupted,
                other.failed,
            )


if __name__ == "__main__":
    EXPECTED.mkdir(exist_ok=True)
    for journal_name, path in JOURNALS.items():
        content = msgspec.json.encode(answers(read_journal(path)))
        (EXPECTED / f"{journal_name}.json").write_bytes(msgspec.json.format(content, indent=1) + b"\n")
