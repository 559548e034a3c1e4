"""The API of a call's page, below ``/api/calls/{call}``: the call, a turn, raw events, the recording, downloads."""

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, HTTPException, Query, Response
from msgspec.structs import replace

from orchestra.console.answers import as_json
from orchestra.console.call_page.journal import CallJournal
from orchestra.console.call_page.projection import call_view
from orchestra.console.call_page.raw_events import raw_event, raw_events
from orchestra.console.call_page.reader import AFTERWARDS_S, CallReader, FoundCall
from orchestra.console.call_page.recording import RecordingReader
from orchestra.console.call_page.turn_detail import turn_detail
from orchestra.console.console import Console
from orchestra.console.roles import Operator, Role, requires
from orchestra.errors import RejectedError, UsageError
from orchestra.hide_secrets import without_login
from orchestra.history.call import CallHistory
from orchestra.history.call_record import CallRecord
from orchestra.history.views.call_record import call_record
from orchestra.history.views.files import FILES
from orchestra.recordings.store import find_recording
from orchestra.recordings.wav_response import wav_response
from orchestra_schemas import CallAnalysed

if TYPE_CHECKING:
    from orchestra.analysis.query import CallDatabase

_READ = [requires(Role.READ)]
_UNKNOWN = "no such call, or nothing of it is kept any more"
_MOST_EVENTS = 500
_MEDIA_TYPES = {
    "txt": "text/plain; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl",
}
#: a player asks for many parts of one recording; together they are one look at it
_ONE_LOOK_S = 600.0
#: the fields of a record that come after the call: the journal may have them before the record, or the other way round
_AFTERWARDS = ("recording", "recording_missing_ms", "labelling_project", "labelling_task")
_MOST_LOOKS = 10_000


class CallPage:
    """What the routes share."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.calls = CallReader(console.settings, lambda: console.bus, console.clock.time)
        self.recordings = RecordingReader(console.settings)
        self._looks: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def found(self, call: str) -> FoundCall:
        """What is known of the call.

        Raises:
            HTTPException: 404, nothing; 410, it was forgotten; 503, the archive cannot be read.
            RedisAwayError: nothing, and the server cannot be asked.

        """
        try:
            if (at := await self.calls.forgotten_at(call)) is not None:
                when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
                raise HTTPException(410, f"The call was forgotten on {when}: nothing of it is kept")
            found = await self.calls.find(call)
        except ValueError as error:
            raise HTTPException(404, f"{_UNKNOWN}: {error}") from None
        except OSError as error:
            raise HTTPException(503, str(error)) from None
        if found is None:
            raise HTTPException(404, _UNKNOWN)
        return found

    async def journal(self, call: str) -> CallJournal:
        """The call's journal; empty if only its record is left."""
        return (await self.found(call)).journal

    async def with_late_analyses(self, found: FoundCall) -> tuple[CallHistory, tuple[str, ...]]:
        """The history with what judges said days later, which is not read with the journal; and why that is missing."""
        history = found.journal.history
        if found.over_since > self.console.clock.time() - AFTERWARDS_S or not history.call:
            return history, ()
        try:
            late = await self.console.database.read(lambda records: _analyses_of(records, history.call))
        except UsageError as error:
            return history, (f"what was said of the call later cannot be read: {error}",)
        return replace(history, analyses=tuple(late)) if late else history, ()

    def record(self, found: FoundCall) -> CallRecord:
        """The record of the call: the server's, with what only the journal knows of the recording and the labelling."""
        whole = call_record(found.journal.history, self.console.settings.prices)
        if found.record is None:
            return whole
        late = [name for name in _AFTERWARDS if not getattr(found.record, name)]
        return replace(found.record, **{name: getattr(whole, name) for name in late})

    def label_url(self, record: CallRecord) -> str:
        """Where Label Studio shows the call; empty if it is no task there, or no server is set."""
        root, project, task = self.console.settings.label_studio_url, record.labelling_project, record.labelling_task
        if not root or not task or not root.startswith(("http://", "https://")):
            return ""
        return f"{without_login(root).rstrip('/')}/projects/{quote(project)}/data?task={quote(task)}"

    def note_look(self, operator: Operator, call: str) -> None:
        """An audit entry for the first request of a look at a recording."""
        now, look = self.console.clock.monotonic(), (operator.name, call)
        if now - self._looks.pop(look, -_ONE_LOOK_S) >= _ONE_LOOK_S:
            self.console.audit.record(operator, "played recording", call)
        self._looks[look] = now
        if len(self._looks) > _MOST_LOOKS:
            self._looks.popitem(last=False)


