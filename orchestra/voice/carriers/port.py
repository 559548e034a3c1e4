"""The port to a telephone company: what a call needs of one, whichever it is, and what the edge does for it.

::

    carrier   the carrier's requests   ──▶ CallReport  ──▶ CallControl ──▶ Step         ──▶ the carrier's documents
              the carrier's connection ──▶ MediaStream ──▶ CallControl.serve, until the call or the stream is over
    edge      a number to call         ──▶ Carrier.place_call

A carrier is a folder here. It translates its own messages into these records and back, so nothing of a call, its audio
or its pipeline knows a carrier's protocol. `CallControl` decides from the call's journal, so any edge can answer.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Hashable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, runtime_checkable

from orchestra.history.ending import HangUp, Transfer
from orchestra.language.registry import DEFAULT_CODE
from orchestra.refusal_log import Refusals
from orchestra_schemas import Event
from orchestra_schemas.calls import AnsweredBy, Direction, EndReason

if TYPE_CHECKING:
    from fastapi import APIRouter

#: longest message of a media stream, in bytes: about 6 s of audio in one, where carriers send 20 ms
LONGEST_MESSAGE = 65_536


@dataclass(frozen=True, slots=True)
class Parties:
    """Who calls whom: the call's id, the carrier's own id of it, and the numbers (E.164, empty where unknown).

    ``stream`` is the number of the call's media stream; each one that is offered to the carrier has a higher number.
    ``variables`` is what the carrier says of the call beyond that: the caller's name, chosen headers.
    ``line`` is the line that was chosen for a call that we placed; empty: that of the number it is placed from.
    """

    call: str
    provider_call: str
    from_number: str = ""
    to_number: str = ""
    direction: Direction = "inbound"
    stream: int = 0
    variables: Mapping[str, str] = field(default_factory=dict)
    line: str = ""

    @property
    def own_number(self) -> str:
        """What was dialled; of a call that we placed, the number from which it was placed."""
        return self.from_number if self.direction == "outbound" else self.to_number

    @property
    def other_party(self) -> str:
        """The number of the person on the line, whoever placed the call; empty if the carrier sent none."""
        return self.to_number if self.direction == "outbound" else self.from_number


# -- one call's audio


class AudioReceived(NamedTuple):
    """A frame of the caller's audio.

    Attributes:
        samples: signed 16-bit, mono, little-endian, at the stream's rate.
        timestamp_ms: the carrier's own time stamp, counted from any moment; None where it sent none.

    """

    samples: bytes
    timestamp_ms: int | None = None


class MarkReturned(NamedTuple):
    """All audio that was sent before this mark has been played, or cleared."""

    name: str


class DigitReceived(NamedTuple):
    """The caller pressed a key: 0 to 9, ``*`` or ``#``."""

    digit: str


class HoldChanged(NamedTuple):
    """The other party has put the call on hold, or taken it up again. While it is held nothing is played to them."""

    held: bool


class StreamStopped(NamedTuple):
    """The carrier has ended the stream: the caller hung up, or the call continues without its agents."""


Received = AudioReceived | MarkReturned | DigitReceived | HoldChanged | StreamStopped


class MediaStream(Protocol):
    """The audio of one call, both ways. A call whose stream broke gets another one."""

    @property
    def sample_rate(self) -> int:
        """Of the audio in both directions, in Hz."""

    async def receive(self) -> Received:
        """What comes next.

        Raises:
            RejectedError: the carrier broke its protocol.
            StreamLostError: the connection is gone without a `StreamStopped`.

        """

    async def send_audio(self, samples: bytes) -> bool:
        """Have this played (16-bit samples) after what was sent before. False: the stream is closed."""

    async def send_mark(self, name: str) -> None:
        """Have `MarkReturned` come back once all that was sent before was played."""

    async def clear(self) -> None:
        """Have the carrier drop what it has not played; the marks in it come back."""


# -- one call as text, whose carrier hears and speaks


class WordsReceived(NamedTuple):
    """What the caller has said since they began to speak; until it is ``final`` more or other words follow."""

    text: str
    final: bool


