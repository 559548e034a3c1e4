"""The language of Twilio's webhooks: signatures of requests, and TwiML for answers.

Sources: https://www.twilio.com/docs/usage/security (signatures), https://www.twilio.com/docs/voice/twiml/stream,
https://www.twilio.com/docs/voice/twiml/connect,
https://www.twilio.com/docs/voice/twiml/connect/conversationrelay,
https://www.twilio.com/docs/voice/twiml/enqueue and https://www.twilio.com/docs/voice/twiml/queue (music while waiting)
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping

from twilio.twiml import TwiML, voice_response  # type: ignore[import-untyped]

from orchestra.errors import RejectedError
from orchestra.history.ending import Transfer
from orchestra.language.registry import DEFAULT_CODE
from orchestra.lines.dialled import split_extension
from orchestra.voice.carriers.briefing import accept_question, briefing
from orchestra.voice.carriers.port import Answered, Connect
from orchestra.voice.carriers.public_url import PublicUrl
from orchestra.voice.carriers.spoken_language import say_attributes
from orchestra.voice.carriers.twilio import WEBHOOK_PATH
from orchestra.voice.carriers.webhook import Fields, as_text, field_text, read_form
from orchestra_schemas.calls import AnsweredBy, EndReason

VOICE_PATH = WEBHOOK_PATH
STREAM_PATH = "/twilio/stream"
RELAY_PATH = "/twilio/relay"
AFTER_STREAM_PATH = "/twilio/after-stream"
AFTER_DIAL_PATH = "/twilio/after-dial"
WHISPER_PATH = "/twilio/whisper"
ACCEPT_PATH = "/twilio/accept"
STATUS_PATH = "/twilio/status"
MACHINE_PATH = "/twilio/machine"
HOLD_PATH = "/twilio/hold"
PERSON_PATH = "/twilio/person"

#: in our addresses: Twilio's id of the caller's call, and that the caller waits in a queue
CALLER, QUEUED = "caller", "queued"

_ACCEPT_WITHIN_S = 10
#: until a person who has taken the call has its caller, who waits in a queue
_DEQUEUED_WITHIN_S = 5
_AGAIN_S = 2

#: how Conversation Relay hears, unless the settings say otherwise: interim words, keys, nobody's words lost, and what
#: is played is told; it needs no greeting, which is the first text, so that it is known how much of it was heard
_RELAY_ATTRIBUTES = {
    "transcriptionProvider": "Deepgram",
    "speechModel": "flux",
    "partialPrompts": "true",
    "interruptible": "any",
    "preemptible": "true",
    "reportInputDuringAgentSpeech": "any",
    "ignoreBackchannel": "true",
    "dtmfDetection": "true",
    "events": "speaker-events tokens-played",
}

#: the final states of a call, and what they mean; see https://www.twilio.com/docs/voice/api/call-resource
FINAL: dict[str, EndReason] = {
    "completed": "caller_hung_up",
    "canceled": "caller_hung_up",
    "busy": "busy",
    "no-answer": "no_answer",
    "failed": "failed",
}

_ADDRESS = re.compile(r"(https?)://([^/?]*@)?([^/?]*?)(:[0-9]+)?(?=[/?]|\Z)(.*)", re.DOTALL)


def signed_form(body: bytes, url: str, signature: str, auth_token: str) -> dict[str, str]:
    """The fields of a webhook's form, once its ``X-Twilio-Signature`` is checked.

    Raises:
        RejectedError: it is too long, not a form, or not signed by Twilio for this URL.

    """
    if "#" in url:
        msg = "an address with a `#`: what follows it is not signed"
        raise RejectedError(msg)
    fields = read_form(body)
    for signed, form in _decodings(fields):
        if any(
            hmac.compare_digest(_signature(address, signed, auth_token), signature.encode())
            for address in _addresses(url)
        ):
            return form
    msg = "wrong signature"
    raise RejectedError(msg)


def _decodings(fields: Fields) -> Iterator[tuple[Fields, dict[str, str]]]:
    """The bytes that Twilio may have signed for a form, and the form that they mean.

    Twilio signs text as UTF-8. A name that a SIP device sent may be in Latin-1; it may be signed as these bytes, as the
    text that they mean, or as what remains of them in UTF-8.
    """
    yield fields, as_text(fields)
    try:
        for field in fields:
            b"".join(field).decode()
    except UnicodeDecodeError:
        for text in (field_text, _replaced):
            read = [(text(name).encode(), text(value).encode()) for name, value in fields]
            yield read, as_text(read)


def _replaced(field: bytes) -> str:
    return field.decode("utf-8", "replace")


def _signature(address: str, fields: Fields, auth_token: str) -> bytes:
    """See https://www.twilio.com/docs/usage/security#validating-requests."""
    text = address.encode("latin-1", "replace") + b"".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.digest(auth_token.encode(), text, hashlib.sha1))


def _addresses(url: str) -> Iterator[str]:
    """The address, with its port and without it: Twilio signs one of them, without a password."""
    yield url
    if (match := _ADDRESS.fullmatch(url)) is not None:
        scheme, _, host, port, rest = match.groups()
        yield f"{scheme}://{host}{port or ''}{rest}"
        yield f"{scheme}://{host}{'' if port else ':443' if scheme == 'https' else ':80'}{rest}"


def connect_twiml(step: Connect, token: str, public: PublicUrl) -> str:
    """Connect the call's audio to the media WebSocket; when it ends, ask what happens next."""
    connect = _connect(step, public)
    _add_parameters(connect.stream(url=public.socket_at(STREAM_PATH)), step, token)
    return _document(connect)


