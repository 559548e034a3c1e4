"""Whether a call has a recording that can be played here, and if not, why; and its waveforms."""

import asyncio
from collections import OrderedDict
from typing import Literal

import msgspec

from orchestra.console.call_page.peaks import Peaks, read_peaks
from orchestra.counted import counted
from orchestra.errors import MissingExtraError, RejectedError
from orchestra.history.call_record import CallRecord
from orchestra.history.recording_consent import why_not_recorded
from orchestra.recordings.store import StoredRecording, find_recording
from orchestra.retention.policy import KeepDays
from orchestra.settings import Settings

#: ``ready``: it can be played; all others say why not
RecordingState = Literal["ready", "later", "none", "deleted", "away", "elsewhere", "unreachable", "unreadable"]

_KEPT = 64
_DAY_S = 86_400


class RecordingView(msgspec.Struct, frozen=True, kw_only=True):
    """What the player needs to know. ``why`` is empty for one that is ready, ``peaks`` are there for no other."""

    state: RecordingState
    why: str = ""
    missing_ms: int = 0
    size: int = 0
    peaks: Peaks | None = None


class RecordingReader:
    """Finds recordings, and keeps the waveforms of the last ones.

    Args:
        settings: where recordings are, and for how long.

    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keeps = KeepDays.of(settings, "recordings_days")
        self._peaks: OrderedDict[tuple[str, int], Peaks] = OrderedDict()

    async def view(self, record: CallRecord, *, running: bool, now: float) -> RecordingView:
        """The recording of a call.

        Args:
            record: of the call.
            running: the call goes on.
            now: epoch seconds.

        """
        if not record.recording:
            return self._not_saved(record, running=running, now=now)
        try:
            stored = find_recording(self._settings, record.recording)
        except RejectedError as error:
            return RecordingView(state="elsewhere", why=str(error))
        try:
            size = await asyncio.to_thread(stored.size)
            peaks = await self._peaks_of(stored, size)
        except FileNotFoundError:
            return self._gone(record, now)
        except RejectedError as error:
            return RecordingView(state="unreadable", why=str(error))
        except (OSError, MissingExtraError) as error:
            return RecordingView(state="unreachable", why=f"The store of the recordings does not answer: {error}")
        return RecordingView(state="ready", missing_ms=record.recording_missing_ms, size=size, peaks=peaks)

    def _not_saved(self, record: CallRecord, *, running: bool, now: float) -> RecordingView:
        if running:
            return RecordingView(state="later", why="The recording can be played once the call is over.")
        if why := why_not_recorded(record.recording_mode):
            return RecordingView(state="none", why=f"The call was not recorded: {why}.")
        if self._keeps.has_expired(record.call, now, record.app):
            return self._gone(record, now)
        if now - record.ended_at < _DAY_S:
            why = "No recording is complete yet: the persistence worker saves it within seconds of the call's end."
        else:
            why = "The call has no recording: nothing in its journal says that one was saved."
        return RecordingView(state="none", why=why)

    def _gone(self, record: CallRecord, now: float) -> RecordingView:
        if self._keeps.has_expired(record.call, now, record.app):
            kept = counted(self._keeps.days_of(record.app), "day")
            why = f"The recording was deleted: recordings are kept for {kept} (ORCHESTRA_RECORDINGS_DAYS)."
            return RecordingView(state="deleted", why=why)
        return RecordingView(state="away", why=f"The recording is no longer where it was saved: {record.recording}")

    async def _peaks_of(self, stored: StoredRecording, size: int) -> Peaks:
        key = stored.url, size
        if (peaks := self._peaks.get(key)) is None:
            peaks = self._peaks[key] = await asyncio.to_thread(_read, stored)
            if len(self._peaks) > _KEPT:
                self._peaks.popitem(last=False)
        return peaks


def _read(stored: StoredRecording) -> Peaks:
    with stored.open() as file:
        return read_peaks(file)
