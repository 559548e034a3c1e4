"""The API of the list of calls."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Response

from orchestra.console.answers import as_json
from orchestra.console.call_list.query import CallQuery, shown
from orchestra.console.call_list.scores import Scores
from orchestra.console.call_page.reader import AFTERWARDS_S, AWAY
from orchestra.console.console import Console
from orchestra.console.roles import Role, requires
from orchestra.curation.evaluation import SET_FILE
from orchestra.errors import RejectedError
from orchestra.storage.call_records import stored_records

if TYPE_CHECKING:
    from orchestra.analysis.find_calls import CallPage
    from orchestra.analysis.query import CallDatabase

_RUNNING = "running"
#: running calls that are shown above the others
_MOST_RUNNING = 200


def router(console: Console) -> APIRouter:
    """The section's API."""
    api, scores = APIRouter(), Scores(console.settings.data_dir / SET_FILE)

    @api.get("/api/calls", dependencies=[requires(Role.READ)])
    async def calls(query: Annotated[CallQuery, Query()]) -> Response:
        """A page of calls, newest first: those that run apart, above the first page, unless an outcome is wanted."""
        warnings: list[str] = []
        try:
            of_calls = await asyncio.to_thread(scores.read)
        except RejectedError as error:
            if query.of_scores:
                raise
            of_calls, warnings = {}, [str(error)]
        running, page = await console.database.read(lambda records: _find(records, query, of_calls))
        await _mark_ended(console, [*running, *page.rows])
        found = {
            "running": [row for row in running if row["status"] == _RUNNING],
            "calls": [row for row in page.rows if (row["status"] == _RUNNING) == (query.outcome == _RUNNING)],
        }
        rows = {name: shown(each, of_calls) for name, each in found.items()}
        return as_json({**rows, "next": page.next, "warnings": [*console.database.warnings, *warnings]})

    return api


def _find(records: "CallDatabase", query: CallQuery, scores: dict[str, int]) -> tuple[list[dict[str, Any]], "CallPage"]:
    """The running calls, above the first page, and a page of all calls."""
    from orchestra.analysis.find_calls import find_calls  # noqa: PLC0415 - an extra

    scored = query.calls_with(scores)
    running: list[dict[str, Any]] = []
    if not query.outcome and not query.after:
        not_ended = query.model_copy(update={"outcome": _RUNNING})
        running = find_calls(records, not_ended, calls=scored, limit=_MOST_RUNNING).rows
    return running, find_calls(records, query, calls=scored, limit=query.limit, after=query.after)


async def _mark_ended(console: Console, rows: list[dict[str, Any]]) -> None:
    """Correct the rows of calls that run no more, though their end is not in the database, or not yet.

    How a call ended, its record knows. Without a record it is ``lost``, unless an event of it is fresh: then the record
    is late.
    """
    running = [row for row in rows if row["status"] == _RUNNING]
    try:
        records = await stored_records(console.bus, {row["call"] for row in running}) if running else {}
    except AWAY:  # the page says so by itself
        return
    fresh: set[str] = set()
    if unknown := [call for call, record in records.items() if record is None]:
        from orchestra.analysis.find_calls import calls_with_events  # noqa: PLC0415 - an extra

        since = console.clock.time() - AFTERWARDS_S
        fresh = await console.database.read(lambda database: calls_with_events(database, unknown, since))
    for row in running:
        record = records[row["call"]]
        if record is not None and record.status != _RUNNING:
            row.update(status=record.status, outcome=record.end_reason, duration_s=record.duration_s)
        elif record is None and row["call"] not in fresh:
            row["status"] = "lost"
