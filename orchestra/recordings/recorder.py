"""Records the calls of this process: writes, repairs and completes their files, and moves them to their store."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from orchestra.bus import Bus, keys
from orchestra.bus.backoff import Backoff
from orchestra.errors import MissingExtraError, RejectedError
from orchestra.filesystem import FileRoot
from orchestra.recordings.audio_chunks import audio_of, duration_ms
from orchestra.recordings.edge_spans import EdgeSpans
from orchestra.recordings.silences import Silence
from orchestra.recordings.store import StoredRecording, recording_at, store_recording
from orchestra.recordings.wav import RecordingFiles, sample_rate_of
from orchestra_schemas import AudioChunk, CallEnded, RecordingSaved

_LOG = structlog.get_logger("orchestra.recordings")

#: journal and media are two streams: the last audio may come after the event that ends the call
_LAST_AUDIO_WITHIN_S = 5.0
#: shorter gaps are lost network packets, not lost edges
_SHORTEST_GAP_MS = 100
_SAMPLE_BYTES = 2
_FRAME_BYTES = 2 * _SAMPLE_BYTES
_HEADER_BYTES = 44


def _sample_rate_of(stored: StoredRecording) -> int:
    with stored.open() as file:
        return sample_rate_of(file.read(_HEADER_BYTES))


class Recorder:
    """The open recordings of this process.

    If the disk is full, the call continues with silence in its recording. At the end of the call, the missing audio is
    read from the media stream again, if it is still there.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._store_url = bus.settings.recordings_url
        self._recordings = RecordingFiles(bus.settings.recordings)
        self._written = asyncio.Condition()
        self._unwritten: dict[str, dict[str, int]] = {}  # call → id of a chunk → its ms
        self._ends_ms: dict[str, float] = {}  # call → end of the caller's audio so far
        self._gaps_ms: dict[str, int] = {}
        #: calls whose recording was begun in the middle: a worker on another machine has what was before
        self._begun_late: set[str] = set()
        self._spans: dict[str, EdgeSpans] = {}

    def has(self, call: str) -> bool:
        """Whether this process writes the call's recording."""
        return self._recordings.is_open(call)

    def close(self) -> None:
        """Close all files; each is a complete WAV file."""
        self._recordings.close()

    async def write(self, event: AudioChunk) -> int:
        """Write a chunk. Returns the length of the gap before it, in ms."""
        if not self._spans.setdefault(event.call, EdgeSpans()).was_heard(event):
            return 0
        if event.offset_ms > _SHORTEST_GAP_MS and not self._recordings.has_begun(event.call):
            self._begun_late.add(event.call)
        gap_ms = self._gap_ms(event)
        self._put(event)
        async with self._written:
            self._written.notify_all()
        return gap_ms

    def add_gap(self, call: str, gap_ms: int, known_ms: int) -> int:
        """Add a gap that `write` has returned to those before, ``known_ms`` of another process; returns the sum."""
        self._gaps_ms[call] = self._gaps_ms.get(call, known_ms) + gap_ms
        return self._gaps_ms[call]

    def _gap_ms(self, event: AudioChunk) -> int:
        """The gap in the caller's audio before this chunk: its edge died, or no edge had the call.

        The caller's audio has no pauses, because the line sends silence, too.
        """
        before = self._ends_ms.get(event.call) or self._written_ms(event.call)  # another process has begun the file
        if event.speaker != "caller":
            if before:
                self._ends_ms[event.call] = before
            return 0
        self._ends_ms[event.call] = max(before, event.offset_ms + duration_ms(event))
        gap_ms = round(event.offset_ms - before) if before else 0
        return gap_ms if gap_ms > _SHORTEST_GAP_MS else 0

    def _written_ms(self, call: str) -> float:
        try:
            return self._recordings.of(call).duration_s * 1000
        except (OSError, RejectedError):
            return 0.0

    def _put(self, event: AudioChunk) -> None:
        unwritten = self._unwritten.get(event.call, {})
        try:
            recording = self._recordings.of(event.call)
            recording.write(event.speaker, event.offset_ms, event.audio, sample_rate=event.sample_rate)
        except RejectedError as error:
            _LOG.warning("recording.chunk_refused", call=event.call, id=event.id, reason=str(error))
        except OSError as error:
            if event.call not in self._unwritten:
                _LOG.error(
                    "recording.not_written", call=event.call, folder=str(self._recordings.folder), error=str(error)
                )
            self._unwritten.setdefault(event.call, {})[event.id] = duration_ms(event)
        else:
            if unwritten.pop(event.id, None) is not None and not unwritten:
                del self._unwritten[event.call]

    async def complete(
        self, event: CallEnded, *, within_s: float, gaps_ms: int = 0, silent: Sequence[Silence] = ()
    ) -> RecordingSaved | None:
        """Wait for the last audio, repair what is missing, and move the recording to its store.

        Returns None if nothing could be written. If the store is not reached within ``within_s`` seconds, the recording
        stays in the folder of this machine. ``gaps_ms`` were counted by another process. Stretches that are ``silent``
        are made so before anything of it is moved.
        """
        path = self._recordings.path(event.call)
        moved = await self._moved_before(path)
        missing_ms = 0
        if moved is None:
            try:
                missing_ms = await self._finish(event)
                self._silence(event.call, silent)
            except OSError as error:
                _LOG.error("recording.lost", call=event.call, folder=str(self._recordings.folder), error=str(error))
                return None
        missing_ms += sum(self._unwritten.pop(event.call, {}).values()) + self._gaps_ms.pop(event.call, gaps_ms)
        stored = moved or await self._bring(path, within_s)
        sample_rate = await asyncio.to_thread(_sample_rate_of, stored)
        duration_s = (await asyncio.to_thread(stored.size) - _HEADER_BYTES) / _FRAME_BYTES / sample_rate
        _LOG.info("recording.saved", call=event.call, url=stored.url, duration_s=round(duration_s, 2))
        return RecordingSaved(
            call=event.call,
            turn=event.turn,
            url=stored.url,
            duration_s=round(duration_s, 3),
            sample_rate=sample_rate,
            missing_ms=missing_ms,
        )

    async def delete(self, call: str, *, stored: bool = False) -> None:
        """Delete what was recorded of a call, ``stored`` also from its store: the caller does not want it.

        Raises:
            OSError: the store cannot be reached.

        """
        self._recordings.close(call)
        self._recordings.path(call).unlink(missing_ok=True)
        self._begun_late.discard(call)
        self._spans.pop(call, None)
        for kept in (self._unwritten, self._ends_ms, self._gaps_ms):
            kept.pop(call, None)
        if stored and self._store_url:
            await asyncio.to_thread(FileRoot(self._store_url).remove, self._recordings.path(call).name)

    def discard(self, event: RecordingSaved) -> None:
        """Remove this machine's copy of a recording that was moved to a store."""
        path = self._recordings.path(event.call)
        if self._store_url and event.url != path.absolute().as_uri():
            self._recordings.close(event.call)
            path.unlink(missing_ok=True)

    async def _moved_before(self, path: Path) -> StoredRecording | None:
        """The recording in its store, if an earlier attempt moved it and only the event was lost."""
        if not self._store_url or await asyncio.to_thread(path.exists):
            return None
        stored = recording_at(self._store_url, path.name)
        try:
            await asyncio.to_thread(stored.size)
        except OSError:
            return None
        return stored

    async def _finish(self, event: CallEnded) -> int:
        """Close the file; returns how many ms are missing at its end."""
        try:
            async with asyncio.timeout(_LAST_AUDIO_WITHIN_S), self._written:
                await self._written.wait_for(lambda: self._reaches(event) or event.call in self._unwritten)
        except TimeoutError:
            pass  # `_repair` reads what the media stream still has, and the rest is reported as missing
        if event.call in self._unwritten or event.call in self._begun_late or not self._reaches(event):
            await self._repair(event)
        self._begun_late.discard(event.call)
        self._spans.pop(event.call, None)
        lacks_ms = 0
        if not self._reaches(event):
            lacks_ms = round(event.audio_ms - self._recordings.of(event.call).duration_s * 1000)
            _LOG.warning("recording.incomplete", call=event.call, missing_ms=lacks_ms)
        self._recordings.close(event.call)
        self._ends_ms.pop(event.call, None)
        # audio that could not be written is counted separately
        return 0 if event.call in self._unwritten else lacks_ms

    def _silence(self, call: str, silent: Sequence[Silence]) -> None:
        for each in silent:
            self._recordings.of(call).silence(*each)
        self._recordings.close(call)

    def _reaches(self, event: CallEnded) -> bool:
        try:
            return self._recordings.of(event.call).duration_s * 1000 > event.audio_ms - 1  # 16.38 s are 16379.99 ms
        except OSError:
            return False

    async def _repair(self, event: CallEnded) -> None:
        """Write what the media stream has of the call again; every chunk has its position in the file."""
        since, spans = str(keys.earliest_ms(event.call)), EdgeSpans()
        async for entry in self._bus.entries(keys.partition_of(event.call), keys.MEDIA, since=since):
            chunk = audio_of(entry, event.call)
            if chunk is not None and spans.was_heard(chunk):
                self._put(chunk)

    async def _bring(self, path: Path, within_s: float) -> StoredRecording:
        here = recording_at(str(path.parent), path.name)
        if not self._store_url:
            return here
        backoff, deadline = Backoff(0.2, 20.0), time.monotonic() + within_s
        while True:
            try:
                return await asyncio.to_thread(store_recording, path, self._store_url)
            except (OSError, MissingExtraError) as error:
                _LOG.warning("recording.not_moved", file=str(path), place=self._store_url, error=str(error))
            if time.monotonic() > deadline:
                _LOG.error("recording.stays_here", file=str(path), place=self._store_url)
                return here
            await backoff.wait()
