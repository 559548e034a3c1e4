"""A project on a Label Studio server, through its SDK. All methods block: run them in a thread.

The server has no unique key for a task and its import is not idempotent, so nothing is repeated here: the
SDK's own retries are off. Who does not know whether an import arrived looks the calls up before sending them again.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

import httpx
import msgspec
import structlog

from orchestra.bus.keys import started_ms
from orchestra.counted import counted
from orchestra.curation.labelling_config import AUDIO_CONFIG, LABEL_CONFIG
from orchestra.curation.task import app_of, task
from orchestra.errors import (
    EngineError,
    MissingExtraError,
    OrchestraError,
    ProjectGoneError,
    RejectedError,
    SettingError,
)
from orchestra.hide_secrets import without_secrets
from orchestra.history.views.dialogue import Dialogue, DialogueTurn
from orchestra.settings import Settings

_LOG = structlog.get_logger("orchestra.curation")
T = TypeVar("T")

_TIMEOUT_S = 60.0
_IMPORT_TIMEOUT_S = 180
_ONCE: Any = {"max_retries": 0}
_PAGE = 500
#: calls in one look-up: gateways limit its URL to 8 kB, some to 4
_LOOKED_UP = 40
_HEX = "0123456789abcdef"
#: digits of a UUID before its first dash
_DASH_AFTER = 8


class Removed(NamedTuple):
    """How many tasks there were, and the uploaded files, by their place in the server's media folder without the call.

    The server forgets such a file when it is asked to, and leaves it on its disk, where nobody is led to it any more.
    """

    tasks: int
    files: tuple[str, ...]


class Labelled(NamedTuple):
    """A call that has a task, or only audio that was uploaded for one: then ``task`` and ``app`` are empty."""

    call: str
    app: str
    project: str
    task: str


class Pending(msgspec.Struct, frozen=True):
    """An asynchronous import, as Label Studio Enterprise does it; ``number`` is its id, 0 if the server gave none."""

    number: int


class LabelStudio:
    """One labelling project, created if it is missing.

    Args:
        settings: URL, token and project title.

    Raises:
        MissingExtraError: the SDK is not installed.
        SettingError: the server refuses the token, or none is set.
        EngineError: the server cannot be reached or fails; it may have done what was asked.
        ProjectGoneError: the project was deleted.
        RejectedError: the server refuses what was sent; the message has its words.

    """

    def __init__(self, settings: Settings) -> None:
        if not settings.label_studio_url or not settings.label_studio_api_key.get_secret_value():
            msg = "calls are curated with ORCHESTRA_LABEL_STUDIO_URL and ORCHESTRA_LABEL_STUDIO_API_KEY set"
            raise SettingError(msg)
        _sdk("core.api_error")  # raised at start, not at the first call
        self.url = settings.label_studio_url.rstrip("/")
        self.title = settings.label_studio_project
        self.project = 0
        self.predicts = True
        self._api_key = settings.label_studio_api_key.get_secret_value()
        self._bucket = 0
        self._sdk: Any = None
        # a redirect would turn an import into a look-up, and may lead to another host: it is reported, not followed
        self._http = httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def _bucket_title(self) -> str:
        return f"{self.title} (audio)"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def open(self, *, create: bool = True) -> int:
        """Find the project, or create it (in one process at a time); returns its id, 0 if it is missing."""
        return self._asked(lambda: self._open(create=create))

    def _open(self, *, create: bool) -> int:
        projects, found = self._client().projects, self._find(self.title)
        if not found and not create:
            return 0
        self.project = found or int(
            projects.create(title=self.title, label_config=LABEL_CONFIG, request_options=_ONCE).id
        )
        config = projects.get(self.project, request_options=_ONCE).label_config or ""
        self.predicts = _takes_predictions(config)
        return self.project

    def forget(self) -> None:
        """Find the project again before it is used next."""
        self.project = self._bucket = 0

    def find(self, calls: Sequence[str]) -> dict[str, int]:
        """The tasks that these calls already have: call → task."""
        known: dict[str, int] = {}
        for start in range(0, len(calls), _LOOKED_UP):
            known |= self._asked(partial(self._known, calls[start : start + _LOOKED_UP]))
        return known

    def _known(self, calls: Sequence[str]) -> dict[str, int]:
        return {found.data["call_id"]: int(found.id) for found in self._tasks_of(calls)}

    def add(self, tasks: Sequence[dict[str, Any]]) -> list[int] | Pending:
        """Import tasks; returns their ids in the same order, or the pending import of an asynchronous server.

        Not idempotent.
        """
        ready = list(tasks) if self.predicts else [{"data": each["data"]} for each in tasks]

        def send() -> list[int] | Pending:
            path = f"projects/{self.project}/import"
            answer = self._post(path, {"return_task_ids": "true"}, content=msgspec.json.encode(ready))
            answered = answer if isinstance(answer, dict) else {}
            if answered.get("task_ids") is None:
                return Pending(int(answered.get("import") or 0))
            return [int(number) for number in answered["task_ids"]]

        added = self._asked(send)
        if isinstance(added, list) and len(added) != len(ready):
            msg = f"Label Studio names {counted(len(added), 'task')} of {len(ready)} that were sent"
            raise EngineError(msg)
        return added

    def check(self, pending: Pending) -> None:
        """Raise if the server has given up an asynchronous import.

        Raises:
            RejectedError: it has; the message has its words.

        """

        def ask() -> str:
            answer = self._http.get(
                f"{self.url}/api/projects/{self.project}/imports/{pending.number}/", headers=self._authorization()
            )
            state = answer.json() if answer.status_code == httpx.codes.OK else {}
            return str(state.get("error") or state) if state.get("status") == "failed" else ""

        if pending.number and (words := self._asked(ask)):
            msg = f"Label Studio has given up the import: {words[:300]}"
            raise RejectedError(msg)

    def upload(self, name: str, audio: bytes) -> str:
        """Upload a WAV file; returns the URL for a task. Each call stores another copy."""
        return self._asked(lambda: self._upload(name, audio))

    def remove(
        self, calls: Sequence[str], tasks: Collection[tuple[str, str]] = (), *, dry_run: bool = False
    ) -> Removed:
        """Remove the tasks of these calls with their annotations, and the audio that was uploaded for them.

        Args:
            calls: are looked up in this project.
            tasks: projects and tasks that are known to be of these calls, of whichever project.
            dry_run: only count them.

        """
        numbers = {int(task) for _, task in tasks if task.isdecimal()}
        if self.open(create=False):
            numbers |= set(self.find(calls).values())
        present = [number for number in sorted(numbers) if self._asked(partial(self._is_of, number, calls))]
        bucket = self._asked(lambda: self._find(self._bucket_title))
        uploads = self._asked(partial(self._uploads, bucket, calls)) if bucket else {}
        if not dry_run:
            for number in present:
                self._asked(partial(self._delete, f"tasks/{number}/"))
            if uploads:
                self._asked(
                    partial(self._delete, f"projects/{bucket}/file-uploads", {"file_upload_ids": list(uploads)})
                )
        return Removed(len(present), tuple(place.partition("-")[0] + "-*.wav" for place in uploads.values()))

    def started_before(self, moment_ms: float) -> list[Labelled]:
        """What is here of calls that started before a moment (epoch ms): the tasks, and audio without a task."""
        tasks = list[Any]()
        if moment_ms > 0 and self.open(create=False):
            tasks = self._asked(partial(self._tasks_where, _filter("call_id", "REGEX", ids_before(moment_ms))))
        project = str(self.project)
        found = [
            Labelled(call, app_of(each.data), project, str(each.id))
            for each in tasks
            if 0 < started_ms(call := str((each.data or {}).get("call_id") or "")) < moment_ms
        ]
        bucket = self._asked(lambda: self._find(self._bucket_title))
        for place in self._asked(partial(self._uploads, bucket)).values() if bucket else ():
            call = place.rpartition("/")[2].partition("-")[2].removesuffix(".wav")
            if 0 < started_ms(call) < moment_ms:
                found.append(Labelled(call, "", str(bucket), ""))
        return found

    def _is_of(self, task: int, calls: Sequence[str]) -> bool:
        """Whether there is this task, and it is of one of these calls: another server may have the same numbers."""
        answer = self._http.get(f"{self.url}/api/tasks/{task}/", headers=self._authorization())
        if answer.status_code == httpx.codes.NOT_FOUND:
            return False
        if answer.status_code != httpx.codes.OK:
            raise self._meaning(answer.status_code, answer.text)
        return answer.json()["data"].get("call_id") in calls

    def _uploads(self, project: int, calls: Sequence[str] | None = None) -> dict[int, str]:
        """The files of these calls, or all, by their ids; ``CALL.wav`` is ``upload/3/1a2b3c4d-CALL.wav`` there."""
        answer = self._http.get(
            f"{self.url}/api/projects/{project}/file-uploads", params={"all": "true"}, headers=self._authorization()
        )
        if answer.status_code != httpx.codes.OK:
            raise self._meaning(answer.status_code, answer.text)
        names = ".wav" if calls is None else tuple(f"{call}.wav" for call in calls)
        return {int(each["id"]): str(each["file"]) for each in answer.json() if each["file"].endswith(names)}

    def _delete(self, path: str, body: Any = None) -> None:
        """Delete something, or find it gone."""
        answer = self._http.request("DELETE", f"{self.url}/api/{path}", headers=self._authorization(), json=body)
        if not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
            raise self._meaning(answer.status_code, answer.text)

    def annotated(self, since: datetime | None) -> Iterator[Any]:
        """The tasks whose annotations changed after this moment, with these annotations."""
        data_manager = _sdk("data_manager")
        column, operator, kind, filters = (
            data_manager.Column, data_manager.Operator, data_manager.Type, data_manager.Filters
        )  # fmt: skip
        items = [filters.item(column.total_annotations, operator.GREATER, kind.Number, 0)]
        if since is not None:
            moment = filters.datetime(since.astimezone(UTC))
            items.append(filters.item(column.updated_at, operator.GREATER, kind.Datetime, moment))
        query = json.dumps({"filters": filters.create(filters.AND, items)})
        tasks = self._client().tasks
        yield from self._asked(
            lambda: list(
                tasks.list(project=self.project, query=query, fields="all", page_size=_PAGE, request_options=_ONCE)
            )
        )

    # -- requests

    def _asked(self, ask: Callable[[], T]) -> T:
        api_error = _sdk("core.api_error").ApiError
        try:
            return ask()
        except httpx.TransportError as error:
            msg = f"Label Studio at {self.url} does not answer: {error!r}"
            raise EngineError(msg) from error
        except api_error as error:
            location = (getattr(error, "headers", None) or {}).get("location", "")
            raise self._meaning(error.status_code or 0, error.body, location) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            msg = f"the answer from {self.url} is not Label Studio's ({error!r}): is there a gateway before it?"
            raise EngineError(msg) from error

    def _meaning(self, status: int, body: Any, location: str = "") -> OrchestraError:
        if httpx.codes.is_redirect(status):
            where = f" to {without_secrets(location)}" if location else ""
            return SettingError(
                f"Label Studio at {self.url} redirects{where} ({status}), which is not followed: set"
                " ORCHESTRA_LABEL_STUDIO_URL to its own address"
            )
        words = body.get("validation_errors") or body.get("detail") or body if isinstance(body, dict) else body
        said = " ".join(str(words).split())[:300]
        if status in {401, 403}:
            return SettingError(
                f"Label Studio at {self.url} refuses ORCHESTRA_LABEL_STUDIO_API_KEY ({status}: {said}); use a personal"
                " access token: tokens of the older kind are switched off unless the organization allows them"
            )
        if status == httpx.codes.NOT_FOUND:
            return ProjectGoneError(f"project {self.project} is not at {self.url}")
        if status in {400, 413, 414, 415, 422, 431}:
            return RejectedError(f"Label Studio refused it ({status}): {said}")
        return EngineError(f"Label Studio at {self.url} failed ({status}): {said}")

    def _post(self, path: str, params: dict[str, str], **body: Any) -> Any:
        """Post once, with the SDK's authorization: the SDK has no upload, and takes seconds to encode a long call."""
        headers = self._authorization()
        if "content" in body:
            headers["Content-Type"] = "application/json"
        answer = self._http.post(
            f"{self.url}/api/{path}", params=params, headers=headers, timeout=_IMPORT_TIMEOUT_S, **body
        )
        try:
            said = answer.json() if answer.content else None
        except ValueError:  # gateways announce JSON and send something else
            said = answer.text
        if answer.status_code not in {httpx.codes.OK, httpx.codes.CREATED, httpx.codes.ACCEPTED}:
            raise self._meaning(answer.status_code, said, answer.headers.get("location", ""))
        if isinstance(said, str):
            msg = f"Label Studio at {self.url} answers an import without JSON: {said[:100]!r}"
            raise EngineError(msg)
        return said

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": self._client()._client_wrapper.get_headers()["Authorization"]}  # noqa: SLF001

    def _client(self) -> Any:
        if self._sdk is None:
            client = _sdk("client").LabelStudio
            self._sdk = client(base_url=self.url, api_key=self._api_key, httpx_client=self._http, max_retries=0)
        return self._sdk

    def _find(self, title: str) -> int:
        """The id of the oldest project with exactly this title; 0 for none."""
        pages = self._client().projects.list(title=title, include="id,title", request_options=_ONCE)
        return min((int(project.id) for project in pages if project.title == title), default=0)

    def _tasks_of(self, calls: Sequence[str]) -> list[Any]:
        found = self._tasks_where(_filter("call_id", "IN_LIST", list(calls)))
        return [each for each in found if each.data and each.data.get("call_id") in calls]

    def _tasks_where(self, item: Any) -> list[Any]:
        """The tasks that pass a filter, with their data."""
        filters = _sdk("data_manager").Filters
        query = json.dumps({"filters": filters.create(filters.OR, [item])})
        pages = self._client().tasks.list(
            project=self.project,
            query=query,
            fields="task_only",
            include="id,data",
            page_size=_PAGE,
            request_options=_ONCE,
        )
        page = list(pages.items or ())
        return page if len(page) < _PAGE else list(pages)

    def _upload(self, name: str, audio: bytes) -> str:
        client = self._client()
        if not self._bucket:
            self._bucket = self._find(self._bucket_title) or int(
                client.projects.create(title=self._bucket_title, label_config=AUDIO_CONFIG, request_options=_ONCE).id
            )
        path, files = f"projects/{self._bucket}/import", {"file": (name, audio, "audio/wav")}
        answer = self._post(path, {"commit_to_project": "false"}, files=files)
        (number,) = answer["file_upload_ids"]
        return f"{self.url}/data/{client.files.get(number, request_options=_ONCE).file}"


