"""Makes every finished call one task of the labelling project."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from orchestra import Consumer, Context
from orchestra.bus import Bus
from orchestra.curation.curation import Curated, Curation
from orchestra.curation.label_studio import LabelStudio
from orchestra.tasks import ended
from schemas import CallEnded, RecordingSaved, TranscriptCurated

#: a recording that is not announced so long after the call will not come: the transcript goes without it
RECORDING_WITHIN_S = 60.0
#: Label Studio may be away for days; what waits stays pending and is taken over by whoever comes after this worker
_CURATED_WITHIN_S = 30 * 24 * 3600.0

consumer = Consumer("curator", state="curation")

_curation: Curation
_saved: defaultdict[str, asyncio.Event]


@consumer.lifespan
@asynccontextmanager
async def _open(bus: Bus) -> AsyncIterator[None]:
    global _curation, _saved
    project = LabelStudio(bus.settings)
    _curation, _saved = Curation(bus, project), defaultdict(asyncio.Event)
    working = asyncio.create_task(_curation.run(), name="curation")
    try:
        yield
    finally:
        await ended(working)
        project.close()


@consumer.on(RecordingSaved)
async def note(event: RecordingSaved, context: Context) -> None:
    """Remember where the recording is, for the handler that waits for it."""
    context.state.set("recording", event.url.encode())
    context.state.set("until", context.entry.stream_id.encode())
    context.state.expire(context.bus.settings.session_ttl_s)
    await context.publish()
    if (waiting := _saved.get(event.call)) is not None:
        waiting.set()


@consumer.on(CallEnded, concurrent=True, timeout_s=_CURATED_WITHIN_S)
async def curate(event: CallEnded, context: Context) -> TranscriptCurated | None:
    """Wait for the call's recording, then have it made a task."""
    if await context.state.get("task") is not None:
        return None  # the call ended twice
    recording = await _recording(event, context) if event.audio_ms else b""
    until = await context.state.get("until") or context.entry.stream_id.encode()
    curated: Curated | None = await _curation.submit(event.call, until.decode(), recording.decode())
    context.state.expire(context.bus.settings.session_ttl_s)
    if curated is None:
        return None
    context.state.set("task", curated.task.encode())
    context.state.set("project", curated.project.encode())
    return TranscriptCurated(
        call=event.call, turn=event.turn, project=curated.project, task=curated.task, version=event.version
    )


async def _recording(event: CallEnded, context: Context) -> bytes:
    """The URL of the call's recording; empty where it does not come in time."""
    waiting = _saved[event.call]
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(RECORDING_WITHIN_S):
                while (url := await context.state.get("recording")) is None:
                    await waiting.wait()
                return url
        return b""
    finally:
        _saved.pop(event.call, None)
