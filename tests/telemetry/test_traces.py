"""The trace of a call is a pure function of its journal."""

import json

import pytest

from orchestra.history.views.spans import Span
from orchestra.telemetry.redaction import Redaction
from orchestra.telemetry.traces import slim, spans_of
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    Event,
    Message,
    PromptCompleted,
    PromptRequested,
    ReplyInterrupted,
    ToolCompleted,
    ToolRequested,
    TranscriptFinal,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
)

CALL = "07-0199a2b4-77f0-7abc-8def-000000000001"
MEASURED = {
    "turn_end_ms": 300,
    "routing_ms": 10,
    "first_token_ms": 200,
    "first_sentence_ms": 90,
    "tts_ms": 150,
    "total_ms": 800,
}


def journal() -> list[Event]:
    def at(seconds: float, name: str) -> dict[str, object]:
        return {"call": CALL, "at": 1000.0 + seconds, "id": f"{CALL}:edge.{name}"}

    turn = {"turn": 1}
    return [
        CallStarted(**at(0, "1"), from_number="+15550001111", app="parcels"),
        TranscriptFinal(**at(5.2, "2"), **turn, text="where is it", engine="deepgram", stt_ms=200, speech_s=2),
        UserTurnEnded(**at(5.3, "3"), **turn, text="where is it", speech_ended_at=1005.0),
        PromptRequested(**at(5.31, "4"), **turn, agent="tracking", model="m1"),
        PromptCompleted(
            **at(5.8, "5"), **turn, request=f"{CALL}:edge.4", prompt_tokens=40, completion_tokens=5, model="m1"
        ),
        ToolRequested(**at(5.81, "6"), **turn, agent="tracking", name="find_parcel", arguments='{"mail":"a@b.com"}'),
        ToolCompleted(**at(5.9, "7"), **turn, request=f"{CALL}:edge.6", name="find_parcel", failed=True),
        PromptRequested(**at(5.91, "8"), **turn, agent="tracking", step=3),
        TurnCompleted(**at(6.2, "9"), **turn, agent="tracking", text="at the depot"),
        ReplyInterrupted(**at(7.0, "10"), **turn, heard="at the"),
        TurnMeasured(**at(6.4, "11"), **turn, **MEASURED),
        CallEnded(**at(9, "12"), reason="caller_hung_up"),
    ]  # type: ignore[arg-type]


def named(spans: list[Span]) -> dict[str, Span]:
    return {span.name: span for span in spans}


def test_a_call_is_one_trace_of_turns_and_their_stages() -> None:
    spans = spans_of(journal())
    by_name, parents = named(spans), {span.span_id: span.name for span in spans} | {"": ""}
    assert {span.name: parents[span.parent_id] for span in spans} == {
        "call": "", "turn": "call", "stt": "turn", "chat m1": "turn", "execute_tool find_parcel": "turn",
        "chat": "turn",
        "tts": "turn",
    }  # fmt: skip
    assert {span.trace_id for span in spans} == {CALL[3:].replace("-", "")}
    assert len({span.span_id for span in spans}) == len(spans)
    assert {span.attributes["gen_ai.conversation.id"] for span in spans} == {CALL}
    assert (by_name["call"].start, by_name["call"].end) == (1000.0, 1009.0)
    assert (by_name["turn"].start, by_name["turn"].end) == (1005.0, 1007.0)
    assert (by_name["stt"].start, by_name["stt"].end) == pytest.approx((1005.0, 1005.2))
    assert (by_name["tts"].start, by_name["tts"].end) == pytest.approx((1005.6, 1005.75))


def test_spans_have_the_attributes_of_the_conventions() -> None:
    by_name = named(spans_of(journal()))
    chat = by_name["chat m1"].attributes
    assert (chat["gen_ai.operation.name"], chat["gen_ai.request.model"]) == ("chat", "m1")
    assert (chat["gen_ai.usage.input_tokens"], chat["gen_ai.usage.output_tokens"]) == (40, 5)
    assert chat["gen_ai.response.finish_reasons"] == ("stop",)
    assert by_name["execute_tool find_parcel"].attributes["gen_ai.tool.name"] == "find_parcel"
    assert by_name["turn"].attributes["turn.was_interrupted"] is True
    assert by_name["turn"].attributes["turn.user_bot_latency_seconds"] == 0.8


def test_a_failed_or_unfinished_span_is_an_error() -> None:
    by_name = named(spans_of(journal()))
    assert by_name["execute_tool find_parcel"].error == "failed"
    assert by_name["chat"].error == "not answered"
    assert by_name["chat m1"].error == by_name["call"].error == ""


def test_the_same_journal_gives_the_same_trace() -> None:
    assert spans_of(journal()) == spans_of([slim(event) for event in reversed(journal())])


def test_spans_are_redacted() -> None:
    by_name = named(spans_of(journal(), Redaction()))
    assert by_name["call"].attributes["call.from"] == "[phone]"
    assert by_name["execute_tool find_parcel"].attributes["input"] == '{"mail":"[email]"}'
    assert by_name["call"].attributes["gen_ai.conversation.id"] == CALL


def test_turns_and_prompts_have_their_messages_in_the_form_of_the_conventions() -> None:
    by_name = {name: span.attributes for name, span in named(spans_of(journal())).items()}
    asked = {"role": "user", "parts": [{"type": "text", "content": "where is it"}]}
    call = {"type": "tool_call", "name": "find_parcel", "arguments": '{"mail":"a@b.com"}'}
    result = {"role": "tool", "parts": [{"type": "tool_call_response", "response": ""}]}

    def messages(name: str, direction: str) -> list[dict[str, object]]:
        return json.loads(str(by_name[name][f"gen_ai.{direction}.messages"]))

    assert messages("turn", "input") == messages("chat m1", "input") == [asked]
    assert messages("turn", "output") == [{"role": "assistant", "parts": [{"type": "text", "content": "at the depot"}]}]
    assert messages("chat m1", "output") == [{"role": "assistant", "parts": [call], "finish_reason": "stop"}]
    assert messages("chat", "input") == [asked, {"role": "assistant", "parts": [call]}, result]
    assert "gen_ai.output.messages" not in by_name["chat"]  # it was not answered


def test_the_messages_are_as_redacted_as_the_turns() -> None:
    spread = [
        UserTurnEnded(call=CALL, id=f"{CALL}:edge.{turn}", at=1000.0 + turn, turn=turn, text=text)
        for turn, text in enumerate(("my card is 4111 1111", "1111 1111"), 1)
    ]
    _, _, second = spans_of([CallStarted(call=CALL, id=f"{CALL}:edge.0", at=1000.0), *spread], Redaction())
    (message,) = json.loads(str(second.attributes["gen_ai.input.messages"]))
    assert message["parts"] == [{"type": "text", "content": "[number]"}]


def test_half_a_journal_gives_the_spans_that_can_be_known() -> None:
    for count in range(len(journal()) + 1):
        spans = spans_of(journal()[:count])
        assert all(span.end >= span.start for span in spans)
        assert [span.name for span in spans[:1]] == ["call"][:count]


def test_prompts_are_not_kept_while_a_call_runs() -> None:
    kept = slim(PromptRequested(call=CALL, agent="a", messages=(Message(role="user", content="x" * 10_000),)))
    assert isinstance(kept, PromptRequested)
    assert kept.messages == ()
