"""Word times that stay right when audio comes late.

Pipecat counts a word's time from the start of its context, along the audio: it takes the audio to play without a gap.
A reply with a pause in it (a filler, then the answer two seconds later) would have its later words counted as heard
before they are::

    audio      |One moment.|      (waiting for a tool)      |Your parcel is on its way.|
    Pipecat    |One moment.|Your parcel is on its way.|
    here       |One moment.|                                |Your parcel is on its way.|
"""

from dataclasses import dataclass, replace
from typing import Any

from pipecat.frames.frames import Frame, TTSAudioRawFrame
from pipecat.services.tts_service import TTSService
from pipecat.utils.context.word_timestamp_tracker import WordTimestamp

_NS_PER_S = 1_000_000_000
_JITTER_S = 0.05


@dataclass(slots=True)
class Timeline:
    """How much audio of one context there is, and how long nothing played, in seconds."""

    audio_s: float = 0.0
    gap_s: float = 0.0

    def take(self, duration_s: float, played_s: float | None) -> None:
        """Add audio that arrives ``played_s`` after the context began to play; None: it has not begun."""
        if played_s is not None:
            late_s = played_s - (self.audio_s + self.gap_s)
            if late_s > _JITTER_S:
                self.gap_s += late_s
        self.audio_s += duration_s


class WordClock(TTSService):
    """A mixin for TTS services with word times: moves words by the pauses before their audio."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._timelines: dict[str, Timeline] = {}
        self._began_ns: int | None = None

    def timeline(self, context_id: str) -> Timeline:
        """The audio of a context so far."""
        return self._timelines.setdefault(context_id, Timeline())

    async def start_word_timestamps(self) -> None:
        """The context's first audio goes out now."""
        self._began_ns = self.get_clock().get_time()
        await super().start_word_timestamps()  # type: ignore[no-untyped-call]

    async def reset_word_timestamps(self) -> None:
        """The context has ended."""
        self._began_ns = None
        await super().reset_word_timestamps()  # type: ignore[no-untyped-call]

    async def append_to_audio_context(self, context_id: str | None, frame: Frame | WordTimestamp | None) -> None:
        """Queue audio or a word of a context."""
        if context_id is not None:
            if isinstance(frame, TTSAudioRawFrame):
                playing = self._began_ns is not None and self.get_active_audio_context_id() == context_id
                played_s = (self.get_clock().get_time() - (self._began_ns or 0)) / _NS_PER_S if playing else None
                self.timeline(context_id).take(len(frame.audio) / 2 / frame.sample_rate, played_s)
            elif isinstance(frame, WordTimestamp):
                frame = replace(frame, timestamp=frame.timestamp + self.timeline(context_id).gap_s)
        await super().append_to_audio_context(context_id, frame)

    async def on_audio_context_completed(self, context_id: str) -> None:
        """All audio of the context went out."""
        self._timelines.pop(context_id, None)
        await super().on_audio_context_completed(context_id)

    async def on_audio_context_interrupted(self, context_id: str) -> None:
        """The caller spoke over the context."""
        self._timelines.pop(context_id, None)
        await super().on_audio_context_interrupted(context_id)
