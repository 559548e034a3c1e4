"""A server that takes logs, streams and dashboards as OpenObserve 0.93 does, including its traps.

Written from OpenObserve's source (core/src/logs/ingest.rs, config/src/utils/flatten.rs and time.rs), because the
package index has no binary of it. It covers what a client can get wrong: answers of 200 that lose records, times
outside a window, flattened keys, columns whose type the first record settles, a limit of columns for the whole batch.
"""

import asyncio
import base64
import json
import re
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from tests.servers.server import NO_FAULTS, Dropped, ProtocolServer

USER, PASSWORD = "ops@example.com", "secret"
COLUMNS_LIMIT = 1000
AHEAD_H = 24

Kind = Literal["status", "quota", "uncounted", "page", "cut_before", "cut_after", "slow", "counted_then_lost"]
Record = dict[str, Any]


@dataclass
class Trouble:
    """One way of misbehaving, for a number of requests (None: until it is withdrawn).

    Args:
        kind: an HTTP ``status``; a ``quota``; ``uncounted``: 200 with 0 and 0; a proxy's ``page`` with 200;
            the connection cut before or after the records are stored; ``slow`` by ``slow_s``; ``counted_then_lost``:
            the answer is right but the write-ahead log was not written.
        status: for ``status``.
        slow_s: seconds.
        times: the number of requests.

    """

    kind: Kind
    status: int = 503
    slow_s: float = 0.0
    times: int | None = None


