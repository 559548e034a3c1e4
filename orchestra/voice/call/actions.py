"""What is to be done in a call: what `TurnTaking` decides, and others do."""

from dataclasses import dataclass

from orchestra.history.ending import HangUp, Transfer


@dataclass(frozen=True, slots=True)
class Say:
    """Speak these words now, behind what is being spoken."""

    turn: int
    text: str
    voice: str = ""


@dataclass(frozen=True, slots=True)
class SayAtOnce:
    """Speak this phrase past the speech engine, which keeps the caller waiting; where it is not kept, nothing."""

    text: str


@dataclass(frozen=True, slots=True)
class FlushSpeech:
    """No more words follow for the moment: let the speech engine finish."""


@dataclass(frozen=True, slots=True)
class ClearAudio:
    """Take back all that is on its way to the caller; `TurnTaking.output_cleared` follows when it is."""


@dataclass(frozen=True, slots=True)
class SendDtmf:
    """Play the tones of these keys, behind what is being spoken."""

    keys: str


@dataclass(frozen=True, slots=True)
class SendMark:
    """Ask the carrier to tell when all before this was played."""

    name: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The caller's turn is over, with these words; the agents are to answer it, or do already: ``predicted``."""

    turn: int
    text: str
    predicted: bool = False


@dataclass(frozen=True, slots=True)
class TurnPredicted:
    """The caller's turn seems to be over, with these words; the agents may begin, nothing is spoken yet."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class TurnResumed:
    """The caller goes on: the turn that was predicted is void."""

    turn: int


@dataclass(frozen=True, slots=True)
class ReplyCut:
    """The reply of this turn is over because the caller spoke; ``heard`` is what was played of it."""

    turn: int
    heard: str


@dataclass(frozen=True, slots=True)
class ReplyPlayed:
    """The reply of this turn was played to its end."""

    turn: int
    text: str
    agent: str


Action = (
    Say | SayAtOnce | FlushSpeech | ClearAudio | SendDtmf | SendMark
    | TurnEnded | TurnPredicted | TurnResumed | ReplyCut | ReplyPlayed | HangUp | Transfer
)  # fmt: skip
