"""A call's audio among the entries of a media stream."""

from orchestra.bus.stream.entry import Entry
from orchestra_schemas import AudioChunk, DecodeError, tag_of

_AUDIO = tag_of(AudioChunk)
_SAMPLE_BYTES = 2


def audio_of(entry: Entry, call: str) -> AudioChunk | None:
    """The audio of this call in an entry; None for anything else, and for damaged audio, which becomes silence."""
    if entry.call != call or entry.type != _AUDIO:
        return None
    try:
        chunk = entry.event()
    except DecodeError:
        return None
    return chunk if isinstance(chunk, AudioChunk) and chunk.sample_rate > 0 else None


def duration_ms(chunk: AudioChunk) -> int:
    """The duration of a chunk."""
    return len(chunk.audio) * 1000 // (_SAMPLE_BYTES * chunk.sample_rate)