def relay_twiml(step: Connect, token: str, public: PublicUrl, attributes: Mapping[str, str]) -> str:
    """Connect the call to the WebSocket of Conversation Relay: Twilio hears and speaks, and we get and give text.

    ``attributes`` of the element change or extend those that are usual here.
    """
    connect = _connect(step, public)
    chosen = {**_RELAY_ATTRIBUTES, **attributes, "url": public.socket_at(RELAY_PATH)}
    _add_parameters(connect.add_child("ConversationRelay", **chosen), step, token)
    return _document(connect)


def _connect(step: Connect, public: PublicUrl) -> voice_response.Connect:
    parties = step.parties
    return voice_response.Connect(action=public.after(AFTER_STREAM_PATH, parties.call, parties.stream), method="POST")


def _add_parameters(noun: TwiML, step: Connect, token: str) -> None:
    """What the WebSocket is told of the call."""
    parties = step.parties
    given = {
        "token": token,
        "call": parties.call,
        "from_number": parties.from_number,
        "to_number": parties.to_number,
        "direction": parties.direction if parties.direction == "outbound" else None,
        "resumed": "1" if step.resumed else None,
        "answered_by": step.answered_by or None,
    }
    for name, value in given.items():
        if value is not None:
            noun.append(voice_response.Parameter(name=name, value=value))


def _document(verb: TwiML) -> str:
    response = voice_response.VoiceResponse()
    response.append(verb)
    return str(response)


def busy_twiml(message: str = "", language: str = DEFAULT_CODE) -> str:
    """All lines are in use. The caller hears the message, or without one the busy tone, and the call is not charged."""
    response = voice_response.VoiceResponse()
    if message:
        response.say(message, **say_attributes(language))
        response.hangup()
    else:
        response.reject(reason="busy")
    return str(response)


def hang_up_twiml() -> str:
    """The call is over."""
    response = voice_response.VoiceResponse()
    response.hangup()
    return str(response)


def retry_twiml(url: str, message: str = "", language: str = DEFAULT_CODE) -> str:
    """Say the message, if there is one, wait a moment, then ask at this address what happens next."""
    response = voice_response.VoiceResponse()
    if message:
        response.say(message, **say_attributes(language))
    response.pause(length=_AGAIN_S)
    response.redirect(url, method="POST")
    return str(response)


def dial_twiml(transfer: Transfer, call: str, public: PublicUrl, *, ring_s: int, stream: int = 0) -> str:
    """Ring the person. They are briefed before they are connected; afterwards the edge is asked what follows.

    ``stream`` is the number of the call's stream that ended for the transfer. An extension is pressed once the number
    is answered.
    """
    number, _ = split_extension(transfer.target)
    response = voice_response.VoiceResponse()
    dial = response.dial(action=public.after(AFTER_DIAL_PATH, call, stream), method="POST", timeout=ring_s)
    whisper = public.at(WHISPER_PATH, call=call)
    if transfer.target.startswith(("sip:", "sips:")):
        dial.sip(transfer.target, url=whisper, method="POST")
    else:
        dial.number(number, url=whisper, method="POST", **extension_keys(transfer))
    return str(response)


def extension_keys(transfer: Transfer) -> dict[str, str]:
    """The parameter that has an extension pressed, in which a ``w`` waits for half a second.

    Source: https://www.twilio.com/docs/voice/twiml/number#senddigits
    """
    _, extension = split_extension(transfer.target)
    return {"send_digits": extension.replace(",", "wwww")} if extension else {}


def enqueue_twiml(call: str, public: PublicUrl, *, stream: int) -> str:
    """Have the caller wait with music, in a queue of their own; afterwards the edge is asked what follows."""
    response = voice_response.VoiceResponse()
    response.enqueue(
        call,
        action=public.after(AFTER_DIAL_PATH, call, stream),
        method="POST",
        wait_url=public.after(HOLD_PATH, call, stream),
        wait_url_method="POST",
    )
    return str(response)


def music_twiml(music: str, again: str) -> str:
    """Play this music once, then ask at ``again``: a caller of whom nobody knows any more does not wait for ever."""
    response = voice_response.VoiceResponse()
    response.play(music)
    response.redirect(again, method="POST")
    return str(response)


def leave_twiml() -> str:
    """The caller waits no longer."""
    response = voice_response.VoiceResponse()
    response.leave()
    return str(response)


def dequeue_twiml(call: str) -> str:
    """Connect the person to the caller who waits."""
    response = voice_response.VoiceResponse()
    response.dial(timeout=_DEQUEUED_WITHIN_S).queue(call)
    return str(response)


def whisper_twiml(transfer: Transfer, call: str, public: PublicUrl, *, app: str, queued: bool = False) -> str:
    """Brief the person and let them take the call with a key, which no answering machine presses.

    ``queued``: the caller waits in a queue.
    """
    response = voice_response.VoiceResponse()
    accept = public.at(ACCEPT_PATH, call=call, **({QUEUED: "1"} if queued else {}))
    gather = response.gather(num_digits=1, action=accept, method="POST", timeout=_ACCEPT_WITHIN_S)
    spoken = say_attributes(transfer.language)
    gather.say(briefing(transfer, app), **spoken)
    gather.say(accept_question(transfer.language), **spoken)
    response.hangup()
    return str(response)


def bridge_twiml() -> str:
    """Connect the person to the caller."""
    return str(voice_response.VoiceResponse())


def answered_by(form: Mapping[str, str]) -> Answered | None:
    """Who answered a call that we placed, by Twilio's machine detection: a person where it is not sure."""
    detail = form.get("AnsweredBy")
    if detail is None:
        return None
    by: AnsweredBy = "human"
    if detail.startswith("machine"):
        by = "machine"
    elif detail == "fax":
        by = "fax"
    return Answered(by, detail)
