"""Keeps the session record of every call, and its recording, while the call runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from orchestra import Consumer, Context
from orchestra.bus import Bus
from orchestra.errors import RejectedError
from orchestra.settings import Settings
from orchestra.storage.recording import Recordings
from orchestra.storage.session import changes
from schemas import (
    AgentChanged,
    AudioChunk,
    CallEnded,
    CallResumed,
    CallStarted,
    CallTransferred,
    Event,
    RecordingSaved,
    ReplyInterrupted,
    ToolCompleted,
    TurnMeasured,
    UserTurnEnded,
)

_log = structlog.get_logger()

#: journal and media are two streams: the last audio may be read after the event that ends the call
_LAST_AUDIO_WITHIN_S = 5.0

consumer = Consumer("persistence", streams=("events", "media"), state="call")


class _Kept:
    """What this process holds: the open recordings, and a signal for whoever waits until audio is written."""

    def __init__(self, settings: Settings) -> None:
        self.session_ttl_s = settings.session_ttl_s
        self.recordings = Recordings(settings.recordings)
        self.written = asyncio.Condition()


_kept: _Kept


@consumer.lifespan
@asynccontextmanager
async def _files(bus: Bus) -> AsyncIterator[None]:
    global _kept  # noqa: PLW0603 - one consumer a process
    _kept = _Kept(bus.settings)
    try:
        yield
    finally:
        _kept.recordings.close()


@consumer.on(
    CallStarted,
    CallResumed,
    AgentChanged,
    UserTurnEnded,
    ReplyInterrupted,
    ToolCompleted,
    TurnMeasured,
    CallTransferred,
    RecordingSaved,
)
async def remember(event: Event, context: Context) -> None:
    """Bring the call's session record up to date."""
    record = {field: value.decode() for field, value in (await context.state.all()).items()}
    for field, value in changes(event, record).items():
        context.state.set(field, value.encode())
    context.state.expire(_kept.session_ttl_s)


@consumer.on(AudioChunk)
async def record(event: AudioChunk) -> None:
    """Write the audio to its place in the call's recording."""
    try:
        recording = _kept.recordings.of(event.call)
        recording.write(event.speaker, event.offset_ms, event.audio, sample_rate=event.sample_rate)
    except RejectedError as error:
        _log.warning("recording.chunk_refused", call=event.call, id=event.id, reason=str(error))
        return
    async with _kept.written:
        _kept.written.notify_all()


@consumer.on(CallEnded, concurrent=True)
async def complete(event: CallEnded, context: Context) -> RecordingSaved | None:
    """Close the session record, and the recording once its last audio is written."""
    await remember(event, context)
    if event.audio_ms == 0:
        return None
    recording = _kept.recordings.of(event.call)
    try:
        async with asyncio.timeout(_LAST_AUDIO_WITHIN_S), _kept.written:
            await _kept.written.wait_for(lambda: recording.duration_s * 1000 >= event.audio_ms)
    except TimeoutError:
        missing_ms = event.audio_ms - recording.duration_s * 1000
        _log.warning("recording.incomplete", call=event.call, missing_ms=round(missing_ms))
    _kept.recordings.close(event.call)
    _log.info("recording.saved", call=event.call, duration_s=round(recording.duration_s, 2))
    return RecordingSaved(
        call=event.call,
        turn=event.turn,
        url=recording.path.absolute().as_uri(),
        duration_s=round(recording.duration_s, 3),
        sample_rate=recording.sample_rate,
    )
