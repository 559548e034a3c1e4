"""Sets OpenObserve up: the streams with all their columns, and the dashboard."""

import typing
from http import HTTPStatus
from typing import Any

import httpx
import msgspec

from orchestra.errors import OrchestraError, SettingError
from orchestra.telemetry.dashboard import TITLE, dashboard
from orchestra.telemetry.openobserve import OpenObserve
from orchestra.telemetry.rows import LOGS, Columns, streams

_TYPES = {str: "Utf8", int: "Int64", float: "Float64", bool: "Boolean", bool | None: "Boolean"}
_LOG_COLUMNS = {"event_at": float, "level": str, "process": str, "event": str, "call": str, "error": str, "body": str}


async def set_up(openobserve: OpenObserve) -> list[str]:
    """Create what is missing and update the dashboard; returns what was done, one line each.

    In OpenObserve a column exists from the first record that has it, and a query that names it earlier fails. So the
    streams are created with all columns. Existing streams are not changed; the dashboard is replaced.

    Raises:
        SettingError: the server cannot be reached, or refuses the credentials.
        OrchestraError: the server refuses something; the message has its words.

    """
    done = []
    for stream in streams():
        answer = await _ask(openobserve, "GET", f"/streams/{stream}/schema", params={"type": "logs"}, missing=True)
        if answer is None:
            settings = {"full_text_search_keys": ["body" if stream == LOGS else "text"]}
            await _ask(openobserve, "POST", f"/streams/{stream}", params={"type": "logs"}, json={
                "fields": _fields(stream), "settings": settings,
            })  # fmt: skip
            done.append(f"stream {stream} created")
        else:
            done.append(f"stream {stream} is there")
    return [*done, await _dashboard(openobserve)]


def _fields(stream: str) -> list[dict[str, str]]:
    hints: dict[str, Any] = _LOG_COLUMNS if stream == LOGS else typing.get_type_hints(Columns)
    return [{"name": name, "type": _TYPES[kind]} for name, kind in hints.items()]


async def _dashboard(openobserve: OpenObserve) -> str:
    found = await _ask(openobserve, "GET", "/dashboards", params={"title": TITLE})
    for each in (found or {}).get("dashboards", ()):
        # titles are not unique, and the search also finds parts of a title
        stored = each.get(f"v{each.get('version', 8)}") or each
        name = each.get("dashboard_id") or each.get("dashboardId") or stored.get("dashboardId")
        if (each.get("title") or stored.get("title")) == TITLE and name:
            # the search covers all folders, the update only the one that it names
            folder = str(each.get("folder_id") or "default")
            params = {"hash": str(each.get("hash", "")), "folder": folder}
            await _ask(openobserve, "PUT", f"/dashboards/{name}", params=params, json=dashboard())
            return f"dashboard {TITLE!r} updated"
    await _ask(openobserve, "POST", "/dashboards", json=dashboard())
    return f"dashboard {TITLE!r} created"


async def _ask(
    openobserve: OpenObserve, method: str, path: str, *, missing: bool = False, **options: Any
) -> dict[str, Any] | None:
    """The JSON of an answer; None for 404 where something may be ``missing``."""
    try:
        answer = await openobserve.call(method, path, **options)
    except httpx.HTTPError as error:
        msg = f"OpenObserve does not answer ({error!r}): is ORCHESTRA_OPENOBSERVE_URL right, and is it running?"
        raise SettingError(msg) from None
    words = answer.text[:300].strip()
    if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        msg = (
            f"OpenObserve does not let us in ({answer.status_code} {words}): check ORCHESTRA_OPENOBSERVE_USER and"
            " _PASSWORD; an ingestion token may write records but set nothing up"
        )
        raise SettingError(msg)
    if missing and answer.status_code == HTTPStatus.NOT_FOUND:
        return None
    if not answer.is_success:
        msg = f"OpenObserve refuses {method} {path}: {answer.status_code} {words}"
        raise OrchestraError(msg)
    try:
        return dict(msgspec.json.decode(answer.content))
    except (msgspec.DecodeError, TypeError, ValueError):
        msg = f"{method} {path} is not answered by OpenObserve: {words}"
        raise OrchestraError(msg) from None
