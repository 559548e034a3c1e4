"""Makes a task of the labelling project from each finished call."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from orchestra.async_tasks import cancel_and_wait
from orchestra.bus import Bus, Consumer, Context
from orchestra.curation.curation import Curated, Curation
from orchestra.curation.expiry import TaskSweeps
from orchestra.curation.label_studio import LabelStudio
from orchestra.retention.sweeps import delete_expired
from orchestra_schemas import CallEnded, RecordingSaved, TranscriptCurated

#: seconds after the call until which its recording is waited for; the task is made without it then
RECORDING_WITHIN_S = 60.0
#: Label Studio may be away for days; what waits stays pending, and another worker recovers it when this one ends
_CURATED_WITHIN_S = 30 * 24 * 3600.0


class Curator:
    """The handlers of the group ``curator``."""

    _curation: Curation
    _saved: defaultdict[str, asyncio.Event]

    def __init__(self) -> None:
        self.consumer = Consumer("curator", state="curation")
        self.consumer.lifespan(self.opened)
        self.consumer.on(RecordingSaved)(self.note)
        self.consumer.on(CallEnded, concurrent=True, timeout_s=_CURATED_WITHIN_S)(self.curate)

    @asynccontextmanager
    async def opened(self, bus: Bus) -> AsyncIterator[None]:
        """Keep the labelling project open while the worker runs, and delete its expired tasks."""
        project = LabelStudio(bus.settings)
        self._curation, self._saved = Curation(bus, project), defaultdict(asyncio.Event)
        working = asyncio.create_task(self._curation.run(), name="curation")
        tasks = TaskSweeps(bus)
        sweeping = asyncio.create_task(delete_expired(bus, "tasks", tasks.keep, tasks.run), name="delete expired tasks")
        try:
            yield
        finally:
            await cancel_and_wait(working)
            await cancel_and_wait(sweeping)
            project.close()

    async def note(self, event: RecordingSaved, context: Context) -> None:
        """Store where the recording is, for the handler that waits for it."""
        context.state.set("recording", event.url.encode())
        context.state.set("until", context.entry.stream_id.encode())
        context.state.expire(context.bus.settings.session_ttl_s)
        await context.publish()
        if (waiting := self._saved.get(event.call)) is not None:
            waiting.set()

    async def curate(self, event: CallEnded, context: Context) -> TranscriptCurated | None:
        """Wait for the call's recording, then submit the call."""
        if await context.state.get("task") is not None:
            return None  # the call ended twice
        recording = await self._recording(event, context) if event.audio_ms else b""
        until = await context.state.get("until") or context.entry.stream_id.encode()
        curated: Curated | None = await self._curation.submit(event.call, until.decode(), recording.decode())
        context.state.expire(context.bus.settings.session_ttl_s)
        if curated is None:
            return None
        context.state.set("task", curated.task.encode())
        context.state.set("project", curated.project.encode())
        return TranscriptCurated(
            call=event.call, turn=event.turn, project=curated.project, task=curated.task, version=event.version
        )

    async def _recording(self, event: CallEnded, context: Context) -> bytes:
        """The URL of the call's recording; empty if it does not come in time."""
        waiting = self._saved[event.call]
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(RECORDING_WITHIN_S):
                    while (url := await context.state.get("recording")) is None:
                        await waiting.wait()
                    return url
            return b""
        finally:
            self._saved.pop(event.call, None)