def _analyses_of(records: "CallDatabase", call: str) -> list[CallAnalysed]:
    from orchestra.analysis.judgements import analyses_of  # noqa: PLC0415 - an extra

    return analyses_of(records, call)


def router(console: Console) -> APIRouter:
    """The routes of a call's page."""
    api, page = APIRouter(), CallPage(console)
    _add_call(api, page)
    _add_events(api, page)
    _add_recording(api, page)
    return api


def _add_call(api: APIRouter, page: CallPage) -> None:
    settings = page.console.settings

    @api.get("/api/calls/{call}", dependencies=_READ)
    async def one_call(call: str, seen: int = -1) -> Response:
        """The call; 204 if it runs and its journal has no more entries than ``seen``."""
        found = await page.found(call)
        running = found.is_running(page.console.clock.time())
        if running and len(found.journal.entries) == seen and not found.problems:
            return Response(status_code=204, headers={"Cache-Control": "no-store"})
        record = page.record(found)
        known = {"running": running, "problems": tuple(found.problems), "label_url": page.label_url(record)}
        return as_json(call_view(found.journal, record, settings.prices, **known))

    @api.get("/api/calls/{call}/turns/{number}", dependencies=_READ)
    async def one_turn(call: str, number: int) -> Response:
        detail = turn_detail(await page.journal(call), number, settings.prices)
        if detail is None:
            raise HTTPException(404, f"the journal has no event of turn {number}")
        return as_json(detail)

    @api.get("/api/calls/{call}/assessments", dependencies=_READ)
    async def judged(call: str) -> Response:
        from orchestra.console.call_page.assessments import assessments  # noqa: PLC0415 - a heavy import, rarely used

        history, problems = await page.with_late_analyses(await page.found(call))
        said = await asyncio.to_thread(assessments, settings, history)
        return as_json(replace(said, problems=said.problems + problems))


def _add_events(api: APIRouter, page: CallPage) -> None:
    @api.get("/api/calls/{call}/events", dependencies=_READ)
    async def events(
        call: str,
        types: Annotated[list[str] | None, Query()] = None,
        text: Annotated[str, Query(max_length=500)] = "",
        first: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST_EVENTS)] = 100,
    ) -> Response:
        journal = await page.journal(call)
        return as_json(raw_events(journal, types=types or (), text=text, first=first, limit=limit))

    @api.get("/api/calls/{call}/events/{number}", dependencies=_READ)
    async def one_event(call: str, number: int) -> Response:
        journal = await page.journal(call)
        if not 0 <= number < len(journal.entries):
            raise HTTPException(404, f"the journal has no event {number}: it has {len(journal.entries)}")
        return as_json(raw_event(journal, number, whole=True))

    @api.get("/api/calls/{call}/export.{ending}", dependencies=_READ)
    async def export(call: str, ending: str) -> Response:
        """The call as a file; the WAV file is at ``recording.wav``."""
        if ending not in FILES:
            raise HTTPException(404, f"a call is exported as {', '.join(FILES)}, and its recording as recording.wav")
        journal = await page.journal(call)
        events = [event for number in journal.numbers if (event := journal.event(number)) is not None]
        headers = {"Content-Disposition": f'attachment; filename="{call}.{ending}"', "Cache-Control": "no-store"}
        return Response(FILES[ending](journal.history, events), 200, headers, _MEDIA_TYPES[ending])


def _add_recording(api: APIRouter, page: CallPage) -> None:
    @api.get("/api/calls/{call}/recording", dependencies=_READ)
    async def recording(call: str) -> Response:
        """Whether the recording can be played, and its waveforms (base64, a byte for each part of either side)."""
        found, now = await page.found(call), page.console.clock.time()
        return as_json(await page.recordings.view(page.record(found), running=found.is_running(now), now=now))

    @api.get("/api/calls/{call}/recording.wav")
    async def wav(
        call: str,
        operator: Annotated[Operator, requires(Role.READ)],
        range_: Annotated[str, Header(alias="range")] = "",
        download: bool = False,
    ) -> Response:
        """The WAV file, or a range of it."""
        record = page.record(await page.found(call))
        if not record.recording:
            raise HTTPException(404, "the call has no recording, or it is not complete yet")
        try:
            stored = find_recording(page.console.settings, record.recording)
        except RejectedError as error:
            raise HTTPException(404, str(error)) from None
        page.note_look(operator, call)
        headers = {"Cache-Control": "private, no-store"}
        if download:
            headers["Content-Disposition"] = f'attachment; filename="{call}.wav"'
        return await wav_response(stored, call, range_, headers)
