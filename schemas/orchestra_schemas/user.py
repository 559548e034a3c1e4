"""What the caller does: speaks, is understood, interrupts."""

from typing import ClassVar

from orchestra_schemas.event import Event


class UserSpeechStarted(Event, frozen=True, kw_only=True):
    """The caller began to speak. ``interrupting`` when a reply was being made or played."""

    family: ClassVar[str] = "caller"
    interrupting: bool = False


class TranscriptFinal(Event, frozen=True, kw_only=True):
    """The speech engine's final words for one stretch of speech.

    ``speech_s`` is the length of that speech in seconds, ``stt_ms`` how long the engine took after its end,
    ``confidence`` 0–1 and 1 where the engine states none.
    """

    family: ClassVar[str] = "caller"
    text: str
    engine: str = ""
    confidence: float = 1.0
    speech_s: float = 0.0
    stt_ms: float = 0.0


class UserTurnEnded(Event, frozen=True, kw_only=True):
    """The caller has said what they wanted to say and waits for a reply.

    ``speech_ended_at`` is the moment of the last spoken sound (epoch seconds); ``at`` the moment the edge decided
    that the turn was over. ``predicted``: a `UserTurnPredicted` of this turn came before, with the same words, and the
    work on the reply has begun.
    """

    family: ClassVar[str] = "caller"
    text: str
    speech_ended_at: float = 0.0
    predicted: bool = False


class UserTurnPredicted(Event, frozen=True, kw_only=True):
    """The caller seems to have said what they wanted to say; the speech engine is not sure yet.

    Work on the reply may begin, but nothing of it is spoken and no tool runs before the `UserTurnEnded` of the same
    turn. A `UserTurnResumed` makes the turn void instead. ``speech_ended_at`` as in `UserTurnEnded`.
    """

    family: ClassVar[str] = "caller"
    text: str
    speech_ended_at: float = 0.0


class UserTurnResumed(Event, frozen=True, kw_only=True):
    """The caller goes on speaking, or said something else than was predicted: the predicted ``turn`` never was.

    The caller's words end another turn, with a higher number.
    """

    family: ClassVar[str] = "caller"


class ReplyInterrupted(Event, frozen=True, kw_only=True):
    """The caller spoke over the reply of ``turn``. ``heard`` ends at the last word that was played."""

    family: ClassVar[str] = "caller"
    heard: str = ""
