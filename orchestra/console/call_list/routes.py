"""The API of the list of calls."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Response
from redis.exceptions import RedisError

from orchestra.console.answers import as_json
from orchestra.console.call_list.query import CallQuery, epoch_s, shown
from orchestra.console.call_list.scores import Scores
from orchestra.console.call_page.reader import AFTERWARDS_S
from orchestra.console.console import Console
from orchestra.console.roles import Role, requires
from orchestra.curation.evaluation import SET_FILE
from orchestra.errors import RedisAwayError, RejectedError
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
        warnings: list[str] = []
        try:
            of_calls = await asyncio.to_thread(scores.read)
        except RejectedError as error:
            if query.of_scores:
                raise
            of_calls, warnings = {}, [str(error)]
        running, page = await console.database.read(lambda records: _find(records, query, of_calls))
        lost = await _without_end(console, [*running, *(row for row in page.rows if row["status"] == _RUNNING)])
        by_itself = query.outcome == _RUNNING
        found = {
            "running": shown([row for row in running if row["call"] not in lost], of_calls),
            "calls": shown(_with(lost, page.rows, running=by_itself), of_calls),
            "next": page.next,
        }
        return as_json({**found, "warnings": [*console.database.warnings, *warnings]})

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


async def _without_end(console: Console, running: list[dict[str, Any]]) -> set[str]:
    """Those of these calls that are over, though their end was never archived: the server knows them no more."""
    before = console.clock.time() - AFTERWARDS_S
    old = {row["call"] for row in running if (epoch_s(row["time"]) or 0.0) < before}
    if not old:
        return set()
    try:
        records = await stored_records(console.bus, old)
    except (RedisAwayError, RedisError):  # the page says so by itself
        return set()
    return {call for call, record in records.items() if record is None}


def _with(lost: set[str], rows: list[dict[str, Any]], *, running: bool) -> list[dict[str, Any]]:
    """The rows of the page, or only those that are running."""
    if running:
        return [row for row in rows if row["call"] not in lost]
    marked = [{**row, "status": "lost"} if row["call"] in lost else row for row in rows]
    return [row for row in marked if row["status"] != _RUNNING]
