"""A call's page is a projection of its journal: golden journals, and journals with something missing or unknown."""

from pathlib import Path

import msgspec
import pytest

from orchestra.bus import Entry
from orchestra.bus.stream.encode import encode_event
from orchestra.console.call_page.journal import CallJournal
from orchestra.console.call_page.projection import CallView, Line, call_view, lines, unheard
from orchestra.console.call_page.raw_events import raw_event, raw_events
from orchestra.console.call_page.turn_detail import turn_detail
from orchestra.prices import ModelPrice, Prices
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallStarted,
    DigitPressed,
    Event,
    Message,
    OperatorHandedBack,
    OperatorJoined,
    OperatorSaid,
    OperatorTookOver,
    PromptCompleted,
    PromptRequested,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    SpeechMetered,
    ToolCompleted,
    ToolRequested,
    TurnCompleted,
    TurnMeasured,
    UserSpeechStarted,
    UserTurnEnded,
    UserTurnPredicted,
    UserTurnResumed,
)
from orchestra_schemas.speech import TURN_TIMES
from tests.history.journals import GOLDEN, read_journal

CALL = "07-0199a0b4-c0de-7000-8000-00000000aaaa"
BEGAN = 1_763_830_000.0
VAN = "It is in the van"
PRICES = Prices(models={"offline": ModelPrice(prompt_per_million=1.0, completion_per_million=2.0)})


def entry(event: Event, number: int) -> Entry:
    encoded = encode_event(event)
    stream_id = f"{int((event.at or BEGAN) * 1000)}-{number}"
    return Entry(stream_id, 7, encoded.stream, encoded.type.decode(), event.call, encoded.id, encoded.body)


def journal_of(events: list[Event], call: str = CALL) -> CallJournal:
    journal = CallJournal(call)
    for number, event in enumerate(events):
        journal.add(entry(event, number))
    return journal


def view(journal: CallJournal, prices: Prices = PRICES) -> CallView:
    return call_view(journal, None, prices, running=False)


def a_call() -> list[Event]:
    """A turn with a tool, an interruption, a wrong prediction, a key."""
    ids = iter(f"{CALL}:edge.{number}" for number in range(1, 99))

    def at(second: float) -> dict[str, object]:
        return {"call": CALL, "id": next(ids), "at": BEGAN + second}

    return [
        CallStarted(from_number="+15550001", app="parcels", variables={"name": "Ann"}, **at(0.0)),
        AgentChanged(agent="desk", **at(0.1)),
        UserSpeechStarted(**at(1.0)),
        UserTurnPredicted(turn=1, text="Where is", speech_ended_at=BEGAN + 1.5, **at(1.7)),
        UserTurnResumed(turn=1, **at(1.9)),
        UserTurnEnded(turn=2, text="Where is my parcel?", speech_ended_at=BEGAN + 3.0, **at(3.4)),
        PromptRequested(turn=2, agent="desk", messages=(Message(role="user", content="Where?"),), **at(3.41)),
        PromptCompleted(
            turn=2, request=f"{CALL}:edge.7", model="offline", prompt_tokens=1000, completion_tokens=100, **at(3.8)
        ),
        ToolRequested(turn=2, agent="desk", name="find_parcel", arguments='{"number":"4271"}', **at(3.9)),
        ToolCompleted(turn=2, request=f"{CALL}:edge.9", name="find_parcel", result="in the van", **at(4.2)),
        ReplyChunk(turn=2, text=f"{VAN}, and comes today.", agent="desk", **at(4.5)),
        TurnCompleted(turn=2, agent="desk", text=f"{VAN}, and comes today.", rules=("no_promises",), **at(4.6)),
        TurnMeasured(
            turn=2, turn_end_ms=400.0, stt_ms=120.0, routing_ms=10.0, first_token_ms=390.0, first_sentence_ms=700.0,
            tts_ms=90.0, output_ms=20.0, total_ms=1610.0, ready="nothing", wasted_predictions=1, **at(4.7),
        ),
        ReplyInterrupted(turn=2, heard=VAN, **at(6.0)),
        DigitPressed(turn=2, digit="5", **at(6.5)),
        SpeechMetered(turn=2, stt="local", stt_s=4.0, tts="local", tts_characters=34, **at(6.6)),
        CallEnded(turn=2, reason="caller_hung_up", duration_s=7.0, **at(7.0)),
    ]  # fmt: skip


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_waterfall_of_a_known_journal_has_the_numbers_of_its_measurements(path: Path) -> None:
    events = read_journal(path)
    stages = ("turn_end_ms", "routing_ms", "first_token_ms", "first_sentence_ms", "tts_ms", "output_ms")
    measured = [
        TurnMeasured(
            call=event.call, turn=event.turn, at=event.at, total_ms=150.0, stt_ms=3.0,
            **{stage: 10.0 * number + event.turn for number, stage in enumerate(stages)},
        )
        for event in events
        if isinstance(event, UserTurnEnded)
    ]  # fmt: skip
    shown = view(journal_of([*events, *measured], events[0].call))
    assert [stage.field for stage in shown.stages] == list(stages)
    drawn = [part for turn in shown.turns for part in turn.measured]
    assert [[getattr(each, name) for name in TURN_TIMES] for each in drawn] == [
        [getattr(each, name) for name in TURN_TIMES] for each in measured
    ]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_word_of_a_known_journal_is_in_its_transcript(path: Path) -> None:
    events = read_journal(path)
    shown = lines(journal_of(events, events[0].call))
    said = [line.text for line in shown if line.kind == "caller"]
    assert said == [event.text for event in events if isinstance(event, UserTurnEnded)]
    assert [line.text for line in shown if line.kind == "reply"] == [
        event.text if isinstance(event, ReplySpoken) else event.heard
        for event in events
        if isinstance(event, ReplySpoken | ReplyInterrupted)
    ]
    tools = sum(isinstance(event, ToolCompleted) for event in events)
    assert sum(line.kind == "tool" for line in shown) == tools


