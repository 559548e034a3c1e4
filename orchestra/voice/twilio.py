"""Twilio's webhooks: is the request Twilio's, what does the call do next.

Sources: https://www.twilio.com/docs/usage/security (signatures), https://www.twilio.com/docs/voice/twiml/stream,
https://www.twilio.com/docs/voice/twiml/connect
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.twiml.voice_response import Connect, VoiceResponse  # type: ignore[import-untyped]

from orchestra.errors import RejectedError
from orchestra.voice.call import Parties
from orchestra.voice.turns import Ending, HangUp, Transfer
from schemas import CallEnded, CallTransferred, CallTransferRequested, Event, ReplyInterrupted

VOICE_PATH = "/twilio/voice"
STREAM_PATH = "/twilio/stream"
AFTER_STREAM_PATH = "/twilio/after-stream"

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


def connect_twiml(parties: Parties, token: str, public: PublicUrl) -> str:
    """Connect the call's audio to the media WebSocket; when that ends, ask what is next."""
    connect = Connect(action=public.at(AFTER_STREAM_PATH, call=parties.call), method="POST")
    stream = connect.stream(url=public.socket_at(STREAM_PATH))
    stream.parameter(name="token", value=token)
    stream.parameter(name="call", value=parties.call)
    stream.parameter(name="from_number", value=parties.from_number)
    stream.parameter(name="to_number", value=parties.to_number)
    response = VoiceResponse()
    response.append(connect)
    return str(response)


def busy_twiml() -> str:
    """All lines are taken: the caller hears the busy tone, and the call is not charged."""
    response = VoiceResponse()
    response.reject(reason="busy")
    return str(response)


def ending_twiml(ending: Ending) -> str:
    """What the call does after its stream."""
    response = VoiceResponse()
    if not isinstance(ending, Transfer):
        response.hangup()
    elif ending.target.startswith(("sip:", "sips:")):
        response.dial().sip(ending.target)
    else:
        response.dial(ending.target)
    return str(response)


def after_stream(journal: Iterable[Event]) -> Ending:
    """What a call does after its stream, by its journal alone, so that any edge can answer.

    A transfer that an agent has asked for is done even if the edge was lost before it could say so, but not if the
    caller spoke over the agent's last words, or has hung up.
    """
    asked: dict[int, Transfer] = {}
    for event in journal:
        match event:
            case CallTransferred():
                return Transfer(event.target)
            case CallTransferRequested():
                asked[event.turn] = Transfer(event.target)
            case ReplyInterrupted():
                asked.pop(event.turn, None)
            case CallEnded() if event.reason != "transferred":
                return HangUp()
            case _:
                pass
    return asked[max(asked)] if asked else HangUp()
