"""The call itself: its start, its transfer, its end, and the moment when another edge resumes it."""

from typing import Any, ClassVar, Literal

import msgspec

from orchestra_schemas.event import Event

Direction = Literal["inbound", "outbound"]
EndReason = Literal[
    "caller_hung_up", "agent_hung_up", "transferred", "silence", "time_limit", "failed", "busy", "no_answer"
]
AnsweredBy = Literal["human", "machine", "fax"]
ScreeningStatus = Literal["asked", "waiting", "accepted", "declined"]
RecordingMode = Literal["on", "told", "asked", "off"]


class CallStarted(Event, frozen=True, kw_only=True):
    """The audio of a call is connected to an edge.

    Numbers are E.164 (``+15550001``), empty if the carrier sent none. ``provider_call`` is the carrier's
    own id for the call (Twilio: CallSid). ``variables`` is what is known of the call beyond that: the caller's name,
    chosen headers of a SIP call. ``line`` is the entry of the app's lines that decided which app answers
    (``+15550100``, ``sip:help``, ``*``); empty if one app answers everything, or if no line was dialled: then no app
    is named, either. ``language`` (BCP 47) is the one in which the call begins.

    ``recording`` says whether the audio is kept: ``on``; the caller's from the moment at which they were ``told``;
    once they were ``asked`` and have agreed (`ConsentGiven`); ``off``, never.
    """

    family: ClassVar[str] = "calls"
    from_number: str = ""
    to_number: str = ""
    direction: Direction = "inbound"
    provider_call: str = ""
    app: str = ""
    greeting: str = ""
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    line: str = ""
    language: str = "en"
    recording: RecordingMode = "on"

    @property
    def own_number(self) -> str:
        """What was dialled; of a call that the system placed, the number from which it was placed."""
        return self.from_number if self.direction == "outbound" else self.to_number

    @property
    def other_party(self) -> str:
        """The number of the person on the line, whoever placed the call; empty if the carrier sent none."""
        return self.to_number if self.direction == "outbound" else self.from_number


class CallVariablesRequested(Event, frozen=True, kw_only=True):
    """The app is asked what it knows of a call that begins: what it answers are variables of the call.

    Numbers, direction, line and language are those of `CallStarted`, ``variables`` what was known then. ``deadline`` is
    in epoch seconds: the first words wait until then at most. They are told by `CallGreeted`.
    """

    family: ClassVar[str] = "calls"
    app: str = ""
    from_number: str = ""
    to_number: str = ""
    direction: Direction = "inbound"
    line: str = ""
    language: str = "en"
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    deadline: float = 0.0


class CallVariablesSet(Event, frozen=True, kw_only=True):
    """What the app has answered: JSON values by name, beside and before those of `CallStarted`.

    ``request`` is the id of the `CallVariablesRequested`, ``origin`` who was asked. With an ``error``, the call goes on
    without an answer.
    """

    family: ClassVar[str] = "calls"
    request: str = ""
    variables: dict[str, Any] = msgspec.field(default_factory=dict)
    origin: Literal["function", "url"] = "function"
    duration_ms: float = 0.0
    error: str = ""


class CallGreeted(Event, frozen=True, kw_only=True):
    """The first words of a call whose app was asked for variables; of all others they are in `CallStarted`.

    Also what follows them where they ask for consent to the recording, and the caller has answered.
    """

    family: ClassVar[str] = "calls"
    greeting: str = ""
    language: str = "en"


class ConsentGiven(Event, frozen=True, kw_only=True):
    """The caller may be recorded: from here on their audio is kept.

    ``by``: they have heard the ``notice`` whole; or they were asked, and agreed in ``words`` or by a ``key``. ``heard``
    are the words or the key.
    """

    family: ClassVar[str] = "calls"
    by: Literal["notice", "words", "key"] = "notice"
    heard: str = ""


