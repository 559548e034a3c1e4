"""The recording of a call: the file that its journal names, or the audio that is still on the media stream."""

import asyncio
import shutil
import tempfile
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from orchestra.bus import keys
from orchestra.errors import RejectedError, UsageError
from orchestra.hide_secrets import without_login
from orchestra.history.recording_consent import why_not_recorded
from orchestra.history.reduce import history_of
from orchestra.recordings.audio_chunks import audio_of
from orchestra.recordings.store import find_recording
from orchestra.recordings.wav import Recording
from orchestra.replay.selection import Selection, entries
from orchestra.settings import Settings
from orchestra_schemas import AudioChunk, Event, RecordingSaved, tag_of

_CHUNK = 1 << 20


@asynccontextmanager
async def recording_file(settings: Settings, events: Sequence[Event]) -> AsyncIterator[Path]:
    """A copy of the call's recording, a stereo WAV file that is removed at the end of the block.

    Raises:
        UsageError: there is no audio of the call, or it cannot be reached.

    """
    if why := why_not_recorded(history_of(events).record.recording_mode):
        msg = f"call {events[0].call} was not recorded: {why}"
        raise UsageError(msg)
    with tempfile.TemporaryDirectory(prefix="orchestra-") as folder:
        path = Path(folder) / f"{file_name(events[0].call)}.wav"
        why = await asyncio.to_thread(_fetch, settings, events, path)
        if why and not await _assemble(settings, events[0].call, path):
            msg = f"no audio of call {events[0].call} is kept: {why}, and it is no longer on a media stream"
            raise UsageError(msg)
        yield path


def _fetch(settings: Settings, events: Sequence[Event], path: Path) -> str:
    """Copy the file that the journal names; the reason if that fails, else ""."""
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
    """Write what the media stream has of the call; False if it has nothing."""
    chosen, found = Selection(calls=(call,), types=(tag_of(AudioChunk),), streams=("media",)), False
    with Recording(path) as file:
        async for entry in entries(settings, chosen, on_warning=lambda _: None):
            if (chunk := audio_of(entry, call)) is None:
                continue
            try:
                file.write(chunk.speaker, chunk.offset_ms, chunk.audio, sample_rate=chunk.sample_rate)
            except RejectedError:
                continue  # leaves silence
            found = True
    return found


def file_name(call: str) -> str:
    """The call's id as the name of a file.

    Raises:
        UsageError: the id is not safe as a file name.

    """
    try:
        return keys.validate_call_id(call)
    except ValueError as error:
        raise UsageError(str(error)) from None


def trim_start(path: Path, from_s: float) -> Path:
    """Write the recording from this second on to another file in the same folder."""
    part = path.with_name(f"from-{from_s:.1f}.wav")
    with wave.open(str(path), "rb") as whole, wave.open(str(part), "wb") as rest:
        rest.setparams(whole.getparams())
        first = min(whole.getnframes(), max(0, round(from_s * whole.getframerate())))
        whole.setpos(first)
        rest.writeframes(whole.readframes(whole.getnframes() - first))
    return part