class AgentCut(NamedTuple):
    """The caller has interrupted the agent: the carrier has dropped what it has not said. ``heard`` is what it had."""

    heard: str


class WordsPlayed(NamedTuple):
    """The carrier has said these of the words that it was given."""

    text: str


class SpeakerChanged(NamedTuple):
    """The voice of one side is heard, or is no longer."""

    speaker: Literal["caller", "agent"]
    speaks: bool


TextReceived = WordsReceived | AgentCut | WordsPlayed | SpeakerChanged | DigitReceived


class TextStream(Protocol):
    """One call as text, both ways. A call whose stream broke gets another one."""

    @property
    def engine(self) -> str:
        """The carrier's name as a speech engine."""

    async def receive(self) -> TextReceived:
        """What comes next.

        Raises:
            RejectedError: the carrier broke its protocol.
            StreamLostError: the connection is gone: the carrier says elsewhere whether the caller has hung up.

        """

    async def send_text(self, token: str, *, last: bool = False) -> bool:
        """Have this said after what was sent before. False: the stream is closed.

        After the ``last`` of a reply, the first of another one may take the place of what is not said yet.
        """

    async def send_digits(self, digits: str) -> None:
        """Have these keys sent as tones, at once."""


@runtime_checkable
class PressesKeys(Protocol):
    """A `MediaStream` whose carrier presses keys itself; on any other they are tones in the audio."""

    async def press_keys(self, keys: str) -> None:
        """Have these keys pressed (``0123456789*#``) after the audio that was sent before."""


# -- what happens to a call