class OpenObserveServer(ProtocolServer):
    """The stand-in. ``rows`` has the stored records by stream; records that contain ``poison`` fail."""

    largest_request = 200 * 1024 * 1024

    def __init__(self, *, org: str = "default", window_h: float = 5.0, port: int = 0) -> None:
        super().__init__(NO_FAULTS)
        self.org = org
        self.window_h = window_h
        self.payload_limit = self.largest_request
        self.poison = ""
        self.troubles: list[Trouble] = []
        self.rows: dict[str, list[Record]] = defaultdict(list)
        self.requests = 0
        self.answers: list[int] = []
        self.schemas: dict[str, dict[str, type]] = defaultdict(dict)
        self.created: dict[str, dict[str, Any]] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.folders: dict[str, str] = {}  # dashboards that were moved out of "default"
        self.somebody_edits = False  # they change a dashboard right after it was listed
        self.fixed_port = port

    def routes(self) -> list[web.RouteDef]:
        base = f"/api/{self.org}"
        return [
            web.post(base + "/{stream}/_json", self._json),
            web.post(base + "/streams/{stream}", self._create_stream),
            web.get(base + "/streams/{stream}/schema", self._schema),
            web.get(base + "/dashboards", self._list_dashboards),
            web.post(base + "/dashboards", self._create_dashboard),
            web.put(base + "/dashboards/{id}", self._update_dashboard),
            web.get("/healthz", self._healthz),
        ]

    def ids(self, prefix: str = "orchestra_") -> list[str]:
        """The event ids of all rows of all streams."""
        return [row["event_id"] for stream, rows in self.rows.items() if stream.startswith(prefix) for row in rows]

    # -- records

    async def _json(self, request: web.Request) -> web.Response:
        self._admit(request)
        trouble = self._trouble()
        if trouble is not None:
            early = await self._misbehave(request, trouble)
            if early is not None:
                return early
        if (request.content_length or 0) > self.payload_limit:
            return web.Response(status=413, text="length limit exceeded")
        text = await request.read()
        if len(text) > self.payload_limit:
            return web.Response(status=413, text="length limit exceeded")
        try:
            records = json.loads(text)
        except ValueError as error:
            return _answer(400, {"code": 400, "message": str(error)})
        records = records if isinstance(records, list) else [records]
        stream = re.sub(r"[^a-zA-Z0-9_:]+", "_", request.match_info["stream"]).lower()
        keep = trouble is None or trouble.kind != "counted_then_lost"
        status = self._ingest(stream, records, keep=keep)
        if trouble is not None and trouble.kind == "cut_after":
            self._cut(request)
        return _answer(200, {"code": 200, "status": [status]})

    def _ingest(self, stream: str, records: list[Record], *, keep: bool) -> Record:
        now, good, failed, error = time.time(), [], 0, ""
        schema = self.schemas[stream]
        for record in records:
            try:
                row = flatten(record)
                row["_timestamp"] = self._time(row.get("_timestamp"), now)
                if self.poison and self.poison in json.dumps(record):
                    msg = f"Error while casting {self.poison}"
                    raise ValueError(msg)  # noqa: TRY301 - like a record that cannot be cast
                good.append(_cast(row, schema))
            except ValueError as wrong:
                failed, error = failed + 1, str(wrong)
        if len({key for row in good for key in row}) > COLUMNS_LIMIT:
            return {"name": stream, "successful": 0, "failed": 0}  # the schema stage: logged there, and 200 here
        for row in good:
            schema |= {key: type(value) for key, value in row.items() if key not in schema}
        if keep:
            self.rows[stream] += good
        return {"name": stream, "successful": len(good), "failed": failed} | ({"error": error} if error else {})

    def _time(self, value: Any, now: float) -> int:
        """Epoch µs of a ``_timestamp`` in any unit."""
        if value is None:
            return round(now * 1e6)
        number = int(value)
        for unit, factor in ((1e18, 1e-3), (1e15, 1), (1e12, 1e3), (1, 1e6)):
            if number >= unit:
                number = round(number * factor)
                break
        else:
            return round(now * 1e6)
        if number < (now - self.window_h * 3600) * 1e6:
            msg = f"Too old data, only last {self.window_h:g} hours data can be ingested. Data discarded."
            raise ValueError(msg)
        if number > (now + AHEAD_H * 3600) * 1e6:
            msg = f"Too far data, only future {AHEAD_H} hours data can be ingested. Data discarded."
            raise ValueError(msg)
        return number

    # -- streams and dashboards

    async def _healthz(self, _: web.Request) -> web.Response:
        return _answer(200, {"status": "ok"})

    async def _schema(self, request: web.Request) -> web.Response:
        self._admit(request)
        stream = request.match_info["stream"]
        if stream not in self.created and stream not in self.rows:
            return _answer(404, {"code": 404, "message": "stream not found"})
        return _answer(200, {"name": stream, "stream_type": "logs", "schema": self.created.get(stream, {})})

    async def _create_stream(self, request: web.Request) -> web.Response:
        self._admit(request)
        wanted = await request.json()
        stream = request.match_info["stream"]
        if stream in self.created:
            return _answer(400, {"code": 400, "message": "stream already exists"})
        if set(wanted) != {"fields", "settings"} or any(set(each) != {"name", "type"} for each in wanted["fields"]):
            return _answer(422, {"code": 422, "message": "missing field"})
        self.created[stream] = wanted
        kinds = {"Utf8": str, "Int64": int, "Float64": float, "Boolean": bool}
        self.schemas[stream] |= {each["name"]: kinds[each["type"]] for each in wanted["fields"]}
        return _answer(200, {"code": 200, "message": "stream created"})

    async def _list_dashboards(self, request: web.Request) -> web.Response:
        self._admit(request)
        title = request.query.get("title", "").lower()
        found = [
            {
                "version": 8,
                "hash": each["hash"],
                "title": each["v8"]["title"],
                "dashboard_id": name,
                "folder_id": self.folders.get(name, "default"),
            }
            for name, each in self.dashboards.items()
            if title in each["v8"]["title"].lower()
        ]
        if self.somebody_edits:
            for each in self.dashboards.values():
                each["hash"] += "1"
        return _answer(200, {"dashboards": found})

    async def _create_dashboard(self, request: web.Request) -> web.Response:
        self._admit(request)
        name = f"{7000 + len(self.dashboards)}"
        return self._store_dashboard(name, await request.json())

    async def _update_dashboard(self, request: web.Request) -> web.Response:
        self._admit(request)
        name = request.match_info["id"]
        folder = self.folders.get(name, "default")
        if name not in self.dashboards or request.query.get("folder", "default") != folder:
            return _answer(404, {"code": 404, "message": "Dashboard not found"})
        if request.query.get("hash") != self.dashboards[name]["hash"]:
            return _answer(409, {"code": 409, "message": "Conflict: the dashboard was changed meanwhile"})
        return self._store_dashboard(name, await request.json())

    def _store_dashboard(self, name: str, wanted: dict[str, Any]) -> web.Response:
        problem = dashboard_problem(wanted)
        if problem:
            return _answer(400, {"code": 400, "message": problem})
        wanted["dashboardId"] = name
        stored = {f"v{version}": None for version in range(1, 8)}
        self.dashboards[name] = {**stored, "v8": wanted, "version": 8, "hash": str(abs(hash(json.dumps(wanted))))}
        return _answer(200, self.dashboards[name])

    # -- how it behaves

    def _admit(self, request: web.Request) -> None:
        self.requests += 1
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("Authorization") != wanted:
            raise web.HTTPUnauthorized(
                text="Unauthorized Access", headers={"WWW-Authenticate": 'Bearer realm="openobserve"'}
            )

    def _trouble(self) -> Trouble | None:
        for trouble in self.troubles:
            if trouble.times != 0:
                if trouble.times is not None:
                    trouble.times -= 1
                return trouble
        return None

    async def _misbehave(self, request: web.Request, trouble: Trouble) -> web.Response | None:
        match trouble.kind:
            case "status":
                words = {401: "Unauthorized Access", 403: "Forbidden", 413: "length limit exceeded"}
                if trouble.status in words:
                    return web.Response(status=trouble.status, text=words[trouble.status])
                return _answer(trouble.status, {"code": trouble.status, "message": "MemoryTableOverflowError"})
            case "quota":
                return _answer(400, {"code": 400, "message": "Quota exceeded for this organization"})
            case "uncounted":
                name = request.match_info["stream"]
                return _answer(200, {"code": 200, "status": [{"name": name, "successful": 0, "failed": 0}]})
            case "page":
                return web.Response(text="<html>please log in</html>", content_type="text/html")
            case "cut_before":
                self._cut(request)
            case "slow":
                await asyncio.sleep(trouble.slow_s)
        return None

    def _cut(self, request: web.Request) -> None:
        assert request.transport is not None
        request.transport.abort()
        raise Dropped


