"""Messages of Conversation Relay: what is read, what is passed over, what is refused."""

import json

import pytest

from orchestra.errors import MalformedMessageError, RejectedError
from orchestra.voice.carriers import relay_messages
from orchestra.voice.carriers.relay_messages import Dtmf, Error, Info, Interrupt, Prompt, Setup


def test_setup_of_either_carrier_is_read() -> None:
    twilio = {
        "type": "setup",
        "sessionId": "VX1",
        "callSid": "CA1",
        "forwardedFrom": "+1",
        "customParameters": {"a": "b"},
    }
    telnyx = {"type": "setup", "sessionId": "7a7e", "callSid": "v2:x", "callControlId": "v2:x", "callStatus": "active"}
    assert relay_messages.read(json.dumps(twilio)) == Setup("CA1", "VX1", {"a": "b"})
    assert relay_messages.read(json.dumps(telnyx)) == Setup("v2:x", "7a7e", {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type":"prompt","voicePrompt":"hello","lang":"en-US","last":false}', Prompt("hello", last=False)),
        ('{"type":"prompt","voicePrompt":"Grüß Gott 你好"}', Prompt("Grüß Gott 你好", last=True)),
        (
            '{"type":"interrupt","utteranceUntilInterrupt":"Life is","durationUntilInterruptMs":460.5}',
            Interrupt("Life is", 460.5),
        ),
        ('{"type":"interrupt"}', Interrupt()),
        ('{"type":"dtmf","digit":"#"}', Dtmf("#")),
        ('{"type":"info","name":"agentSpeaking","value":"on","ts":1}', Info("agentSpeaking", "on")),
        ('{"type":"error","description":"Invalid message"}', Error("Invalid message")),
    ],
)
def test_a_message_is_read(text: str, message: object) -> None:
    assert relay_messages.read(text) == message


@pytest.mark.parametrize("text", ['{"type":"future"}', '{"type":"media","payload":1}'])
def test_a_kind_that_is_not_known_is_nothing(text: str) -> None:
    assert relay_messages.read(text) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"prompt"}',
        '{"type":"prompt","voicePrompt":7}',
        '{"type":"prompt","voicePrompt":"x","last":"yes"}',
        '{"type":"dtmf","digit":"12"}',
        '{"type":"dtmf","digit":"A"}',
        '{"type":"setup","callSid":"CA1","customParameters":{"a":1}}',
        '{"type":"interrupt","utteranceUntilInterrupt":null}',
        '{"type":"prompt","voicePrompt":"' + "word " * 2000 + '"}',
    ],
)
def test_a_known_kind_with_a_wrong_body_can_be_passed_over(text: str) -> None:
    with pytest.raises(MalformedMessageError):
        relay_messages.read(text)


@pytest.mark.parametrize("data", [b"\x00", "no json", "[]", "{}", '{"type":3}', "[" * 70_000, '{"type":"prompt"', ""])
def test_what_is_no_message_is_refused(data: bytes | str) -> None:
    with pytest.raises(RejectedError):
        relay_messages.read(data)


def test_a_token_is_not_repeated_in_an_error() -> None:
    with pytest.raises(MalformedMessageError) as raised:
        relay_messages.read('{"type":"setup","callSid":1,"customParameters":{"token":"secret"}}')
    assert "secret" not in str(raised.value)


def test_what_is_sent_is_json() -> None:
    assert json.loads(relay_messages.text('He said "hé".\n', last=True)) == {
        "type": "text",
        "token": 'He said "hé".\n',
        "last": True,
    }
    assert json.loads(relay_messages.send_digits("12#")) == {"type": "sendDigits", "digits": "12#"}
    assert json.loads(relay_messages.end()) == {"type": "end"}
    assert json.loads(relay_messages.end("x")) == {"type": "end", "handoffData": "x"}