class ConsentRefused(Event, frozen=True, kw_only=True):
    """The caller must not be recorded, whatever was kept before: the recording ends and is deleted. The call goes on.

    ``by``: they were asked, and refused in ``words`` or by a ``key``, or ``nothing`` that they said was an answer; or,
    later in the call, they have made the ``request``. Whoever publishes it, the edge that has the call acts on it.
    """

    family: ClassVar[str] = "calls"
    by: Literal["words", "key", "nothing", "request"] = "request"
    heard: str = ""


class AppChanged(Event, frozen=True, kw_only=True):
    """An agent or an ``operator`` has passed the caller on to another app, whose agents answer from the next turn on.

    ``app`` and ``version`` are that app's, ``agent`` is the one that speaks first; ``previous`` is the app that had the
    call. ``briefing`` is the note of the one agent for the other, ``greeting`` what the caller hears first.
    """

    family: ClassVar[str] = "calls"
    app: str
    agent: str
    previous: str = ""
    briefing: str = ""
    greeting: str = ""
    operator: str = ""


class CallResumed(Event, frozen=True, kw_only=True):
    """The call has an edge again, after its first edge was lost or its media stream broke.

    ``provider_call`` is the carrier's own id for the call. ``stream_number`` counts its media streams from 0.
    """

    family: ClassVar[str] = "calls"
    provider_call: str = ""
    app: str = ""
    stream_number: int = 0


class CallAnswered(Event, frozen=True, kw_only=True):
    """A person or a machine has answered an outbound call. ``detail`` is the carrier's own word for it."""

    family: ClassVar[str] = "calls"
    by: AnsweredBy
    detail: str = ""


class CallScreened(Event, frozen=True, kw_only=True):
    """A robot has answered an outbound call for its owner (iOS, Google's Call Screen): how far the screening is.

    ``asked``: it wants to know who calls and why, and is told. ``waiting``: its owner decides. ``accepted``: a person
    speaks. ``declined``: the owner does not take the call. ``heard`` are the words that told it.
    """

    family: ClassVar[str] = "calls"
    status: ScreeningStatus
    heard: str = ""


class CallEnded(Event, frozen=True, kw_only=True):
    """The call is over; nothing is spoken after it.

    ``duration_s`` is counted from `CallStarted`, ``audio_ms`` is where the last `AudioChunk` ends on the call's clock.
    """

    family: ClassVar[str] = "calls"
    reason: EndReason
    duration_s: float = 0.0
    audio_ms: int = 0


class DigitPressed(Event, frozen=True, kw_only=True):
    """The caller pressed a key: one of ``0123456789*#``; `SECRET_KEY` if they were asked for something secret."""

    family: ClassVar[str] = "calls"
    digit: str


class CallTransferRequested(Event, frozen=True, kw_only=True):
    """An agent wants the call transferred to a person once its last words have been played.

    ``target`` is a number (E.164) or a SIP address; ``briefing`` is for the person. ``operator``: they want it, and
    at once.
    """

    family: ClassVar[str] = "calls"
    target: str
    briefing: str = ""
    operator: str = ""


class CallTransferred(Event, frozen=True, kw_only=True):
    """The carrier was told to connect the caller to ``target``; the person there may still decline.

    ``audio_ms`` is where the last `AudioChunk` ends on the call's clock.
    """

    family: ClassVar[str] = "calls"
    target: str
    audio_ms: int = 0


class TransferAccepted(Event, frozen=True, kw_only=True):
    """The person at ``target`` has heard the briefing and accepts the call: caller and person are connected."""

    family: ClassVar[str] = "calls"
    target: str


class TransferFailed(Event, frozen=True, kw_only=True):
    """Nobody at ``target`` accepted the call, so the agents continue. ``reason`` is the carrier's word for it."""

    family: ClassVar[str] = "calls"
    target: str
    reason: str = ""


class DigitsRequested(Event, frozen=True, kw_only=True):
    """An agent presses keys: these tones are played to the other party. Digits are ``0123456789*#``."""

    family: ClassVar[str] = "calls"
    digits: str


class CallEndRequested(Event, frozen=True, kw_only=True):
    """An agent wants the call ended once its last words have been played; an ``operator``, at once."""

    family: ClassVar[str] = "calls"
    reason: str = ""
    operator: str = ""
