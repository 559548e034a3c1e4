"""High volume, short life: audio, and transcripts that may still change. These travel on the media stream."""

from typing import ClassVar, Literal

from orchestra_schemas.event import Event


class AudioChunk(Event, frozen=True, kw_only=True):
    """About 200 ms of one side of the call.

    ``audio`` holds signed 16-bit little-endian mono samples; it travels as raw bytes beside the JSON body, so it is
    empty in the body itself. ``offset_ms`` is the place of its first sample on the call's clock.
    """

    speaker: Literal["caller", "agent"]
    offset_ms: int
    sample_rate: int = 8000
    audio: bytes = b""

    stream: ClassVar[str] = "media"
    family: ClassVar[str] = "media"


class TranscriptPartial(Event, frozen=True, kw_only=True):
    """What the speech engine believes so far; the final words may differ."""

    text: str

    stream: ClassVar[str] = "media"
    family: ClassVar[str] = "media"
