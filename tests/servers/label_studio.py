"""A server that answers our requests as Label Studio 1.23.2 does, and misbehaves on demand.

Imports are not idempotent, there is no unique key, a deleted project answers an import with an HTML page. The real
server is started by the integration test.
"""

import asyncio
import json
import re
from typing import Any

from aiohttp import web

from tests.servers.server import NO_FAULTS, Faults, ProtocolServer

TOKEN = "abcdef0123456789abcdef0123456789abcdef01"


class LabelStudioServer(ProtocolServer):
    """Projects, task look-up by call id, import, deletion.

    Attributes:
        fail_imports: statuses of the next imports, one each; a negative one fails *after* the tasks were stored, -1
            then cuts the connection.
        fail_creations: the same for creating projects.
        refuse: call ids whose task is refused as invalid.
        poison: call ids on whose task the server fails with 500, whatever else is in the same import.
        answers: replaces the answers to the next imports (status, content type, body), one each.
        longest_line: a longer request line is refused with 414, as a gateway does.
        later: imports are accepted with 201 and an id, and finish after this many polls.
        gives_up: call ids that make such an import fail.
        redirect: where every request is redirected to.
        sent: the tasks of every import as received, predictions included.
        uploads: the files of the project for the audio, by their ids.

    """

    def __init__(self, faults: Faults = NO_FAULTS) -> None:
        super().__init__(faults)
        self.projects: dict[int, dict[str, Any]] = {}
        self.tasks: dict[int, dict[int, dict[str, Any]]] = {}
        self.token = TOKEN
        self.fail_imports: list[int] = []
        self.fail_creations: list[int] = []
        self.sent: list[dict[str, Any]] = []
        self.uploads: dict[int, str] = {}
        self.refuse: set[str] = set()
        self.poison: set[str] = set()
        self.gives_up: set[str] = set()
        self.answers: list[tuple[int, str, str]] = []
        self.longest_line = 0
        self.later = 0
        self.redirect = ""
        self.pending: dict[int, tuple[int, list[dict[str, Any]]]] = {}
        self.imports: list[int] = []
        self.refused = asyncio.Event()
        self._number = 0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/projects/", self._list_projects),
            web.post("/api/projects/", self._create_project),
            web.get("/api/projects/{project}/", self._get_project),
            web.post("/api/projects/{project}/import", self._import),
            web.get("/api/projects/{project}/imports/{number}/", self._look_at_import),
            web.get("/api/tasks/", self._tasks),
            web.get("/api/tasks/{task}/", self._task),
            web.delete("/api/tasks/{task}/", self._task),
            web.get("/api/projects/{project}/file-uploads", self._list_uploads),
            web.delete("/api/projects/{project}/file-uploads", self._delete_uploads),
        ]

    def calls(self) -> list[str]:
        """The call ids of the tasks of all projects, one entry per task."""
        return [task["call_id"] for tasks in self.tasks.values() for task in tasks.values()]

    def delete_project(self, number: int) -> None:
        """Delete the project, as a user could at any time."""
        del self.projects[number], self.tasks[number]

    def _admit(self, request: web.Request) -> None:
        self.admit(request)
        if self.redirect:
            raise web.HTTPMovedPermanently(self.redirect + request.path_qs)
        if self.longest_line and len(request.path_qs) > self.longest_line:
            raise web.HTTPRequestURITooLong(text="<html>414 Request-URI Too Large</html>", content_type="text/html")
        if request.headers.get("Authorization") != f"Token {self.token}":
            self.refused.set()
            raise web.HTTPUnauthorized(
                text=json.dumps({"status_code": 401, "detail": "Invalid token."}), content_type="application/json"
            )

    def _missing(self) -> web.Response:
        return web.json_response({"status_code": 404, "detail": "No Project matches the given query."}, status=404)

    async def _list_projects(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        if int(request.query.get("page", "1")) > 1:  # the SDK reads page after page until there is no such page
            return web.json_response({"status_code": 404, "detail": "Invalid page."}, status=404)
        title = request.query.get("title", "")
        found = [each for each in self.projects.values() if title.lower() in each["title"].lower()]
        return web.json_response({"count": len(found), "next": None, "previous": None, "results": found})

    async def _create_project(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        self._number += 1
        project = {"id": self._number, **await request.json()}
        self.projects[self._number], self.tasks[self._number] = project, {}
        if self.fail_creations:
            return web.json_response({"detail": "the server fell over"}, status=-self.fail_creations.pop(0))
        return web.json_response(project, status=201)

    async def _get_project(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        project = self.projects.get(int(request.match_info["project"]))
        return self._missing() if project is None else web.json_response(project)

    async def _import(self, request: web.Request) -> web.StreamResponse:  # noqa: PLR0911 - a return for each fault
        self._admit(request)
        number = int(request.match_info["project"])
        if number not in self.projects:
            return web.Response(
                status=404, text="<!doctype html><html><body>Not found</body></html>", content_type="text/html"
            )
        sent = json.loads(await request.content.read())
        self.imports.append(len(sent))
        self.sent += sent
        if self.answers:
            status, kind, body = self.answers.pop(0)
            return web.Response(status=status, body=body.encode(), headers={"Content-Type": kind})
        if any(task["data"]["call_id"] in self.poison for task in sent):
            return web.json_response({"detail": "A string literal cannot contain NUL (0x00) characters."}, status=500)
        if self.later:
            self._number += 1
            self.pending[self._number] = (self.later, sent)
            return web.json_response({"import": self._number}, status=201)
        fault = self.fail_imports.pop(0) if self.fail_imports else 0
        if fault > 0:
            return web.json_response({"detail": "the server is tired"}, status=fault)
        if any(task["data"]["call_id"] in self.refuse for task in sent):
            errors = {"non_field_errors": ['"turns" key is expected in task data']}
            return web.json_response({"status_code": 400, "validation_errors": errors}, status=400)
        stored = self._store(number, sent)
        if fault == -1:
            assert request.transport is not None
            request.transport.abort()
        if fault < 0:
            return web.json_response({"detail": "the server fell over"}, status=-fault)
        return web.json_response({"task_count": len(stored), "task_ids": stored}, status=201)

    def _store(self, project: int, sent: list[dict[str, Any]]) -> list[int]:
        stored = []
        for task in sent:
            self._number += 1
            self.tasks[project][self._number] = task["data"]
            stored.append(self._number)
        return stored

    async def _look_at_import(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        number = int(request.match_info["number"])
        left, sent = self.pending.get(number, (0, []))
        if any(task["data"]["call_id"] in self.gives_up for task in sent):
            return web.json_response({"id": number, "status": "failed", "error": "cannot be imported"})
        if sent and left <= 1:
            self._store(int(request.match_info["project"]), sent)
        if number in self.pending:
            self.pending[number] = (left - 1, sent if left > 1 else [])
        return web.json_response({"id": number, "status": "in_progress" if left > 1 else "completed"})

    async def _tasks(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        number = int(request.query["project"])
        if number not in self.projects:
            return self._missing()
        (item,) = json.loads(request.query["query"])["filters"]["items"]
        value = item["value"]
        found = [
            {"id": task, "data": data}
            for task, data in self.tasks[number].items()
            if (re.search(value, data["call_id"]) if item["operator"] == "regex" else data["call_id"] in value)
        ]
        return web.json_response({"total": len(found), "total_annotations": 0, "total_predictions": 0, "tasks": found})

    async def _task(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        number = int(request.match_info["task"])
        project = next((tasks for tasks in self.tasks.values() if number in tasks), None)
        if project is None:
            return self._missing()
        if request.method == "DELETE":
            del project[number]
            return web.Response(status=204)
        return web.json_response({"id": number, "data": project[number]})

    async def _list_uploads(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        return web.json_response([{"id": number, "file": file} for number, file in self.uploads.items()])

    async def _delete_uploads(self, request: web.Request) -> web.StreamResponse:
        self._admit(request)
        for number in (await request.json())["file_upload_ids"]:
            self.uploads.pop(number, None)  # it deletes those that are there
        return web.json_response({"deleted": 1})
