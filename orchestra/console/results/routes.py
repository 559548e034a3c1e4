"""The results: their list, and a page for each, drawn by the templates of the HTML reports."""

import asyncio
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import cast
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from orchestra.console.answers import as_json
from orchestra.console.console import Console
from orchestra.console.roles import Admission, Role, requires

_GONE = "there is no such result on this machine: it was removed, or made on another one"


def router(console: Console) -> APIRouter:
    """The section's API and the pages of results."""
    api, data_dir = APIRouter(), console.settings.data_dir

    @api.get("/api/results", dependencies=[requires(Role.READ)])
    async def results() -> Response:
        from orchestra.evaluation.results import kept_results  # noqa: PLC0415 - an evaluation takes many modules

        return as_json({"results": await asyncio.to_thread(kept_results, data_dir)})

    @api.get("/results/comparisons/{name}")
    async def comparison(request: Request, name: str) -> Response:
        return await _page(request, lambda: _comparison(data_dir, name))

    @api.get("/results/evaluations/{set_folder}/{name}")
    async def evaluation(request: Request, set_folder: str, name: str) -> Response:
        return await _page(request, lambda: _evaluation(data_dir, set_folder, name))

    @api.get("/results/simulations/{name}")
    async def simulation(request: Request, name: str) -> Response:
        return await _page(request, lambda: _simulation(data_dir, name))

    @api.get("/pages/report.css")
    async def style() -> Response:
        text = (files("orchestra.evaluation") / "report.css").read_text("utf-8")
        return Response(text, headers={"Cache-Control": "no-cache"}, media_type="text/css")

    return api


def _comparison(data_dir: Path, name: str) -> str | None:
    from orchestra.evaluation.comparison_page import html_report  # noqa: PLC0415
    from orchestra.evaluation.results import kept_comparison  # noqa: PLC0415

    kept = kept_comparison(data_dir, name)
    if kept is None:
        return None
    title = f"Recorded calls against {kept.version}"
    return html_report(kept.comparison, title, frame=_frame(), call_link="/calls/")


def _evaluation(data_dir: Path, set_folder: str, name: str) -> str | None:
    from orchestra.evaluation.evaluation_page import evaluation_report  # noqa: PLC0415
    from orchestra.evaluation.results import kept_evaluation  # noqa: PLC0415

    kept = kept_evaluation(data_dir, set_folder, name)
    if kept is None:
        return None
    return evaluation_report(*kept, f"Evaluation of {kept[0].version}", frame=_frame(), call_link="/calls/")


def _simulation(data_dir: Path, name: str) -> str | None:
    from orchestra.evaluation.results import kept_simulation  # noqa: PLC0415
    from orchestra.evaluation.simulation_page import simulation_report  # noqa: PLC0415

    kept = kept_simulation(data_dir, name)
    return None if kept is None else simulation_report(kept, f"Simulated calls of {kept.version}", frame=_frame())


async def _page(request: Request, draw: Callable[[], str | None]) -> Response:
    """What ``draw`` says, to those who are signed in; others are sent to the sign-in page."""
    admission = cast("Admission", request.app.state.admission)
    try:
        await admission.admit(request, Role.READ)
    except HTTPException as refusal:
        if refusal.status_code != 401:  # noqa: PLR2004
            raise
        return RedirectResponse(f"/sign-in?next={quote(request.url.path)}", 303)
    page = await asyncio.to_thread(draw)
    if page is None:
        raise HTTPException(404, _GONE)
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


def _frame() -> str:
    return (files(__package__) / "frame.html.j2").read_text("utf-8")
