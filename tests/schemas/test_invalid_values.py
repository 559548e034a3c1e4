"""Values that an event cannot carry are repaired or refused when the event is encoded."""

import math
import time
from typing import Any

import msgspec
import pytest

from orchestra_schemas import (
    AudioChunk,
    CallStarted,
    DecodeError,
    EncodeError,
    Event,
    Message,
    PromptCompleted,
    PromptRequested,
    ReplyChunk,
    ToolCall,
    decode,
    encode,
)

CALL = "07-0199a0b4c0de7000800000000000aaaa"


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def carried(event: Event) -> Event:
    """The event as its readers decode it."""
    read = decode(encode(event))
    assert type(read) is type(event)
    return read


@pytest.mark.parametrize(
    ("value", "read"), [(None, 0), (3.0, 3), ("7", 7), (math.nan, 0), (math.inf, 0), (-math.inf, 0)]
)
def test_an_invalid_count_is_repaired(value: Any, read: int) -> None:
    event = carried(PromptCompleted(call=CALL, request="r", text="Yes.", completion_tokens=value))
    assert isinstance(event, PromptCompleted)
    assert (event.completion_tokens, event.text) == (read, "Yes.")


@pytest.mark.parametrize("value", [None, math.nan, math.inf, "1.5"])
def test_an_invalid_duration_is_repaired(value: Any) -> None:
    event = carried(PromptCompleted(call=CALL, request="r", duration_ms=value, first_token_ms=math.nan))
    assert isinstance(event, PromptCompleted)
    assert event.duration_ms in {0.0, 1.5}
    assert event.first_token_ms == 0.0


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a\x00b", "ab"),
        ("half \ud83d", "half \ufffd"),
        ("\ude00 half", "\ufffd half"),
        ("whole \ud83d\ude00", "whole 😀"),
        (r"the words \u0000 and \ud83d", r"the words \u0000 and \ud83d"),
    ],
)
def test_text_is_decoded_without_nul_and_lone_surrogates(text: str, read: str) -> None:
    event = carried(ReplyChunk(call=CALL, text=text))
    assert isinstance(event, ReplyChunk)
    assert event.text == read


def test_text_is_repaired_at_every_depth() -> None:
    asked = ToolCall(id="\x00c", name="find", arguments='{"a":"\ud800"}')
    prompt = PromptRequested(
        call=CALL,
        agent="a",
        messages=(Message(role="assistant", content="x\x00", tool_calls=(asked,)),),
        parameters={"stop\x00": [math.nan, {"a": "\udfff"}]},
    )
    event = carried(prompt)
    assert isinstance(event, PromptRequested)
    assert event.messages[0].content == "x"
    assert event.messages[0].tool_calls == (ToolCall(id="c", name="find", arguments='{"a":"\ufffd"}'),)
    assert event.parameters == {"stop": [None, {"a": "\ufffd"}]}


@pytest.mark.parametrize("at", [math.nan, math.inf, -1.0, 1e30, 1.76e15, 1.76e12])
def test_an_impossible_time_is_replaced_by_the_present(at: float) -> None:
    event = carried(CallStarted(call=CALL, at=at))
    assert abs(event.at - time.time()) < 60


def test_audio_is_encoded_unchanged() -> None:
    event = carried(AudioChunk(call=CALL, speaker="caller", offset_ms=200.0, audio=b"\x00\x01\xff"))  # type: ignore[arg-type]
    assert event == AudioChunk(call=CALL, speaker="caller", offset_ms=200, audio=b"\x00\x01\xff")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"text": 5}, "text"),
        ({"text": None}, "text"),
        ({"text": ["Yes."]}, "text"),
        ({"index": 1.5}, "index"),
        ({"turn": "three"}, "turn"),
        ({"filler": "perhaps"}, "filler"),
        ({"agent": object()}, "ReplyChunk"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_field(wrong: dict[str, Any], named: str) -> None:
    values: dict[str, Any] = {"call": CALL, "text": "Yes.", **wrong}
    with pytest.raises(EncodeError, match=named):
        encode(ReplyChunk(**values))


@pytest.mark.parametrize("levels", [200, 950, 5000])
def test_excessive_nesting_is_refused(levels: int) -> None:
    with pytest.raises(EncodeError, match="nested too deep"):
        encode(PromptRequested(call=CALL, agent="a", parameters={"a": nested(levels), "b": "\x00"}))


def test_an_entry_that_is_nested_too_deep_counts_as_damaged() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    body = b'{"type":"prompt.completed","call":"07-x","request":"r","parameters":{"a":' + deep + b"}}"
    with pytest.raises(DecodeError, match=r"nested|recursion"):
        decode({b"type": b"prompt.completed", b"body": body})


def test_a_valid_event_is_encoded_byte_for_byte() -> None:
    event = ReplyChunk(call=CALL, text='She said "hi"\nand left. 😀', at=12.5)
    assert encode(event)[b"body"] == msgspec.json.encode(event)