def test_lines_are_at_their_second_of_the_recording_and_name_their_event() -> None:
    found = {line.kind: line for line in lines(journal_of(a_call()))}
    assert found["caller"] == Line(
        kind="caller", at_s=1.0, to_s=3.0, who="caller", text="Where is my parcel?", turn=2, event=5
    )
    assert (found["tool"].text, found["tool"].event) == ('find_parcel(number="4271") → in the van [0 ms]', 9)
    assert (found["handoff"].at_s, found["key"].at_s, found["interrupted"].at_s) == (0.1, 6.5, 6.0)
    reply = found["reply"]
    assert (reply.text, reply.unheard, reply.at_s) == ("It is in the van", "and comes today.", 4.61)


def test_the_rest_of_an_interrupted_reply_begins_after_the_last_word_that_was_played() -> None:
    assert unheard("One. Two three, four.", "one, two") == "three, four."
    assert unheard("The parcel is here.", "One moment. The parcel") == "is here."
    assert unheard("Never played.", "") == "Never played."
    assert unheard("All of it.", "All of it.") == ""


def test_work_on_a_turn_is_drawn_from_the_callers_last_sound_on() -> None:
    void, turn = view(journal_of(a_call())).turns
    assert (void.number, void.discarded, void.prediction, void.predicted_ms) == (1, True, "resumed", 200.0)
    spans = {span.kind: span for span in turn.spans}
    assert (spans["speech"].from_ms, spans["speech"].to_ms) == (-2000.0, 0.0)
    assert (spans["prompt"].name, spans["prompt"].from_ms, spans["prompt"].to_ms) == ("desk", 410.0, 800.0)
    assert (spans["tool"].name, spans["tool"].from_ms, spans["tool"].to_ms) == ("find_parcel", 900.0, 1200.0)
    assert (turn.interrupted, turn.rules, turn.measured[0].total_ms) == (True, ("no_promises",), 1610.0)


def test_a_turn_costs_what_its_models_and_speech_used() -> None:
    (turn,) = (turn for turn in view(journal_of(a_call())).turns if turn.number == 2)
    assert turn.cost == pytest.approx(0.0012)
    assert turn.usage is not None
    assert turn.usage.tts_characters == {"local": 34}
    assert next(turn for turn in view(journal_of(a_call()), Prices()).turns if turn.number == 2).cost is None


def test_a_turn_unfolds_into_its_prompts_tools_and_rules() -> None:
    detail = turn_detail(journal_of(a_call()), 2, PRICES)
    assert detail is not None
    (prompt,), (tool,) = detail.prompts, detail.tools
    assert [message.content for message in prompt.messages] == ["Where?"]
    assert prompt.answer is not None
    assert (prompt.answer.prompt_tokens, prompt.answer.model) == (1000, "offline")
    assert (tool.arguments, tool.result, tool.failed) == ('{"number":"4271"}', "in the van", False)
    assert detail.rules == ("no_promises",)
    assert turn_detail(journal_of(a_call()), 9, PRICES) is None


def test_passages_of_the_knowledge_are_told_apart() -> None:
    questions = next(path for path in GOLDEN if path.stem == "questions")
    events = read_journal(questions)
    detail = turn_detail(journal_of(events, events[0].call), 1, PRICES)
    assert detail is not None
    passages = detail.tools[0].passages
    assert passages[0].title == "Prices: What does it cost to send a parcel"
    assert passages[0].text.startswith("A small parcel")


