"""The speech output of the edge: what was played, how long each stage took, what an engine was given."""

from typing import ClassVar, Literal

from orchestra_schemas.event import Event


class ReplySpoken(Event, frozen=True, kw_only=True):
    """The reply of ``turn`` was played to its end. ``text`` is what the caller heard.

    ``operator``: the words were theirs: a sentence (`OperatorSaid`) in the agent's voice, or, with an ``engine``, what
    they said themselves during a take-over, as that STT engine understood it.
    """

    family: ClassVar[str] = "edge"
    text: str
    agent: str = ""
    operator: str = ""
    engine: str = ""


class SentenceSpoken(Event, frozen=True, kw_only=True):
    """A sentence of the reply of ``turn`` was played to its end, and the reply continues.

    An edge that resumes the call from its journal continues after it.
    """

    family: ClassVar[str] = "edge"
    text: str


class TurnMeasured(Event, frozen=True, kw_only=True):
    """Where the time of one turn went, in ms, from the end of the caller's speech to the first sound of the reply.

    The stages follow one another: ``turn_end_ms`` (end of speech → turn end decided, and of that ``stt_ms`` waiting for
    the transcript), ``routing_ms`` (turn end → prompt published), ``first_token_ms`` (the model), ``first_sentence_ms``
    (first token → first sentence at the edge), ``tts_ms`` (sentence → first speech), ``output_ms`` (→ first audio
    sent to the carrier). ``total_ms`` is measured, not added up. What was made before the end of a predicted turn costs
    no time after it.

    ``ready`` is what there was of the reply when the turn ended: ``speech`` of its first sentence, that ``sentence``,
    the ``prompt``, or ``nothing``; empty in journals of older versions. ``predicted_ms`` is how long before its end the
    turn was predicted, 0 if it was not; ``wasted_predictions`` are the predictions that the caller's words disproved
    before this turn's end.
    """

    family: ClassVar[str] = "edge"
    turn_end_ms: float = 0.0
    stt_ms: float = 0.0
    routing_ms: float = 0.0
    first_token_ms: float = 0.0
    first_sentence_ms: float = 0.0
    tts_ms: float = 0.0
    output_ms: float = 0.0
    total_ms: float = 0.0
    ready: Literal["", "nothing", "prompt", "sentence", "speech"] = ""
    predicted_ms: float = 0.0
    wasted_predictions: int = 0


#: the stages of a turn in their order: fields of `TurnMeasured`, and how a table names them for people; ``stt_ms`` is a
#: part of ``turn_end_ms``
TURN_STAGES = {
    "turn_end_ms": "turn end",
    "stt_ms": "of it stt",
    "routing_ms": "routing",
    "first_token_ms": "model",
    "first_sentence_ms": "sentence",
    "tts_ms": "voice",
    "output_ms": "output",
}
#: every time that `TurnMeasured` has
TURN_TIMES = (*TURN_STAGES, "total_ms")


class SpeechMetered(Event, frozen=True, kw_only=True):
    """The use of the speech engines in this call since the last event of this kind, as vendors charge for it.

    ``stt_s`` counts seconds of the caller's audio, silence included. ``tts_characters`` counts the text given to the
    engine, even if the caller did not hear all of it; ``tts_characters_wasted`` of them, or of those counted before,
    were for a predicted turn that did not end there. ``stt`` and ``tts`` are the engines' names.
    """

    family: ClassVar[str] = "edge"
    stt: str = ""
    stt_s: float = 0.0
    tts: str = ""
    tts_characters: int = 0
    tts_characters_wasted: int = 0


class ProviderFailed(Event, frozen=True, kw_only=True):
    """A speech engine failed during the call; the call continues.

    ``provider`` is the engine's name, ``error`` its message. ``fallback`` is the engine that replaces it; empty if the
    same one is tried again.
    """

    family: ClassVar[str] = "edge"
    service: Literal["stt", "tts"]
    provider: str
    error: str = ""
    fallback: str = ""
