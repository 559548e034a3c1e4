"""The caller: speech, transcripts, turns, interruptions."""

from typing import ClassVar, Final, Literal

from orchestra_schemas.event import Event

#: stands for the words of a caller who was asked for something secret (`ReplyChunk.secret`), and for what they gave
SECRET: Final = "[secret]"  # noqa: S105 - it hides one
#: stands for a key that they have pressed meanwhile
SECRET_KEY: Final = "•"  # noqa: S105


class UserSpeechStarted(Event, frozen=True, kw_only=True):
    """The caller began to speak. ``interrupting``: while a reply was being made or played."""

    family: ClassVar[str] = "caller"
    interrupting: bool = False


class TranscriptFinal(Event, frozen=True, kw_only=True):
    """The speech engine's final transcript of one stretch of speech.

    ``speech_s`` is the length of that speech in seconds, ``stt_ms`` the time that the engine took after its end.
    ``confidence`` is 0–1, and 1 if the engine states none. ``joined``: the words are those of this stretch and of the
    one before it, transcribed together; they replace the final before this one. ``language`` is the one that the engine
    has recognized (BCP 47); empty: it does not say.
    """

    family: ClassVar[str] = "caller"
    text: str
    engine: str = ""
    confidence: float = 1.0
    joined: bool = False
    speech_s: float = 0.0
    stt_ms: float = 0.0
    language: str = ""


class UserTurnEnded(Event, frozen=True, kw_only=True):
    """The caller has finished speaking and waits for a reply.

    ``speech_ended_at`` is the moment of the last spoken sound (epoch seconds); ``at`` the moment the edge decided
    that the turn was over. ``predicted``: a `UserTurnPredicted` of this turn had the same words, so work on the reply
    has already begun. ``operator`` had taken the call over: the words are for them, and the agents only remember them.
    """

    family: ClassVar[str] = "caller"
    text: str
    speech_ended_at: float = 0.0
    predicted: bool = False
    operator: str = ""


class UserTurnPredicted(Event, frozen=True, kw_only=True):
    """The caller seems to have finished speaking; the speech engine is not sure yet.

    Work on the reply may begin, but nothing of it is spoken before the `UserTurnEnded` of the same turn, and no tool
    runs but idempotent ones. A `UserTurnResumed` makes the turn void. ``speech_ended_at`` as in `UserTurnEnded`.
    """

    family: ClassVar[str] = "caller"
    text: str
    speech_ended_at: float = 0.0


class UserTurnResumed(Event, frozen=True, kw_only=True):
    """The caller is still speaking, or said something other than predicted: the predicted ``turn`` is void.

    The caller's words will end another turn, with a higher number. ``reason``: the caller went on speaking, or the
    final transcript has other words than the prediction.
    """

    family: ClassVar[str] = "caller"
    reason: Literal["resumed", "other_words"] = "resumed"


class BackchannelHeard(Event, frozen=True, kw_only=True):
    """While the reply of ``turn`` was spoken, the caller only showed that they listen, as with "mhm" or "okay".

    These words, of one or more `TranscriptFinal` before this, are not a turn and get no reply.
    """

    family: ClassVar[str] = "caller"
    text: str


class ReplyInterrupted(Event, frozen=True, kw_only=True):
    """The caller spoke over the reply of ``turn``. ``heard`` ends at the last word that was played.

    ``operator``: the words were theirs (`OperatorSaid`), in the agent's voice. ``stopped_by``: not the caller but this
    operator ended the reply, by what they did.
    """

    family: ClassVar[str] = "caller"
    heard: str = ""
    operator: str = ""
    stopped_by: str = ""
