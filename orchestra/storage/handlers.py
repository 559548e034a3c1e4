"""Keeps the call record and the recording of every call up to date while the call runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import structlog
from redis.exceptions import RedisError

from orchestra.async_tasks import cancel_and_wait
from orchestra.bus import Bus, Consumer, Context
from orchestra.bus.stream.publisher import CLOSED
from orchestra.evaluation.expiry import QuoteSweeps
from orchestra.history.call_record import RECORD_EVENTS, USAGE_EVENTS, priced, reduce_record
from orchestra.history.recording_consent import why_not_recorded
from orchestra.monitoring.memory import watch_memory
from orchestra.recordings.audio_chunks import ON_ITS_WAY
from orchestra.recordings.recorder import Recorder
from orchestra.recordings.silences import silences
from orchestra.retention.recordings import RecordingSweeps
from orchestra.retention.sweeps import delete_expired
from orchestra.storage.call_records import changed_fields, from_stored, index_call, without_personal_data
from orchestra.storage.calls_of_lost_edges import end_of_lost, lost_calls
from orchestra.telemetry.redaction import Redaction, redaction_at_rest
from orchestra_schemas import (
    AudioChunk,
    CallAnalysed,
    CallEnded,
    CallStarted,
    ConsentRefused,
    Event,
    RecordingSaved,
    TranscriptCurated,
)

_LOG = structlog.get_logger("orchestra.storage")

#: how long to retry storage for recordings that does not answer, before the recording stays on this machine
_STORED_WITHIN_S = 600.0
_SWEEPS_EACH = 4

#: events that may come long after the call
_LATE = (TranscriptCurated, CallAnalysed)

#: the field of the record with the ms of audio that the recording lacks
_MISSING = "recording_missing_ms"


class Persistence:
    """The handlers of the group ``persistence``."""

    _recorder: Recorder
    _redaction: Redaction | None

    def __init__(self) -> None:
        self.consumer = Consumer("persistence", streams=("events", "media"), state="call")
        self.consumer.lifespan(self.opened)
        self.consumer.on(CallStarted)(self.begin)
        self.consumer.on(*RECORD_EVENTS - {CallStarted, ConsentRefused, CallEnded, RecordingSaved, *_LATE})(
            self.remember
        )
        self.consumer.on(ConsentRefused)(self.refused)
        self.consumer.on(AudioChunk)(self.record)
        self.consumer.on(CallEnded, concurrent=True, timeout_s=_STORED_WITHIN_S + 60)(self.complete)
        self.consumer.on(RecordingSaved)(self.saved)
        self.consumer.on(*_LATE)(self.found_out)

    @asynccontextmanager
    async def opened(self, bus: Bus) -> AsyncIterator[None]:
        """Have recordings open, close calls of lost edges, delete what is expired, and watch the server's memory."""
        self._recorder = Recorder(bus)
        self._redaction = redaction_at_rest(bus.settings)
        closing = asyncio.create_task(_close_lost_calls(bus), name="close lost calls")
        sweeps = (("recordings", RecordingSweeps(bus)), ("quotes", QuoteSweeps(bus)))
        deleting = [
            asyncio.create_task(delete_expired(bus, what, each.keep, each.run), name=f"delete expired {what}")
            for what, each in sweeps
        ]
        watching = asyncio.create_task(watch_memory(bus), name="watch the server's memory")
        try:
            yield
        finally:
            await cancel_and_wait(closing)
            for each in deleting:
                await cancel_and_wait(each)
            await cancel_and_wait(watching)
            self._recorder.close()

    async def begin(self, event: CallStarted, context: Context) -> None:
        """Create the call record, and index the call."""
        await index_call(context.bus, event.call, context.bus.settings.session_ttl_s)
        await self.remember(event, context)
        context.state.set("status", b"running")  # the default, but workers of version 0.1 look for it

    async def remember(self, event: Event, context: Context) -> None:
        """Bring the call record up to date: the stored record is a snapshot of the fold, and one event takes it on."""
        before = from_stored(event.call, await context.state.all())
        after = reduce_record(before, event)
        if isinstance(event, USAGE_EVENTS):
            after = priced(after, context.bus.settings.prices)
        if self._redaction is not None:
            after = without_personal_data(after, self._redaction)
        for field, value in changed_fields(before, after).items():
            context.state.set(field, value)
        context.state.expire(context.bus.settings.session_ttl_s)

    async def record(self, event: AudioChunk, context: Context) -> None:
        """Write the audio into the call's recording, at the time at which it was heard."""
        if event.speaker in ON_ITS_WAY or not event.kept:
            return  # what the caller hears of it is on the agent's side
        if not self._recorder.has(event.call):
            stored = await context.state.all()
            if "recording" in stored or stored.get("recording_mode") == b"refused":
                return  # a redelivery: the recording is complete, or the caller did not want it
        if gap_ms := await self._recorder.write(event):
            known_ms = int(await context.state.get(_MISSING) or 0)
            context.state.set(_MISSING, str(self._recorder.add_gap(event.call, gap_ms, known_ms)).encode())

    async def complete(self, event: CallEnded, context: Context) -> RecordingSaved | None:
        """Complete the call record, and store the recording once its last audio is written."""
        await self.remember(event, context)
        await context.publish()  # the call is over; its recording may take longer
        mode = from_stored(event.call, await context.state.all()).recording_mode
        if why_not_recorded(mode):
            # a yes may have been lost with its edge, and what was recorded after it was not
            await self._recorder.delete(event.call)
            return None
        if event.audio_ms == 0:
            return None
        gaps_ms = int(await context.state.get(_MISSING) or 0)
        silent = []
        if self._redaction is not None:
            silent = silences(await context.bus.journal(event.call, in_clear=True), self._redaction)
        saved_as = await self._recorder.complete(event, within_s=_STORED_WITHIN_S, gaps_ms=gaps_ms, silent=silent)
        answered_by = (await context.state.get("version") or b"").decode()
        return None if saved_as is None else msgspec.structs.replace(saved_as, version=answered_by)

    async def refused(self, event: ConsentRefused, context: Context) -> None:
        """Note that the caller does not want to be recorded, and delete what there is: the call may be over by now."""
        saved = "recording" in await context.state.all()
        await self.remember(event, context)
        await self._recorder.delete(event.call, stored=saved)

    async def saved(self, event: RecordingSaved, context: Context) -> None:
        """Note where the recording is, and remove the file that was moved there; if it is refused by now, both."""
        await self.remember(event, context)
        if await context.state.get("recording_mode") == b"refused":
            await self._recorder.delete(event.call, stored=True)
        else:
            self._recorder.discard(event)

    async def found_out(self, event: TranscriptCurated | CallAnalysed, context: Context) -> None:
        """Note what may be known days later, when the record has expired: its labelling task, what a judge says."""
        if await context.state.get("status") is not None:
            await self.remember(event, context)


async def _close_lost_calls(bus: Bus) -> None:
    """Publish the end of calls whose edge was lost, for as long as this worker runs."""
    silent_s = bus.settings.lost_call_s
    publisher = bus.publisher("persistence")
    while True:
        await asyncio.sleep(silent_s / _SWEEPS_EACH)
        try:
            for found in await lost_calls(bus, silent_s):
                if (end := await end_of_lost(bus, found, silent_s)) is not None:
                    _LOG.warning("call.lost", call=found.call, edge=found.edge, duration_s=end.duration_s)
                    publisher.claim(found.call, CLOSED)
                    publisher.publish(end)
                    publisher.forget(found.call)
        except RedisError as error:
            _LOG.warning("call.sweep_failed", error=repr(error))
        except Exception:  # noqa: BLE001 - a fault with one call must not stop the watch over all others
            _LOG.exception("call.sweep_failed")
