"""Which edge had a call when: of what two of them say, only one was heard by the caller."""

from dataclasses import dataclass

from orchestra.recordings.audio_chunks import duration_ms
from orchestra_schemas import AudioChunk


@dataclass(slots=True)
class _Span:
    edge: str
    from_ms: float
    to_ms: float


class EdgeSpans:
    """The spans of one call's clock in which an edge after another had it, by the caller's audio, which has no pauses.

    An edge that was cut off goes on for a while: it speaks to nobody, and stores that once it is back::

        clock    0          4000        6500            9000
        edge-1   the call ──│ nobody hears it ──────────│
        edge-2                           the call ──────────
    """

    def __init__(self) -> None:
        self._spans: list[_Span] = []

    def was_heard(self, chunk: AudioChunk) -> bool:
        """Note a chunk, in the order of the media stream. False: another edge has had the call at that time."""
        last = self._spans[-1] if self._spans else None
        end_ms = chunk.offset_ms + duration_ms(chunk)
        if last is not None and last.edge != chunk.source and last.from_ms <= chunk.offset_ms < last.to_ms:
            return False
        if chunk.speaker == "caller" and (last is None or last.edge != chunk.source):
            if last is None or chunk.offset_ms >= last.to_ms:
                self._spans.append(_Span(chunk.source, chunk.offset_ms, end_ms))
        elif chunk.speaker == "caller" and last is not None:
            last.to_ms = max(last.to_ms, end_ms)
        return True
