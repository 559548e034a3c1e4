"""The recording of a kept call: where its journal says it is, or made of the audio that the server still has."""

import asyncio
import shutil
import tempfile
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from orchestra.bus import keys
from orchestra.errors import RejectedError, UsageError
from orchestra.mask import without_login
from orchestra.recordings.audio_chunks import audio_of
from orchestra.recordings.store import find_recording
from orchestra.recordings.wav import Recording
from orchestra.replay.selection import Selection, entries
from orchestra.settings import Settings
from orchestra_schemas import AudioChunk, Event, RecordingSaved, tag_of

_CHUNK = 1 << 20


@asynccontextmanager
async def recording_file(settings: Settings, events: Sequence[Event]) -> AsyncIterator[Path]:
    """A stereo WAV file of the call that these events are of; a copy, which is gone afterwards.

    Raises:
        UsageError: no audio of the call is kept, or where it is kept cannot be reached.

    """
    with tempfile.TemporaryDirectory(prefix="orchestra-") as folder:
        path = Path(folder) / f"{file_name(events[0].call)}.wav"
        why = await asyncio.to_thread(_fetch, settings, events, path)
        if why and not await _assemble(settings, events[0].call, path):
            msg = f"no audio of call {events[0].call} is kept: {why}, and no server has it on its media stream any more"
            raise UsageError(msg)
        yield path


def _fetch(settings: Settings, events: Sequence[Event], path: Path) -> str:
    """Copy the file that the journal names; why it could not be, else ""."""
    urls = [event.url for event in events if isinstance(event, RecordingSaved)]
    if not urls:
        return "its journal names no recording"
    try:
        with find_recording(settings, urls[-1]).open() as file, path.open("wb") as copy:
            shutil.copyfileobj(file, copy, _CHUNK)
    except RejectedError as error:
        return str(error)
    except OSError as error:
        path.unlink(missing_ok=True)
        return f"{without_login(urls[-1])} cannot be read ({error.strerror or error})"
    return ""


async def _assemble(settings: Settings, call: str, path: Path) -> bool:
    """Write what the media stream has of the call; whether that is anything."""
    chosen, found = Selection(calls=(call,), types=(tag_of(AudioChunk),), streams=("media",)), False
    with Recording(path) as file:
        async for entry in entries(settings, chosen, on_warning=lambda _: None):
            if (chunk := audio_of(entry, call)) is None:
                continue
            try:
                file.write(chunk.speaker, chunk.offset_ms, chunk.audio, sample_rate=chunk.sample_rate)
            except RejectedError:
                continue  # silence at its place
            found = True
    return found


def file_name(call: str) -> str:
    """The call's id as the name of a file.

    Raises:
        UsageError: it would be a path to somewhere else.

    """
    try:
        return keys.checked(call)
    except ValueError as error:
        raise UsageError(str(error)) from None


def trim_start(path: Path, from_s: float) -> Path:
    """The recording from a second on, beside it."""
    part = path.with_name(f"from-{from_s:.1f}.wav")
    with wave.open(str(path), "rb") as whole, wave.open(str(part), "wb") as rest:
        rest.setparams(whole.getparams())
        first = min(whole.getnframes(), max(0, round(from_s * whole.getframerate())))
        whole.setpos(first)
        rest.writeframes(whole.readframes(whole.getnframes() - first))
    return part
