"""Twilio's webhooks: is the request Twilio's, what does the call do next.

Sources: https://www.twilio.com/docs/usage/security (signatures), https://www.twilio.com/docs/voice/twiml/stream,
https://www.twilio.com/docs/voice/twiml/connect
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.twiml.voice_response import Connect, VoiceResponse  # type: ignore[import-untyped]

from orchestra.errors import RejectedError
from orchestra.voice.actions import HangUp, Transfer
from orchestra.voice.call import Parties
from orchestra.voice.standing import Standing
from schemas import CallAnswered
from schemas.calls import AnsweredBy, EndReason

VOICE_PATH = "/twilio/voice"
STREAM_PATH = "/twilio/stream"
AFTER_STREAM_PATH = "/twilio/after-stream"
AFTER_DIAL_PATH = "/twilio/after-dial"
WHISPER_PATH = "/twilio/whisper"
ACCEPT_PATH = "/twilio/accept"
STATUS_PATH = "/twilio/status"
MACHINE_PATH = "/twilio/machine"

#: the key by which a person takes a call
ACCEPT_KEY = "1"
_ACCEPT_WITHIN_S = 10
_AGAIN_S = 2

#: a call status after which nothing comes, and what it means; see https://www.twilio.com/docs/voice/api/call-resource
FINAL: dict[str, EndReason] = {
    "completed": "caller_hung_up",
    "canceled": "caller_hung_up",
    "busy": "busy",
    "no-answer": "no_answer",
    "failed": "failed",
}

#: a webhook's form is some hundred bytes
LONGEST_FORM = 16_384

_MOST_FIELDS = 200


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """Where the carrier reaches this edge: ``https://voice.example.com``, as seen in front of any proxy."""

    url: str

    def at(self, path: str, **query: str) -> str:
        """The address of a path."""
        tail = f"?{urlencode(query)}" if query else ""
        return f"{self.url.rstrip('/')}{path}{tail}"

    def socket_at(self, path: str) -> str:
        """The address of a WebSocket."""
        return self.at(path).replace("http", "ws", 1)


@dataclass(frozen=True, slots=True)
class Reconnect:
    """The call is to have a stream again: its edge was lost, or its stream broke."""


def signed_form(body: bytes, url: str, signature: str, auth_token: str) -> dict[str, str]:
    """The fields of a webhook's form, once its ``X-Twilio-Signature`` is checked.

    Raises:
        RejectedError: it is too long, is no form, or was not signed by Twilio for this URL.

    """
    if len(body) > LONGEST_FORM:
        msg = f"form of more than {LONGEST_FORM} bytes"
        raise RejectedError(msg)
    try:
        form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"))
    except ValueError:
        msg = "no form"
        raise RejectedError(msg) from None
    if not RequestValidator(auth_token).validate(url, form, signature):
        msg = "wrong signature"
        raise RejectedError(msg)
    return form


def connect_twiml(parties: Parties, token: str, public: PublicUrl, **parameters: str) -> str:
    """Connect the call's audio to the media WebSocket; when that ends, ask what is next.

    ``parameters`` travel to the edge whose stream it is: ``resumed``, ``answered_by``.
    """
    connect = Connect(action=public.at(AFTER_STREAM_PATH, call=parties.call), method="POST")
    stream = connect.stream(url=public.socket_at(STREAM_PATH))
    stream.parameter(name="token", value=token)
    stream.parameter(name="call", value=parties.call)
    stream.parameter(name="from_number", value=parties.from_number)
    stream.parameter(name="to_number", value=parties.to_number)
    if parties.direction == "outbound":
        stream.parameter(name="direction", value=parties.direction)
    for name, value in parameters.items():
        stream.parameter(name=name, value=value)
    response = VoiceResponse()
    response.append(connect)
    return str(response)


def busy_twiml(message: str = "") -> str:
    """All lines are taken: the caller hears the message; without one the busy tone, and the call is not charged."""
    response = VoiceResponse()
    if message:
        response.say(message)
        response.hangup()
    else:
        response.reject(reason="busy")
    return str(response)


def ending_twiml(_: HangUp) -> str:
    """The call is over."""
    response = VoiceResponse()
    response.hangup()
    return str(response)


def again_twiml(url: str, message: str = "") -> str:
    """Say the message, if there is one, and wait a moment, then ask there what is next."""
    response = VoiceResponse()
    if message:
        response.say(message)
    response.pause(length=_AGAIN_S)
    response.redirect(url, method="POST")
    return str(response)


def dial_twiml(transfer: Transfer, call: str, public: PublicUrl, *, ring_s: int) -> str:
    """Ring the person; they are briefed before the two are connected, and the edge is asked what is next."""
    response = VoiceResponse()
    dial = response.dial(action=public.at(AFTER_DIAL_PATH, call=call), method="POST", timeout=ring_s)
    whisper = public.at(WHISPER_PATH, call=call)
    if transfer.target.startswith(("sip:", "sips:")):
        dial.sip(transfer.target, url=whisper, method="POST")
    else:
        dial.number(transfer.target, url=whisper, method="POST")
    return str(response)


def whisper_twiml(transfer: Transfer, call: str, public: PublicUrl, *, app: str) -> str:
    """Tell the person what it is about and let them take the call by a key; an answering machine presses none."""
    response = VoiceResponse()
    accept = public.at(ACCEPT_PATH, call=call)
    gather = response.gather(num_digits=1, action=accept, method="POST", timeout=_ACCEPT_WITHIN_S)
    gather.say(f"A call from {app}. {transfer.briefing}".strip())
    gather.say(f"Press {ACCEPT_KEY} to take it.")
    response.hangup()
    return str(response)


def bridge_twiml() -> str:
    """Connect the person to the caller."""
    return str(VoiceResponse())


def answered_by(call: str, form: Mapping[str, str]) -> CallAnswered:
    """Who answered an outbound call, by the carrier's machine detection; a person where it is not sure."""
    detail = form.get("AnsweredBy", "")
    by: AnsweredBy = "human"
    if detail.startswith("machine"):
        by = "machine"
    elif detail == "fax":
        by = "fax"
    return CallAnswered(call=call, by=by, detail=detail)


def next_step(stands: Standing) -> HangUp | Transfer | Reconnect:
    """What a call does after its stream, by its journal alone, so that any edge can answer.

    A transfer that an agent has asked for is done even if the edge was lost before it could say so, but not if the
    caller spoke over the agent's last words, or has hung up.
    """
    if stands.ended or not (stands.started_at or stands.turn):
        return HangUp()
    if isinstance(stands.ending, Transfer):
        return stands.ending
    if isinstance(stands.ending, HangUp) and stands.over:
        return HangUp()
    return Reconnect()
