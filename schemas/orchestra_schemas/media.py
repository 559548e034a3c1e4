"""High volume and short life: audio, and transcripts that may still change. Both travel on the media stream."""

from typing import ClassVar, Literal

from orchestra_schemas.event import Event


class AudioChunk(Event, frozen=True, kw_only=True):
    """About 200 ms of one side of the call.

    ``audio`` holds signed 16-bit little-endian mono samples; they travel as raw bytes beside the JSON body,
    where the field is empty. ``offset_ms`` is the time of the first sample on the call's clock.

    ``operator`` is the microphone of somebody who has taken the call over, or the telephone of the person in a
    three-way call, on its way to the caller: at most 100 ms each, and ``offset_ms`` counts from their first sample. The
    edge plays it, and what the caller hears of it comes again as the side of the ``agent``: that is in the recording,
    this is not. ``person`` is the way back: the caller and the agents together, on their way to that telephone.

    ``kept``: it belongs into the recording. Otherwise it is only on its way to somebody who has to hear it.
    """

    speaker: Literal["caller", "agent", "operator", "person"]
    offset_ms: int
    sample_rate: int = 8000
    audio: bytes = b""
    kept: bool = True

    stream: ClassVar[str] = "media"
    family: ClassVar[str] = "media"


class TranscriptPartial(Event, frozen=True, kw_only=True):
    """The speech engine's transcript so far; the final one may differ."""

    text: str

    stream: ClassVar[str] = "media"
    family: ClassVar[str] = "media"
