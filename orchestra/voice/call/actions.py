"""The actions that `TurnTaking` decides on; the conversation and the pipeline carry them out."""

from dataclasses import dataclass, field
from typing import Literal

from orchestra.history.ending import HangUp, Transfer
from orchestra.language.registry import DEFAULT_CODE


@dataclass(frozen=True, slots=True)
class Say:
    """Speak this text after everything that is already being spoken, in this voice and language, at this speed.

    Without a voice or a speed, those of what was said before.
    """

    turn: int
    text: str
    voice: str = ""
    speed: float = 0.0
    language: str = DEFAULT_CODE


@dataclass(frozen=True, slots=True)
class PrepareSpeech:
    """Synthesize the first sentence of a reply, and hold its speech until it is to be said, or `ClearAudio` follows."""

    say: Say


@dataclass(frozen=True, slots=True)
class SayAtOnce:
    """Play this cached phrase at once, ahead of a TTS engine that is late. Does nothing if it is not cached."""

    text: str


@dataclass(frozen=True, slots=True)
class FlushSpeech:
    """No more text follows for now: the TTS engine should finish what it has."""


@dataclass(frozen=True, slots=True)
class ClearAudio:
    """Discard all audio that has not been played; `TurnTaking.output_cleared` is called when that is done."""


@dataclass(frozen=True, slots=True)
class PauseAudio:
    """Pause: keep all audio that has not been played, until `ResumeAudio` or `ClearAudio`."""


@dataclass(frozen=True, slots=True)
class ResumeAudio:
    """Play what was held, from the beginning of the word in which it was paused."""


@dataclass(frozen=True, slots=True)
class SendDtmf:
    """Play the tones of these keys after everything that is already being spoken."""

    keys: str


@dataclass(frozen=True, slots=True)
class SendMark:
    """Ask the carrier to report when all audio before this mark has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The caller's turn is over. ``predicted``: it was predicted like this, and the reply is being made already."""

    turn: int
    text: str
    predicted: bool = False


@dataclass(frozen=True, slots=True)
class TurnPredicted:
    """The caller's turn is probably over: the agents may start on the reply, but nothing is spoken yet."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class TurnResumed:
    """The caller continues, or has said other words: the predicted turn is void."""

    turn: int
    reason: Literal["resumed", "other_words"] = field(default="resumed", compare=False)


@dataclass(frozen=True, slots=True)
class Backchannel:
    """While the reply of this turn was spoken, the caller only showed that they listen."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class ReplyCut:
    """The caller interrupted the reply of this turn; ``heard`` is the part that was played."""

    turn: int
    heard: str


@dataclass(frozen=True, slots=True)
class ReplyPlayed:
    """The reply of this turn was played to the end."""

    turn: int
    text: str
    agent: str


Action = (
    Say | PrepareSpeech | SayAtOnce | FlushSpeech | ClearAudio | PauseAudio | ResumeAudio | SendDtmf | SendMark
    | TurnEnded | TurnPredicted | TurnResumed | Backchannel | ReplyCut | ReplyPlayed | HangUp | Transfer
)  # fmt: skip

Speech = Say | PrepareSpeech | SayAtOnce | FlushSpeech | ClearAudio | PauseAudio | ResumeAudio | SendDtmf | SendMark
