import io

from rich.console import Console

from orchestra.cli.ui.console import LiveConversation
from orchestra.cli.ui.latency_table import turn_table
from orchestra.history.call import Turn
from orchestra.simulator import CheckedTurn, Span, TurnAudio, compare
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallEndRequested,
    CallStarted,
    Event,
    ReplyChunk,
    ReplyInterrupted,
    ToolCompleted,
    ToolRequested,
    TurnMeasured,
    UserTurnEnded,
)

CALL = "07-x"


def piped(width: int = 100) -> Console:
    return Console(file=io.StringIO(), width=width, highlight=False)


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def show(*events: Event) -> list[str]:
    console = piped()
    view = LiveConversation(console)
    view.show(CallStarted(call=CALL, at=100.0, from_number="+15550001", greeting="Welcome."))
    for event in events:
        view.show(event)
    return printed(console)[2:]


def test_a_call_begins_with_its_number_and_greeting() -> None:
    console = piped()
    LiveConversation(console).show(CallStarted(call=CALL, at=100.0, from_number="+15550001", greeting="Welcome."))
    assert printed(console) == ["0.0 s call 07-x from +15550001", "greeting Welcome."]


def test_speakers_and_transcripts_are_shown_as_they_come() -> None:
    assert show(
        UserTurnEnded(call=CALL, turn=1, at=104.5, text="where is my parcel"),
        AgentChanged(call=CALL, turn=1, at=104.5, agent="tracking", previous="reception", reason="routed"),
        ReplyChunk(call=CALL, turn=1, at=104.6, agent="tracking", text="Which number?"),
        ReplyInterrupted(call=CALL, turn=1, at=106.0, heard="I think that it was Which number?"),
    ) == [
        "4.5 s understood: where is my parcel",
        "reception → tracking (routed)",
        "4.6 s tracking Which number?",
        "6.0 s interrupted after “… think that it was Which number?”",
    ]


def test_an_agent_that_goes_on_is_not_named_again() -> None:
    assert show(
        ReplyChunk(call=CALL, turn=1, at=104.6, agent="tracking", text="One."),
        ReplyChunk(call=CALL, turn=1, at=104.6, agent="tracking", text="Two."),
        ReplyChunk(call=CALL, turn=1, at=104.8, agent="complaints", text="Three."),
    ) == ["4.6 s tracking One.", "Two.", "4.8 s complaints Three."]


def test_a_tool_is_shown_with_its_arguments_result_and_time() -> None:
    assert show(
        ToolRequested(call=CALL, id="t1", at=105.0, agent="a", name="find_parcel", arguments='{"number":"4271"}'),
        ToolCompleted(call=CALL, at=105.1, request="t1", name="find_parcel", result="on its\nway", duration_ms=12.3),
    ) == ['5.1 s find_parcel(number="4271") → on its way [12 ms]']


def test_arguments_that_are_not_json_are_shown_unchanged() -> None:
    assert show(
        ToolRequested(call=CALL, id="t1", at=105.0, agent="a", name="find_parcel", arguments="{number"),
        ToolCompleted(call=CALL, at=105.0, request="t1", name="find_parcel", result="[error]", failed=True),
    ) == ["5.0 s find_parcel({number) → failed [error] [0 ms]"]


def test_the_end_says_who_ended_the_call() -> None:
    assert show(
        CallEndRequested(call=CALL, turn=2, at=109.0),
        CallEnded(call=CALL, at=110.0, reason="agent_hung_up", duration_s=10.0),
    ) == ["9.0 s the agent ends the call", "10.0 s call ended after 10.0 s: agent hung up"]


def table(width: int) -> str:
    measured = TurnMeasured(call=CALL, turn=1, turn_end_ms=420, stt_ms=180, routing_ms=12, tts_ms=210, total_ms=700)
    heard = compare("Yes.", "yes")
    turns = [
        CheckedTurn("", Turn(number=0), TurnAudio(None, ()), heard),
        CheckedTurn(
            "Where is it?",
            Turn(number=1, transcript="where is it", latencies=(measured,)),
            TurnAudio(Span(1, 2), (Span(2.75, 3),), response_s=0.75),
            heard,
        ),
        CheckedTurn("Stop!", Turn(number=2), TurnAudio(Span(2.9, 3.5), (), barge_in_stop_s=0.31), heard),
    ]
    console = piped(width)
    console.print(turn_table(turns, width))
    return "\n".join(printed(console))


def test_the_table_has_a_row_for_every_turn_of_the_caller() -> None:
    text = table(140)
    assert "1 Where is it? 750 ms 420 180 12 0 0 210 0\nwhere is it" in text
    assert "2 Stop! none\n(nothing)" in text
    assert "turn 2 interrupted the reply before: the agent fell silent after 310 ms" in text


def test_a_narrow_table_loses_no_number() -> None:
    text = " ".join(table(80).split())
    stages = "turn end 420 · of it stt 180 · routing 12 · model 0 · sentence 0 · voice 210 · output 0"
    assert f"1 Where is it? 750 ms where is it {stages}" in text
