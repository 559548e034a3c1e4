import msgspec
import pytest

import orchestra_schemas
from orchestra_schemas import (
    AudioChunk,
    DecodeError,
    Event,
    Message,
    PromptRequested,
    ToolCall,
    UserTurnEnded,
    decode,
    encode,
    event_types,
    tag_of,
)
from orchestra_schemas.choices import choices_of
from orchestra_schemas.speech import TURN_TIMES, TurnMeasured

CALL = "07-0199a0b4c0de7000800000000000aaaa"


def test_the_type_tag_is_the_class_name_in_words() -> None:
    assert tag_of(orchestra_schemas.CallStarted) == "call.started"
    assert tag_of(orchestra_schemas.CallTransferRequested) == "call.transfer.requested"


def test_every_exported_event_is_registered_under_its_tag() -> None:
    exported = {
        value for value in vars(orchestra_schemas).values() if isinstance(value, type) and issubclass(value, Event)
    }
    registered = {t for t in event_types().values() if t.__module__.startswith("orchestra_schemas.")}
    assert registered == exported - {Event}


def test_every_event_type_is_frozen_and_header_fields_other_than_the_call_have_defaults() -> None:
    for event_type in event_types().values():
        assert event_type.__struct_config__.frozen
        required = {field.name for field in msgspec.structs.fields(event_type) if field.required}
        assert required.isdisjoint({"id", "turn", "at", "source", "cause", "trace"})


@pytest.mark.parametrize(
    "event",
    [
        UserTurnEnded(call=CALL, id="x.1", turn=3, at=12.5, text="hello", speech_ended_at=12.0),
        PromptRequested(
            call=CALL,
            agent="reception",
            messages=(
                Message(role="user", content="hi"),
                Message(role="assistant", tool_calls=(ToolCall(id="c", name="find", arguments="{}"),)),
            ),
        ),
        AudioChunk(call=CALL, speaker="caller", offset_ms=200, audio=b"\x00\x01\xff\x7f"),
    ],
)
def test_an_event_survives_the_round_trip_through_its_stream_entry(event: Event) -> None:
    assert decode(encode(event)) == event


def test_audio_is_encoded_as_raw_bytes_beside_a_readable_body() -> None:
    fields = encode(AudioChunk(call=CALL, speaker="agent", offset_ms=0, audio=b"\x01\x02"))
    assert fields[b"audio"] == b"\x01\x02"
    assert "audio" not in msgspec.json.decode(fields[b"body"])


def test_an_unknown_type_decodes_to_none_so_that_it_can_be_passed_on_raw() -> None:
    assert decode({b"type": b"of.a.later.version", b"body": b"{}"}) is None


def test_an_unknown_field_of_a_later_version_is_ignored() -> None:
    body = b'{"type":"digit.pressed","call":"07-x","digit":"5","pressed_for_ms":80}'
    event = decode({b"type": b"digit.pressed", b"body": body})
    assert isinstance(event, orchestra_schemas.DigitPressed)
    assert event.digit == "5"


@pytest.mark.parametrize("event_type", [each for each in event_types().values() if choices_of(each)])
def test_a_word_of_a_later_version_is_kept_where_there_is_a_choice_of_them(event_type: type[Event]) -> None:
    for name in choices_of(event_type):
        required = {
            field.name: {str: "x", bytes: ""}.get(field.type, 1)
            if field.name not in choices_of(event_type)
            else "later"
            for field in msgspec.structs.fields(event_type)
            if field.required
        }
        body = msgspec.json.encode({"type": tag_of(event_type)} | required | {name: "teleported", "new_field": [1]})
        event = decode({b"type": tag_of(event_type).encode(), b"body": body})
        assert isinstance(event, event_type)
        assert getattr(event, name) == "teleported"
        with pytest.raises(DecodeError, match=name):
            decode({b"type": tag_of(event_type).encode(), b"body": body.replace(b'"teleported"', b"7")})
        with pytest.raises(DecodeError, match=name):
            decode({b"type": tag_of(event_type).encode(), b"body": body.replace(b"teleported", b"x" * 65)})


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({b"body": b"{}"}, "no field"),
        ({b"type": b"digit.pressed"}, "no field"),
        ({b"type": b"digit.pressed", b"body": b"not json"}, "digit.pressed"),
        ({b"type": b"digit.pressed", b"body": b'{"type":"digit.pressed","call":"07-x"}'}, "missing required field"),
        ({b"type": b"digit.pressed", b"body": b'{"type":"digit.pressed","call":7,"digit":"1"}'}, "Expected `str`"),
    ],
)
def test_the_error_of_a_damaged_entry_says_what_is_wrong(fields: dict[bytes, bytes], complaint: str) -> None:
    with pytest.raises(DecodeError, match=complaint):
        decode(fields)


def test_defining_a_custom_event_type_registers_it() -> None:
    class WeatherAsked(Event, frozen=True, kw_only=True):
        town: str

    assert decode(encode(WeatherAsked(call=CALL, town="Leeds"))) == WeatherAsked(call=CALL, town="Leeds")


def test_a_duplicate_tag_is_refused_with_the_location_of_the_first() -> None:
    with pytest.raises(TypeError, match=r"digit\.pressed.*orchestra_schemas\.calls"):

        class DigitPressed(Event, frozen=True, kw_only=True):
            pass


def test_the_list_of_stages_contains_every_time_of_a_measured_turn() -> None:
    measured = [name for name in TurnMeasured.__struct_fields__ if name.endswith("_ms")]
    measured.remove("predicted_ms")  # before the turn ended, not a part of the wait
    assert measured == list(TURN_TIMES)
