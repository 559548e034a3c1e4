"""Finished calls on their way into the labelling project: in batches, each call once, however often it is tried."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog
from redis.exceptions import RedisError

from orchestra.bus import Bus, keys
from orchestra.bus.backoff import Backoff
from orchestra.curation.journals import journals
from orchestra.curation.label_studio import LabelStudio, ProjectGoneError
from orchestra.curation.task import is_sampled, is_wanted, redacted, task
from orchestra.errors import EngineError, RejectedError, SettingError
from orchestra.settings import Settings
from orchestra.storage.dialogue import dialogue
from orchestra.storage.keys import link_key
from orchestra.storage.links import Links
from orchestra.storage.stored import Stored, kept
from orchestra.telemetry.chosen import chosen_redaction

_log = structlog.get_logger()

_BATCH = 500
_LINGER_S = 0.1
_LONGEST_PAUSE_S = 60.0
_LOCK_S = 60


class Curated(NamedTuple):
    """Where a call has become a task."""

    project: str
    task: str


@dataclass(slots=True, eq=False)
class _Submission:
    """A finished call: the stream id of its last event, and where its recording is (empty for none)."""

    call: str
    until: str
    recording: str
    done: asyncio.Future[Curated | None] = field(repr=False)
    task: dict[str, Any] = field(default_factory=dict)


class Curation:
    """Turns submitted calls into tasks. `run` does the work, for as long as it runs."""

    def __init__(self, bus: Bus, project: LabelStudio) -> None:
        self._bus = bus
        self._settings: Settings = bus.settings
        self._project = project
        self._links = Links(link_key(bus.settings))
        self._redaction = chosen_redaction(bus.settings)
        self._waiting: asyncio.Queue[_Submission] = asyncio.Queue()
        self._trouble = ""

    async def submit(self, call: str, until: str, recording: str) -> Curated | None:
        """Have the call made a task, however long Label Studio is away; None where sampling or filter leave it out.

        Raises:
            RejectedError: Label Studio refuses this very call.

        """
        if not is_sampled(call, self._settings.curate_percent):
            return None
        done: asyncio.Future[Curated | None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(_Submission(call, until, recording, done))
        return await done

    async def run(self) -> None:
        """Work until cancelled: the next batch is read while the one before is imported."""
        ready: asyncio.Queue[list[_Submission]] = asyncio.Queue(1)
        async with asyncio.TaskGroup() as stages:
            stages.create_task(self._read(ready), name="curation: read")
            stages.create_task(self._deliver(ready), name="curation: import")

    async def _read(self, ready: asyncio.Queue[list[_Submission]]) -> None:
        while True:
            batch = [await self._waiting.get()]
            await asyncio.sleep(_LINGER_S)
            while len(batch) < _BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            with suppress(RedisError, OSError):  # then it is read again before the import, which tells of the trouble
                await self._prepare(batch)
            await ready.put(batch)

    async def _deliver(self, ready: asyncio.Queue[list[_Submission]]) -> None:
        while True:
            await self._see_through(await ready.get())

    async def _see_through(self, batch: list[_Submission]) -> None:
        """Try until every call of the batch is done or refused."""
        backoff = Backoff(0.25, _LONGEST_PAUSE_S)
        while batch := [each for each in batch if not each.done.done()]:
            try:
                await self._prepare(batch)
                await self._import([each for each in batch if not each.done.done()])
            except ProjectGoneError as error:
                self._troubled(error)
                self._project.forget()
            except (EngineError, SettingError, RedisError, OSError) as error:
                self._troubled(error)
            except Exception as error:  # noqa: BLE001 - the handlers that wait are told, and counted and retried by the bus
                _log.exception("curation.failed", calls=len(batch))
                for each in batch:
                    _fail(each, error)
            else:
                self._well()
                continue
            await backoff.wait()

    async def _prepare(self, batch: Sequence[_Submission]) -> None:
        """Read the calls and make their tasks; those that the filter leaves out are done."""
        fresh = [each for each in batch if not each.task]
        told = await journals(self._bus, {each.call: each.until for each in fresh})
        for each in fresh:
            try:
                call = dialogue(told[each.call])
                if is_wanted(call, self._settings.curate_only):
                    leaves = call if self._redaction is None else redacted(call, self._redaction)
                    each.task = task(each.call, leaves, self._link(each))
                else:
                    _finish(each, None)
            except Exception as error:  # noqa: BLE001 - one call that cannot be told must not hold up the others
                _fail(each, error)

    async def _import(self, batch: Sequence[_Submission]) -> None:
        """Look the calls up, import those that are not there, and bisect a batch that is refused."""
        if not batch:
            return
        project = await self._opened()
        known = await asyncio.to_thread(self._project.find, [each.call for each in batch])
        for each in batch:
            if each.call in known:
                _finish(each, Curated(project, str(known[each.call])))
        fresh = list({each.call: each for each in batch if not each.done.done()}.values())
        await self._send(fresh, project)

    async def _send(self, fresh: Sequence[_Submission], project: str) -> None:
        if not fresh:
            return
        if self._settings.label_studio_audio == "upload":
            for each in fresh:
                await self._upload(each)
        try:
            added = await asyncio.to_thread(self._project.add, [each.task for each in fresh])
        except RejectedError as error:
            if len(fresh) == 1:
                _fail(fresh[0], error)
                return
            middle = len(fresh) // 2
            await self._send(fresh[:middle], project)
            await self._send(fresh[middle:], project)
            return
        for each, number in zip(fresh, added, strict=True):
            _finish(each, Curated(project, str(number)))
        _log.info("curation.imported", calls=len(fresh), project=project)

    async def _opened(self) -> str:
        if not self._project.project and not await asyncio.to_thread(self._project.open, create=False):
            lock = self._bus.redis.lock(f"{keys.PREFIX}:{{shared}}:curation", timeout=_LOCK_S)
            async with lock:  # two workers that start together must not create two projects
                await asyncio.to_thread(self._project.open)
        return str(self._project.project)

    # -- audio

    def _link(self, each: _Submission) -> str:
        if not each.recording or self._settings.label_studio_audio != "link":
            return ""
        base = self._settings.public_url or f"http://{self._settings.host}:{self._settings.port}"
        return self._links.sign(base, each.call, int(time.time()) + self._settings.recording_link_s)

    async def _upload(self, each: _Submission) -> None:
        if each.recording and not each.task["data"]["audio"]:
            try:
                audio = await asyncio.to_thread(_bytes_of, kept(self._settings, each.recording))
                url = await asyncio.to_thread(self._project.upload, f"{each.call}.wav", audio)
            except (OSError, RejectedError) as error:
                _log.warning("curation.no_audio", call=each.call, recording=each.recording, error=repr(error))
            else:
                each.task["data"]["audio"] = url

    # -- trouble is told once, not with every try

    def _troubled(self, error: Exception) -> None:
        if str(error) != self._trouble:
            _log.error("curation.waiting", reason=str(error), calls=self._waiting.qsize())
        self._trouble = str(error)

    def _well(self) -> None:
        if self._trouble:
            _log.info("curation.recovered", after=self._trouble)
        self._trouble = ""


def _bytes_of(recording: Stored) -> bytes:
    with recording.open() as file:
        return file.read()


def _finish(each: _Submission, curated: Curated | None) -> None:
    if not each.done.done():
        each.done.set_result(curated)


def _fail(each: _Submission, error: Exception) -> None:
    if not each.done.done():
        each.done.set_exception(error)