@dataclass(frozen=True, slots=True)
class Answered:
    """Who or what answered a call that we placed; ``detail`` in the carrier's own words."""

    by: AnsweredBy
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CallReport:
    """What the carrier says about a call when it asks what happens next in it.

    Attributes:
        parties: who calls whom. The call's id is empty where the carrier has none of ours yet, ``stream`` is the stream
            after which it asks.
        request: where the carrier asked, for the log.
        signature: the carrier's, over this report: what comes a second time has the same one.
        end_reason: why the call is over, where the carrier says that it is.
        answered: who answered a call that we placed, where the carrier says it.
        transfer_status: how the carrier's attempt to reach a person ended, in its own words.
        tries: how often the carrier was told to ask again.

    """

    parties: Parties
    request: str = ""
    signature: str = ""
    end_reason: EndReason | None = None
    answered: Answered | None = None
    transfer_status: str = ""
    tries: int = 0

    @property
    def call(self) -> str:
        """Our id of the call."""
        return self.parties.call

    @property
    def provider_call(self) -> str:
        """The carrier's id of the call."""
        return self.parties.provider_call

    @property
    def stream(self) -> int:
        """The number of the media stream after which the carrier asks."""
        return self.parties.stream


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect the call's audio to an edge, as the stream that ``parties`` numbers.

    Attributes:
        parties: who calls whom.
        offered_at: when this was decided, epoch seconds: an offer that is repeated is the same one.
        resumed: the call had a stream before.
        answered_by: who answered a call that we placed; empty: not known yet.

    """

    parties: Parties
    offered_at: float
    resumed: bool = False
    answered_by: str = ""


@dataclass(frozen=True, slots=True)
class Busy:
    """All lines are in use. The caller hears the message in ``language``, or, without one, the busy tone."""

    message: str = ""
    language: str = DEFAULT_CODE


@dataclass(frozen=True, slots=True)
class AskAgain:
    """The journal cannot be read at the moment: ask again shortly, and let the caller hear the message, if any."""

    message: str
    tries: int
    language: str = DEFAULT_CODE


@dataclass(frozen=True, slots=True)
class Outdated(HangUp):
    """The report is an old one that was acted on: nothing happens next.

    A carrier that awaits a document gets that of a hang-up, which it ignores; one that takes commands gets none.
    """


Step = Connect | Transfer | HangUp | Busy | AskAgain


class CallControl(Protocol):
    """What an edge does for its carrier."""

    @property
    def refusals(self) -> Refusals:
        """Notes what was refused, without a line in the log for each of a thousand."""

    @property
    def app(self) -> str:
        """The name of the app that answers calls that name none."""

    def is_call(self, call: str) -> bool:
        """Whether this can be an id of one of this platform's calls."""

    async def offer(self, report: CallReport) -> Step:
        """A call comes in, or one that we placed was answered. However often it is reported, it is one call.

        Raises:
            RejectedError: the report contradicts an earlier one.

        """

    async def after_stream(self, report: CallReport) -> Step:
        """The media stream of a call has ended, in whichever way."""

    async def after_transfer(self, report: CallReport) -> Step:
        """A transfer is over: the person has hung up, or did not take the call."""

    async def requested_transfer(self, call: str) -> Transfer | None:
        """The transfer that this call waits for; None where it waits for none."""

    async def accept_transfer(self, call: str) -> bool:
        """The person takes the call. False: the call does not wait for anybody any more."""

    async def answered(self, call: str, answered: Answered) -> None:
        """The carrier has detected during the call who answered it."""

    async def ended(self, report: CallReport) -> None:
        """The carrier says that a call is over."""

    def pending(self, connection: Hashable, evict: Callable[[], None]) -> AbstractContextManager[None]:
        """Count a connection that has not said yet whose stream it is; where too many wait, the oldest is evicted."""

    async def claim(self, call: str, provider_call: str, token: str) -> None:
        """The stream of this token is here.

        Raises:
            RejectedError: an edge has it already.

        """

    async def serve(self, stream: MediaStream, parties: Parties, *, resumed: bool, answered_by: str) -> None:
        """Run the call over this stream, until either is over.

        Raises:
            RejectedError: the carrier broke its protocol, or the call is over.

        """

    async def serve_text(self, stream: TextStream, parties: Parties, *, resumed: bool, answered_by: str) -> None:
        """Run the call over this stream of text, until either is over.

        Raises:
            RejectedError: the carrier broke its protocol, or the call is over.

        """

    def message_skipped(self, call: str, reason: str) -> None:
        """A message of the carrier's made no sense, and was skipped."""

    def events(self, call: str, types: Collection[type[Event]]) -> AsyncGenerator[Event]:
        """The call's events of these types, from now on, until it is closed: for a carrier that can show them."""

    async def speak(self, text: str, language: str = DEFAULT_CODE) -> bytes:
        """The text as speech, 16-bit samples at 8 kHz: for a carrier that cannot speak by itself.

        Raises:
            RejectedError: the speech engine does not speak at the moment.

        """

    async def count(self, name: str, window_s: int) -> int:
        """Count a use of ``name``, over all edges. Returns how many there were in this window of time, this included.

        Raises:
            RejectedError: they cannot be counted at the moment.

        """

    async def keep(self, call: str, name: str, value: str) -> None:
        """Keep what the carrier says of a call for an hour, for whichever edge asks for it by this name.

        Raises:
            RejectedError: it cannot be kept at the moment.

        """

    async def kept(self, call: str, name: str) -> str:
        """What was kept of the call by this name; empty if nothing was.

        Raises:
            RejectedError: it cannot be read at the moment.

        """


class Carrier(Protocol):
    """A telephone company."""

    def check_settings(self) -> None:
        """See that what is needed to take its calls is set.

        Raises:
            SettingError: it is not.

        """

    def routes(self, control: CallControl) -> "APIRouter":
        """The HTTP routes and WebSockets at which the carrier reaches the edge."""

    async def place_call(self, call: str, to_number: str, from_number: str = "") -> str:
        """Have ``to_number`` (E.164) rung; once it is answered, an edge has it as ``call``.

        ``from_number`` is one of our numbers, which the person sees; by default that of the settings.

        Returns:
            The carrier's own id of the call.

        Raises:
            RejectedError: that is not a telephone number.
            SettingError: a setting that is needed for it is missing.
            CallUncertainError: the carrier does not say whether it has taken the call.
            CarrierError: the carrier refuses.

        """
