import pytest

from orchestra.bus import Entry
from orchestra.bus.stream.encode import encode_event
from orchestra.history.gaps import GapDetector
from orchestra_schemas import (
    AgentChanged,
    AppChanged,
    CallAnswered,
    CallEnded,
    CallStarted,
    Event,
    OperatorHandedBack,
    OperatorTookOver,
    PromptCompleted,
    PromptRequested,
    ReplyInterrupted,
    ReplySpoken,
    TransferFailed,
    TurnCompleted,
    UserTurnEnded,
    UserTurnResumed,
)

CALL = "07-0199a0b4-c0de-7000-8000-00000000aaaa"


def journal() -> list[Event]:
    """Three turns, each with a prompt; ids and causes as the bus makes them."""
    start = f"{CALL}:edge.1"
    events: list[Event] = [
        CallStarted(call=CALL, id=start),
        AgentChanged(call=CALL, id=f"{start}.orchestration.1", cause=start, agent="desk"),
    ]
    for turn in (1, 2, 3):
        ended = f"{CALL}:edge.{turn * 10}"
        asked = f"{ended}.orchestration.1"
        events += [
            UserTurnEnded(call=CALL, turn=turn, id=ended, text="words"),
            PromptRequested(call=CALL, turn=turn, id=asked, cause=ended, agent="desk"),
            PromptCompleted(call=CALL, turn=turn, id=f"{asked}.execution.1", cause=asked, request=asked),
            TurnCompleted(call=CALL, turn=turn, id=f"{ended}.orchestration.2", cause=ended, agent="desk"),
        ]
    return [*events, CallEnded(call=CALL, id=f"{CALL}:edge.99", reason="caller_hung_up")]


def entries(events: list[Event]) -> list[Entry]:
    found = []
    for number, event in enumerate(events):
        encoded = encode_event(event)
        found.append(Entry(f"{number}-0", 7, encoded.stream, encoded.type.decode(), CALL, encoded.id, encoded.body))
    return found


def gaps_in(events: list[Event], *, cut: bool = False) -> list[str]:
    gaps = GapDetector(cut=cut)
    return [text.removeprefix(f"{CALL}: ") for entry in entries(events) for text in gaps.missing_before(entry)]


def without(*places: int) -> list[Event]:
    return [event for place, event in enumerate(journal()) if place not in places]


def test_a_whole_journal_has_no_gap() -> None:
    gaps = GapDetector()
    assert [text for entry in entries(journal()) for text in gaps.missing_before(entry)] == []
    assert gaps.open_calls() == []


def test_an_event_that_was_deleted_is_missed_where_it_is_answered() -> None:
    assert gaps_in(without(3)) == ["event edge.10.orchestration.1 is missing before prompt.completed"]


def test_a_turn_that_was_deleted_is_missed_at_the_next_one() -> None:
    assert gaps_in(without(6, 7, 8, 9)) == ["turn 2 is missing before turn 3"]
    assert gaps_in(without(2, 3, 4, 5, 6, 7, 8, 9)) == ["turns 1 to 2 are missing before turn 3"]


def test_a_turn_that_was_only_predicted_is_not_missed() -> None:
    events = journal()
    resumed = UserTurnResumed(call=CALL, turn=4, id=f"{CALL}:edge.40")
    ended = UserTurnEnded(call=CALL, turn=5, id=f"{CALL}:edge.50", text="words")
    assert gaps_in([*events[:-1], resumed, ended, events[-1]]) == []


def test_a_trimmed_beginning_is_reported_once() -> None:
    assert gaps_in(without(0, 1, 2)) == [
        "its beginning is missing; the first event that is left is prompt.requested"
    ]  # what it belongs to is not missed a second time
    assert gaps_in(without(*range(6)))[0].startswith("its beginning is missing")


def test_a_dialled_call_begins_with_its_answer_or_its_end() -> None:
    answered = CallAnswered(call=CALL, id=f"{CALL}:edge.0", by="machine")
    assert gaps_in([answered, *journal()]) == []
    assert gaps_in([CallEnded(call=CALL, id=f"{CALL}:edge.0", reason="no_answer")]) == []


def test_calls_that_were_running_when_the_recording_begins_have_no_gap() -> None:
    assert gaps_in(without(0, 1, 2), cut=True) == []


def test_a_call_without_its_end_is_open() -> None:
    gaps = GapDetector()
    for entry in entries(without(14)):
        assert gaps.missing_before(entry) == []
    assert gaps.open_calls() == [CALL]


def test_a_body_that_is_damaged_is_reported_where_it_is() -> None:
    damaged = Entry("1-0", 7, "events", "call.started", CALL, f"{CALL}:edge.1", b'{"type":"call.st')
    assert GapDetector().missing_before(damaged) == [f"{CALL}: the body of {CALL}:edge.1 is not the JSON of an event"]


def test_sentences_of_operators_and_the_one_after_a_take_over_are_turns_and_no_gaps() -> None:
    events: list[Event] = [
        CallStarted(call=CALL, id="1"),
        UserTurnEnded(call=CALL, id="2", turn=1, text="hello"),
        ReplySpoken(call=CALL, id="3", turn=2, text="One moment.", operator="anna"),
        UserTurnEnded(call=CALL, id="4", turn=3, text="yes", operator="anna"),
        OperatorHandedBack(call=CALL, id="5", operator="anna"),
        ReplyInterrupted(call=CALL, id="6", turn=4, heard=""),
        UserTurnEnded(call=CALL, id="7", turn=5, text="hello"),
    ]
    assert gaps_in(events) == []
    assert gaps_in([event for event in events if event.id != "4"]) == ["turns 3 to 4 are missing before turn 5"]


@pytest.mark.parametrize(
    "before",
    [
        AppChanged(call=CALL, id="2", app="bank", agent="desk", operator="anna"),
        OperatorTookOver(call=CALL, id="2", operator="+15550111"),
        TransferFailed(call=CALL, id="2", target="+15550111", reason="no answer"),
    ],
)
def test_what_the_edge_says_of_its_own_accord_is_a_turn_and_no_gap(before: Event) -> None:
    events = [
        CallStarted(call=CALL, id="1"),
        before,
        ReplySpoken(call=CALL, id="3", turn=1, text="Nobody answers there."),
        UserTurnEnded(call=CALL, id="4", turn=2, text="oh"),
    ]
    assert gaps_in(events) == []
    assert gaps_in([events[0], *events[2:]]) == ["turn 1 is missing before turn 2"]
