"""Twilio's messages are read strictly."""

import json
from typing import Any

import pytest

from orchestra.errors import RejectedError
from orchestra.voice.carriers.port import LONGEST_MESSAGE
from orchestra.voice.carriers.twilio import media_stream
from orchestra.voice.carriers.twilio.media_stream import Connected, Digit, Mark, Media, Start, Stop

MEDIA: dict[str, Any] = {
    "event": "media",
    "sequenceNumber": "4",
    "streamSid": "MZ1",
    "media": {"track": "inbound", "chunk": "2", "timestamp": "40", "payload": "/v7+"},
}
START: dict[str, Any] = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": "MZ1",
    "start": {
        "streamSid": "MZ1",
        "accountSid": "AC1",
        "callSid": "CA1",
        "tracks": ["inbound"],
        "customParameters": {"token": "t"},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    },
}


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"event": "connected", "protocol": "Call", "version": "1.0.0"}, Connected),
        (START, Start),
        (MEDIA, Media),
        ({"event": "mark", "streamSid": "MZ1", "mark": {"name": "1.0"}}, Mark),
        ({"event": "dtmf", "streamSid": "MZ1", "dtmf": {"track": "inbound_track", "digit": "#"}}, Digit),
        ({"event": "stop", "streamSid": "MZ1", "stop": {"callSid": "CA1"}}, Stop),
    ],
)
def test_every_message_of_the_protocol_is_read(message: dict[str, Any], kind: type) -> None:
    assert isinstance(media_stream.read(json.dumps(message)), kind)


def test_audio_and_its_time_are_decoded() -> None:
    message = media_stream.read(json.dumps(MEDIA))
    assert isinstance(message, Media)
    assert (message.media.payload, message.media.timestamp_ms) == (b"\xfe\xfe\xfe", 40)


@pytest.mark.parametrize(("stamp", "expected"), [("40", 40), (40, 40), (None, None), ("soon", None), ("-1", None)])
def test_a_time_stamp_is_a_number_or_nothing(stamp: object, expected: int | None) -> None:
    message = media_stream.read(json.dumps(MEDIA | {"media": {"payload": "", "timestamp": stamp}}))
    assert isinstance(message, Media)
    assert message.media.timestamp_ms == expected


def test_a_message_of_an_unknown_kind_is_skipped() -> None:
    assert media_stream.read('{"event": "weather", "streamSid": "MZ1"}') is None


@pytest.mark.parametrize(
    "data",
    [
        "",
        "nonsense",
        '{"event": "weather", "streamSid": nonsense}',
        "[]",
        '"media"',
        '{"event": 5}',
        '{"streamSid": "MZ1"}',
        '{"event": "media"}',
        '{"event": "media", "streamSid": "MZ1", "media": {"payload": "a"}}',
        '{"event": "media", "streamSid": "MZ1", "media": {"payload": "/v7+="}}',
        '{"event": "media", "streamSid": "MZ1", "media": {"payload": "-_7-"}}',
        '{"event": "media", "streamSid": "MZ1", "media": {"payload": 7}}',
        '{"event": "dtmf", "streamSid": "MZ1", "dtmf": {"digit": "12"}}',
        '{"event": "mark", "streamSid": "MZ1", "mark": {"name": null}}',
        '{"event": "media", "streamSid": "MZ1", "junk": ' + "[" * 20_000,
        '{"event": "media", "streamSid": "\ud800"}',
        json.dumps(START | {"streamSid": 'MZ"}'}),
        json.dumps(START | {"streamSid": "MZ1\n"}),
        json.dumps(START | {"start": START["start"] | {"mediaFormat": {"encoding": "audio/opus"}}}),
        " " * (LONGEST_MESSAGE + 1),
        b"\x00\x01",
    ],
    ids=lambda data: repr(data[:50]),
)
def test_a_message_that_breaks_the_protocol_is_refused(data: str | bytes) -> None:
    with pytest.raises(RejectedError):
        media_stream.read(data)


def test_a_refusal_does_not_quote_the_message_because_it_may_contain_a_token() -> None:
    with pytest.raises(RejectedError) as refused:
        media_stream.read('{"event": "start", "start": {"customParameters": {"token": "secret"}}}')
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (media_stream.media("MZ1", b"\xfe\xff"), {"event": "media", "streamSid": "MZ1", "media": {"payload": "/v8="}}),
        (media_stream.mark("MZ1", "3.0"), {"event": "mark", "streamSid": "MZ1", "mark": {"name": "3.0"}}),
        (media_stream.clear("MZ1"), {"event": "clear", "streamSid": "MZ1"}),
    ],
)
def test_messages_are_written_as_twilio_reads_them(text: str, expected: dict[str, Any]) -> None:
    assert json.loads(text) == expected
