"""The events of Telnyx's webhooks, and what they mean.

Sources: https://developers.telnyx.com/docs/voice/programmable-voice/voice-api-webhooks,
https://developers.telnyx.com/api-reference/callbacks/call-hangup (and ``call-initiated``, ``call-gather-ended``,
``call-streaming-failed`` beside it), https://developers.telnyx.com/docs/voice/programmable-voice/answering-machine-detection
"""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import msgspec

from orchestra.errors import RejectedError
from orchestra.voice.carriers.port import Answered, CallReport, Parties
from orchestra.voice.carriers.telnyx.client_state import ClientState
from orchestra_schemas.calls import AnsweredBy, EndReason

#: an event has one or two kilobytes; with SIP headers some more
LONGEST_EVENT = 65_536
#: the query of a stream's address that has its number
STREAM_QUERY = "stream"
_MOST_DIGITS = 8

#: why a leg is over; what is not here is a failure
_END_REASONS: dict[str, EndReason] = {
    "normal_clearing": "caller_hung_up",
    "originator_cancel": "caller_hung_up",
    "time_limit": "time_limit",
    "user_busy": "busy",
    "call_rejected": "busy",
    "timeout": "no_answer",
    "no_answer": "no_answer",
}


class _StreamParams(msgspec.Struct):
    stream_url: str = ""


class _Payload(msgspec.Struct):
    call_control_id: str
    client_state: str | None = None
    from_number: str | None = msgspec.field(default=None, name="from")
    to_number: str | None = msgspec.field(default=None, name="to")
    direction: str | None = None
    hangup_cause: str | None = None
    result: str | None = None
    digits: str | None = None
    stream_params: _StreamParams | None = None


class _Named(msgspec.Struct):
    event_type: str
    payload: msgspec.Raw


class _Envelope(msgspec.Struct):
    data: _Named


_envelopes = msgspec.json.Decoder(_Envelope)
_payloads = msgspec.json.Decoder(_Payload)


@dataclass(frozen=True, slots=True)
class Event:
    """An event of one leg.

    Attributes:
        kind: ``call.initiated`` and so on.
        payload: what Telnyx says.
        state: what we had Telnyx keep with the leg.
        signature: Telnyx's, over the webhook.

    """

    kind: str
    payload: _Payload
    state: ClientState
    signature: str

    @property
    def leg(self) -> str:
        """Telnyx's id of the leg."""
        return self.payload.call_control_id

    @property
    def is_person(self) -> bool:
        """Whether it is the leg to the person of a transfer."""
        return bool(self.state.caller)

    @property
    def end_reason(self) -> EndReason:
        """Why the leg is over."""
        return _END_REASONS.get(self.payload.hangup_cause or "", "failed")

    @property
    def answered(self) -> Answered:
        """Who answered a call that we placed: a person where Telnyx is not sure."""
        detail = self.payload.result or ""
        by: AnsweredBy = "human"
        if detail.startswith("fax"):
            by = "fax"
        elif detail.startswith("machine") or self.kind == "call.machine.greeting.ended":
            by = "machine"
        return Answered(by, detail)

    def report(self) -> CallReport:
        """What it says, for the call that its leg belongs to."""
        state = self.state
        parties = Parties(
            call=state.call,
            provider_call=state.caller or self.leg,
            from_number=state.from_number or ("" if self.is_person else self.payload.from_number or ""),
            to_number=state.to_number or ("" if self.is_person else self.payload.to_number or ""),
            direction=state.direction,
            stream=self._stream(),
        )
        return CallReport(parties, request=self.kind, signature=self.signature)

    def _stream(self) -> int:
        """The number of the stream: by its address, since the leg may have had a later one since."""
        address = self.payload.stream_params.stream_url if self.payload.stream_params is not None else ""
        number = parse_qs(urlsplit(address).query).get(STREAM_QUERY, [""])[0]
        known = number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS
        return int(number) if known else self.state.stream


def read(body: bytes, signature: str, kinds: frozenset[str]) -> Event | None:
    """The event of a webhook whose signature was checked; None for one of another kind than these.

    Raises:
        RejectedError: it is none.

    """
    if len(body) > LONGEST_EVENT:
        msg = f"an event of more than {LONGEST_EVENT} bytes"
        raise RejectedError(msg)
    try:
        named = _envelopes.decode(body).data
        if named.event_type not in kinds:
            return None
        payload = _payloads.decode(named.payload)
        return Event(named.event_type, payload, ClientState.decode(payload.client_state), signature)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as error:
        msg = f"no event: {error}"
        raise RejectedError(msg) from None
