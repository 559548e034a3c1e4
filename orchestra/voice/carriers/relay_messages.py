"""The messages of Conversation Relay, which Twilio and Telnyx speak alike: strict reading, and writing.

Sources: https://www.twilio.com/docs/voice/conversationrelay/websocket-messages and
https://developers.telnyx.com/docs/voice/programmable-voice/conversation-relay. Twilio's `info` messages (the attribute
``events``) are described nowhere; their shape is that of Twilio's own samples, and nothing depends on their coming.
"""

from typing import Annotated

import msgspec

from orchestra.voice.carriers.json_messages import Key, MessageDecoder

#: more than anybody says in one turn, in characters
LONGEST_WORDS = 8_192

Words = Annotated[str, msgspec.Meta(max_length=LONGEST_WORDS)]


class Setup(msgspec.Struct, tag_field="type", tag="setup", rename="camel"):
    """The first message: whose call this is; ``custom_parameters`` are those of our own document."""

    call_sid: str
    session_id: str = ""
    custom_parameters: dict[str, str] = {}


class Prompt(msgspec.Struct, tag_field="type", tag="prompt", rename="camel"):
    """What the caller says: their whole words since they began to speak, until ``last`` those so far."""

    voice_prompt: Words
    last: bool = True


class Interrupt(msgspec.Struct, tag_field="type", tag="interrupt", rename="camel"):
    """The caller has interrupted: the carrier says nothing more of what it was given so far."""

    utterance_until_interrupt: str = ""
    duration_until_interrupt_ms: int | float | None = None


class Dtmf(msgspec.Struct, tag_field="type", tag="dtmf"):
    """The caller pressed a key."""

    digit: Key


class Info(msgspec.Struct, tag_field="type", tag="info"):
    """What the carrier plays and hears: ``agentSpeaking`` or ``clientSpeaking`` on or off, or ``tokensPlayed``."""

    name: str
    value: str = ""


class Error(msgspec.Struct, tag_field="type", tag="error"):
    """The carrier did not understand a message of ours, or something else failed."""

    description: str = ""


Message = Setup | Prompt | Interrupt | Dtmf | Info | Error


_KINDS = frozenset({"setup", "prompt", "interrupt", "dtmf", "info", "error"})
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
read = MessageDecoder(_decoder, _KINDS, "Conversation Relay message", tag_field="type").read
_encode = msgspec.json.Encoder().encode


def text(token: str, *, last: bool) -> str:
    """Have this said after what was sent before; with ``last`` nothing follows for now."""
    return _encode({"type": "text", "token": token, "last": last}).decode()


def send_digits(digits: str) -> str:
    """Have these keys sent as tones."""
    return _encode({"type": "sendDigits", "digits": digits}).decode()


def end(handoff_data: str = "") -> str:
    """End the session: the carrier asks what happens next in the call, and repeats ``handoff_data`` there."""
    return _encode({"type": "end"} | ({"handoffData": handoff_data} if handoff_data else {})).decode()