def test_what_is_missing_unknown_or_damaged_is_told_at_its_place() -> None:
    journal = CallJournal(CALL)
    events = a_call()
    missing = [event for event in events if not isinstance(event, ToolRequested)]
    answered = msgspec.structs.replace(missing[8], cause=f"{CALL}:edge.9")
    for number, event in enumerate([*missing[:8], answered, *missing[9:]]):
        journal.add(entry(event, number))
    foreign = b'{"type":"parcel.weighed","call":"%s","turn":2,"at":%d.5}' % (CALL.encode(), BEGAN + 5)
    journal.add(Entry("1763830005500-0", 7, "events", "parcel.weighed", CALL, f"{CALL}:app.1", foreign))
    journal.add(Entry("1763830005600-0", 7, "events", "digit.pressed", CALL, f"{CALL}:edge.90", b'{"digit":7}'))
    journal.add(Entry("1763830005700-0", 7, "events", "digit.pressed", CALL, f"{CALL}:edge.91", b"\xff{"))
    found = [line for line in lines(journal) if line.kind in {"gap", "unknown", "damaged"}]
    assert [(line.kind, line.at_s) for line in found] == [
        ("gap", 4.2), ("unknown", 5.5), ("damaged", 5.6), ("damaged", 5.7),
    ]  # fmt: skip
    assert found[0].text == "event edge.9 is missing before tool.completed"
    assert found[1].text == "parcel.weighed"
    assert raw_event(journal, 16).problem == "this version does not know the type"
    assert raw_event(journal, 18).body == "\ufffd{"


def test_a_journal_that_is_gone_leaves_an_empty_page() -> None:
    shown = view(CallJournal(CALL))
    assert (shown.events, shown.lines, shown.turns) == (0, (), ())


def test_what_an_operator_does_is_in_the_transcript() -> None:
    did: list[Event] = [
        ReplySpoken(call=CALL, text="Welcome.", agent="desk", at=BEGAN + 0.9),
        OperatorJoined(call=CALL, operator="Ann", listens=True, at=BEGAN + 1),
        OperatorSaid(call=CALL, operator="Ann", text="One moment, please.", at=BEGAN + 2),
        ReplySpoken(call=CALL, turn=1, text="One moment, please.", operator="Ann", at=BEGAN + 4),
        OperatorTookOver(call=CALL, operator="Ann", at=BEGAN + 5),
        UserTurnEnded(
            call=CALL, turn=2, text="Who is this?", operator="Ann", speech_ended_at=BEGAN + 8, at=BEGAN + 8.5
        ),
        OperatorHandedBack(call=CALL, operator="Ann", note="a refund of 5 pounds", at=BEGAN + 9),
    ]
    found = lines(journal_of([CallStarted(call=CALL, at=BEGAN), *did]))
    assert [(line.kind, line.who, line.text, line.turn) for line in found[2:]] == [
        ("operator", "", "Ann listens", None),
        ("operator", "", "Ann has the agent say: “One moment, please.”", None),
        ("operator", "Ann", "One moment, please.", 1),
        ("operator", "", "Ann takes the call over", None),
        ("caller", "caller to Ann", "Who is this?", 2),
        ("operator", "", "Ann hands the call back: “a refund of 5 pounds”", None),
    ]


def test_a_tool_that_has_not_answered_is_a_line_too() -> None:
    running = [event for event in a_call() if not isinstance(event, ToolCompleted)]
    (tool,) = (line for line in lines(journal_of(running)) if line.kind == "tool")
    assert tool.text == 'find_parcel(number="4271") → no result yet'


def test_raw_events_are_filtered_by_type_and_by_text_page_by_page() -> None:
    journal = journal_of(a_call())
    page = raw_events(journal, limit=5)
    assert ([event.number for event in page.events], page.following, page.total) == ([0, 1, 2, 3, 4], 5, 17)
    assert [event.number for event in raw_events(journal, first=15).events] == [15, 16]
    assert [event.type for event in raw_events(journal, types=["tool.completed"]).events] == ["tool.completed"]
    assert [event.type for event in raw_events(journal, text="VAN").events] == [
        "tool.completed", "reply.chunk", "turn.completed", "reply.interrupted",
    ]  # fmt: skip
    assert [event.type for event in raw_events(journal, text='{"number":"4271"}').events] == ["tool.requested"]


def test_a_long_body_is_cut_on_a_page_and_whole_on_request() -> None:
    words = "<script>alert(1)</script> \u202e" + "x" * 30_000
    ended = UserTurnEnded(call=CALL, id=f"{CALL}:edge.2", turn=1, text=words, at=BEGAN + 2)
    journal = journal_of([CallStarted(call=CALL, id=f"{CALL}:edge.1", at=BEGAN), ended])
    cut, whole = raw_event(journal, 1), raw_event(journal, 1, whole=True)
    assert (cut.whole, len(cut.body), whole.whole) == (False, 2_000, True)
    assert cut.size == len(whole.body)
    assert msgspec.json.decode(whole.body)["text"] == words
    assert [line.text for line in lines(journal) if line.kind == "caller"] == [words]
