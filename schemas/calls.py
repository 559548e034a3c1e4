"""The call itself: it starts, is taken up by another edge, is transferred, ends."""

from typing import Literal

from schemas.event import Event

Direction = Literal["inbound", "outbound"]
EndReason = Literal["caller_hung_up", "agent_hung_up", "transferred", "silence", "time_limit", "failed"]


class CallStarted(Event, frozen=True, kw_only=True):
    """The audio of a call is connected to an edge.

    Numbers are E.164 (``+15550001``), empty where the carrier sent none. ``provider_call`` is the carrier's
    own id of the call (Twilio: CallSid).
    """

    from_number: str = ""
    to_number: str = ""
    direction: Direction = "inbound"
    provider_call: str = ""
    app: str = ""
    greeting: str = ""


class CallResumed(Event, frozen=True, kw_only=True):
    """Another edge has taken the call up from its journal after the first one was lost."""

    provider_call: str = ""


class CallEnded(Event, frozen=True, kw_only=True):
    """The call is over; nothing is spoken after it.

    ``duration_s`` is counted from `CallStarted`, ``audio_ms`` is where the last `AudioChunk` ends on the call's clock.
    """

    reason: EndReason
    duration_s: float = 0.0
    audio_ms: int = 0


class DigitPressed(Event, frozen=True, kw_only=True):
    """The caller pressed a key: one of ``0123456789*#``."""

    digit: str


class CallTransferRequested(Event, frozen=True, kw_only=True):
    """An agent hands the call to a person once its last words are played.

    ``target`` is a number (E.164) or a SIP address, ``briefing`` what the person should know.
    """

    target: str
    briefing: str = ""


class CallTransferred(Event, frozen=True, kw_only=True):
    """The carrier was told to connect the caller to ``target``."""

    target: str


class CallEndRequested(Event, frozen=True, kw_only=True):
    """An agent ends the call once its last words are played."""

    reason: str = ""