def _answer(status: int, body: Any) -> web.Response:
    return web.json_response(body, status=status, headers={"x-api-node": "stand-in"})


def flatten(record: Record, prefix: str = "", depth: int = 0) -> Record:
    """Keys lower-cased and joined; nested objects to depth 3, lists and deeper objects as JSON; nulls dropped."""
    row: Record = {}
    for name, value in record.items():
        key = prefix + "".join(c if c.isalnum() or c == "_" else "_" for c in name.lower())
        if value is None or value in ({}, []):
            continue
        if isinstance(value, dict) and depth < 3:
            row |= flatten(value, f"{key}_", depth + 1)
        else:
            row[key] = json.dumps(value) if isinstance(value, dict | list) else value
    return row


def _cast(row: Record, schema: dict[str, type]) -> Record:
    for key, value in row.items():
        wanted = schema.get(key, type(value))
        if type(value) is not wanted:
            try:
                row[key] = wanted(value)
            except ValueError:
                msg = f"field {key}: {value!r} cannot be cast to {wanted.__name__}"
                raise ValueError(msg) from None
    return row


def dashboard_problem(wanted: dict[str, Any]) -> str:
    """What is wrong with a dashboard of version 8 (config/src/meta/dashboards/v8, and its editor's panel rules)."""
    if wanted.get("version") != 8 or not wanted.get("title") or not wanted.get("tabs"):
        return "missing field: version 8, title, tabs"
    for tab in wanted["tabs"]:
        if not {"tabId", "name", "panels"} <= set(tab):
            return "missing field in tab"
        for panel in tab["panels"]:
            problem = _panel_problem(panel)
            if problem:
                return f"panel {panel.get('title')}: {problem}"
    return ""


def _panel_problem(panel: dict[str, Any]) -> str:  # noqa: PLR0911 - a list of rules
    if not {"id", "type", "title", "description", "config", "queryType", "queries", "layout"} <= set(panel):
        return "missing field"
    if "show_legends" not in panel["config"] or not {"x", "y", "w", "h", "i"} <= set(panel["layout"]):
        return "config needs show_legends, layout x, y, w, h, i"
    if panel["layout"]["x"] + panel["layout"]["w"] > 192:
        return "beyond the grid of 192 columns"
    for query in panel["queries"]:
        if not {"query", "customQuery", "fields", "config"} <= set(query):
            return "missing field in query"
        fields = query["fields"]
        if not {"stream", "stream_type", "x", "y", "z", "filter"} <= set(fields):
            return "missing field in fields"
        if not isinstance(fields["filter"], dict) or not {"logicalOperator", "filterType"} <= set(fields["filter"]):
            return "filter must be an object"
        if not fields["y"] or any(not {"label", "alias"} <= set(axis) for axis in fields["x"] + fields["y"]):
            return "axes must be filled"
    return ""