def ids_before(moment_ms: float) -> str:
    """A regular expression for the ids of calls that started before a moment (epoch ms), but no other ids of calls.

    The server compares text only with such, and the id begins with the partition; the time is 12 hexadecimal digits.
    """
    digits = f"{max(0, round(moment_ms)):012x}"
    lower = [f"{digits[:at]}[{_HEX[: int(digit, 16)]}]" for at, digit in enumerate(digits) if digit != "0"]
    dashed = [each if len(each) <= _DASH_AFTER else f"{each[:_DASH_AFTER]}-{each[_DASH_AFTER:]}" for each in lower]
    return f"^[0-9][0-9]-({'|'.join(dashed)})"


def _filter(field: str, operator: str, value: Any) -> Any:
    """A filter of the data manager for a field of the tasks' data."""
    data_manager = _sdk("data_manager")
    column, kind = data_manager.Column.data(field), data_manager.Type.String
    return data_manager.Filters.item(column, getattr(data_manager.Operator, operator), kind, value)


def _takes_predictions(config: str) -> bool:
    """Whether the project's labelling configuration fits our predictions; the server does not check that."""
    turn = DialogueTurn(number=1, said_from_s=0.0, said_to_s=1.0, reply_heard="good day", interrupted=True)
    (prediction,) = task("07-x", Dialogue(turns=(turn,)), "")["predictions"]
    interface = _sdk("label_interface").LabelInterface(config)
    wrong = interface.validate_prediction(prediction, return_errors=True)
    if wrong:
        _LOG.warning("curation.no_predictions", reason=str(wrong[0])[:300])
    return not wrong


def _sdk(module: str) -> Any:
    from importlib import import_module  # noqa: PLC0415 - heavy, and an extra

    try:
        return import_module(f"label_studio_sdk.{module}")
    except ModuleNotFoundError as error:
        msg = f'this needs {error.name}, which is not installed: pip install "orchestra-voice[curator]"'
        raise MissingExtraError(msg) from error
