"""A call's audio among the entries of a media stream."""

from typing import Final

from orchestra.bus.stream.entry import Entry
from orchestra_schemas import AudioChunk, DecodeError, tag_of

#: speakers of audio that is none of the call's sides, but on its way to somebody
ON_ITS_WAY: Final = frozenset({"operator", "person"})

_AUDIO = tag_of(AudioChunk)
_SAMPLE_BYTES = 2


def audio_of(entry: Entry, call: str, *, heard: bool = False) -> AudioChunk | None:
    """The audio of this call in an entry; None for anything else, and for damaged audio, which becomes silence.

    An operator's microphone is not the call's audio: what the caller heard of it is on the agent's side. ``heard``:
    also what is not to be kept, for somebody who listens.
    """
    if entry.call != call or entry.type != _AUDIO:
        return None
    try:
        chunk = entry.event()
    except DecodeError:
        return None
    if not isinstance(chunk, AudioChunk) or chunk.speaker in ON_ITS_WAY or not (chunk.kept or heard):
        return None
    return chunk if chunk.sample_rate > 0 else None


def duration_ms(chunk: AudioChunk) -> int:
    """The duration of a chunk."""
    return len(chunk.audio) * 1000 // (_SAMPLE_BYTES * chunk.sample_rate)
