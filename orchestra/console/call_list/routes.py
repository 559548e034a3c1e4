"""The API of the list of calls."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Response

from orchestra.console.answers import as_json
from orchestra.console.call_list.query import CallQuery, shown
from orchestra.console.call_list.scores import Scores
from orchestra.console.console import Console
from orchestra.console.roles import Role, requires
from orchestra.curation.evaluation import SET_FILE
from orchestra.errors import RejectedError

if TYPE_CHECKING:
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
        found = await console.database.read(lambda records: _find(records, query, of_calls))
        return as_json({**found, "warnings": [*console.database.warnings, *warnings]})

    return api


def _find(records: "CallDatabase", query: CallQuery, scores: dict[str, int]) -> dict[str, Any]:
    """One page: ``running`` calls above the first one, ``calls``, and ``next``, the place of the page after it."""
    from orchestra.analysis.find_calls import find_calls  # noqa: PLC0415 - an extra

    scored = query.calls_with(scores)
    running: list[dict[str, Any]] = []
    if not query.outcome and not query.after:
        not_ended = query.model_copy(update={"outcome": _RUNNING})
        running = find_calls(records, not_ended, calls=scored, limit=_MOST_RUNNING).rows
    page = find_calls(records, query, calls=scored, limit=query.limit, after=query.after)
    rows = [row for row in page.rows if query.outcome == _RUNNING or row["status"] != _RUNNING]
    return {"running": shown(running, scores), "calls": shown(rows, scores), "next": page.next}
