"""Brings finished calls into the labelling project: in batches, and each call once, however often it is tried."""

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
from orchestra.bus.tombstones import forgotten_at
from orchestra.clock import SYSTEM_CLOCK
from orchestra.counted import counted
from orchestra.curation.label_studio import LabelStudio, Pending
from orchestra.curation.task import is_sampled, is_wanted, redacted, task
from orchestra.errors import EngineError, ProjectGoneError, RejectedError, SettingError
from orchestra.history.read_many import journals
from orchestra.history.reduce import history_of
from orchestra.history.views.dialogue import dialogue
from orchestra.recordings.signed_links import Links
from orchestra.recordings.store import StoredRecording, find_recording
from orchestra.settings import Settings
from orchestra.storage.secrets import link_key
from orchestra.telemetry.redaction import redaction_of

_LOG = structlog.get_logger("orchestra.curation")

_BATCH = 500
_LINGER_S = 0.1
_LONGEST_PAUSE_S = 60.0
_LOCK_S = 60
_FIRST_PAUSE_S = 0.25
#: a call goes to the dead letters after its import has failed this often, alone, while others succeeded
_TRIES = 5
#: a call that was given up is sent again when its dead letter is handled again, after at least this many seconds
_GIVEN_UP_S = 60.0
#: how long a server may take that imports asynchronously, in seconds
_SHOWN_WITHIN_S = 600.0


class Curated(NamedTuple):
    """The task that a call has become."""

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
    #: failed imports that contained this call, and how many calls had been imported before the first of them
    failures: int = 0
    imports_before: int = 0


class Curation:
    """Turns submitted calls into tasks, while `run` runs."""

    def __init__(self, bus: Bus, project: LabelStudio) -> None:
        self._bus = bus
        self._settings: Settings = bus.settings
        self._project = project
        self._links = Links(link_key(bus.settings))
        self._redaction = redaction_of(bus.settings)
        self._waiting: asyncio.Queue[_Submission] = asyncio.Queue()
        self._trouble = ""
        self._imports = 0
        self._given_up: dict[str, tuple[str, float]] = {}

    async def submit(self, call: str, until: str, recording: str) -> Curated | None:
        """Wait until the call is a task, however long Label Studio is away; None if it is left out.

        Raises:
            RejectedError: Label Studio refuses this call.

        """
        if not is_sampled(call, self._settings.curate_percent):
            return None
        reason, until_s = self._given_up.pop(call, ("", 0.0))
        if time.monotonic() < until_s:  # the bus tries again at once, and the server would give the same answer
            self._given_up[call] = reason, until_s
            raise RejectedError(reason)
        done: asyncio.Future[Curated | None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(_Submission(call, until, recording, done))
        return await done

    async def run(self) -> None:
        """Work until cancelled; a batch is read while the previous one is imported."""
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
            with suppress(RedisError, OSError):  # it is read again before the import, which logs the error
                await self._prepare(batch)
            await ready.put(batch)

    async def _deliver(self, ready: asyncio.Queue[list[_Submission]]) -> None:
        """Import what is ready, together with calls on which the server has failed; these hold nothing else back."""
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        waiting: list[_Submission] = []
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(backoff.next_s() if waiting else None):
                    waiting += await ready.get()
            while not ready.empty():
                waiting += ready.get_nowait()
            if await self._try(waiting):
                backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
            waiting = [each for each in waiting if not each.done.done()]

    async def _try(self, batch: list[_Submission]) -> bool:
        """Try to import these calls once; returns whether everything succeeded."""
        try:
            await self._prepare(batch)
            await self._import([each for each in batch if not each.done.done()])
        except ProjectGoneError as error:
            self._troubled(error)
            self._project.forget()
        except (EngineError, SettingError, RedisError, OSError) as error:
            self._troubled(error)
        except Exception as error:  # noqa: BLE001 - it is raised in the waiting handlers; the bus counts and retries
            _LOG.exception("curation.failed", calls=len(batch))
            for each in batch:
                _fail(each, error)
        else:
            self._well()
            return True
        return False

    async def _prepare(self, batch: Sequence[_Submission]) -> None:
        """Read the calls and make their tasks; calls that the filter leaves out are finished."""
        fresh = [each for each in batch if not each.task]
        events = await journals(self._bus, {each.call: each.until for each in fresh})
        for each in fresh:
            try:
                call = dialogue(history_of(events[each.call]))
                if is_wanted(call, self._settings.curate_only):
                    leaves = call if self._redaction is None else redacted(call, self._redaction)
                    each.task = task(each.call, leaves, self._link(each))
                else:
                    _finish(each, None)
            except Exception as error:  # noqa: BLE001 - a call that cannot be read must not hold up the others
                _fail(each, error)

    async def _import(self, batch: Sequence[_Submission]) -> None:
        """Look the calls up, and import those that are missing; a chunk that fails does not hold back the others.

        Raises:
            EngineError: the server failed on some of them, which have to be tried again, or on the look-up.

        """
        if not batch:
            return
        project = await self._opened()
        known = await asyncio.to_thread(self._project.find, [each.call for each in batch])
        gone = await forgotten_at(self._bus, [each.call for each in batch])
        for each in batch:
            if each.call in gone:
                _finish(each, None)
            elif each.call in known:
                _finish(each, Curated(project, str(known[each.call])))
        fresh = list({each.call: each for each in batch if not each.done.done()}.values())
        trouble: EngineError | None = None
        for piece in _pieces(fresh):
            try:
                await self._send(piece, project)
                self._imports += 1
            except EngineError as error:
                trouble = error
                self._failed_on(piece, error)
        if trouble is not None and not all(each.done.done() for each in fresh):
            raise trouble

    def _failed_on(self, piece: Sequence[_Submission], error: EngineError) -> None:
        """Count the failure; a call that keeps failing alone while others are imported is itself the cause."""
        for each in piece:
            each.failures += 1
            each.imports_before = self._imports if each.failures == 1 else each.imports_before
        if len(piece) == 1 and piece[0].failures >= _TRIES and self._imports > piece[0].imports_before:
            reason = (
                f"Label Studio has failed on this call {counted(piece[0].failures, 'time')}, and taken others: {error}"
            )
            self._given_up[piece[0].call] = reason, time.monotonic() + _GIVEN_UP_S
            _fail(piece[0], RejectedError(reason))

    async def _send(self, fresh: Sequence[_Submission], project: str) -> None:
        """Import calls that are missing; a refused batch is bisected."""
        if self._settings.label_studio_audio == "upload":
            for each in fresh:
                await self._upload(each)
        try:
            added = await asyncio.to_thread(self._project.add, [each.task for each in fresh])
            numbers = added if isinstance(added, list) else await self._shown(fresh, added)
        except RejectedError as error:
            if len(fresh) == 1:
                _fail(fresh[0], error)
                return
            middle = len(fresh) // 2
            await self._send(fresh[:middle], project)
            await self._send(fresh[middle:], project)
            return
        if gone := list(await forgotten_at(self._bus, [each.call for each in fresh])):
            await asyncio.to_thread(self._project.remove, gone)  # forgotten while they were on their way
        for each, number in zip(fresh, numbers, strict=True):
            _finish(each, None if each.call in gone else Curated(project, str(number)))
        _LOG.info("curation.imported", calls=len(fresh), project=project)

    async def _shown(self, sent: Sequence[_Submission], pending: Pending) -> list[int]:
        """The tasks of these calls, once a server that imports asynchronously has all of them.

        Raises:
            RejectedError: the server has given up.
            EngineError: the tasks did not appear in time.

        """
        calls, backoff = [each.call for each in sent], Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        found: dict[str, int] = {}
        try:
            async with asyncio.timeout(_SHOWN_WITHIN_S):
                while len(found) < len(calls):
                    await asyncio.to_thread(self._project.check, pending)
                    await backoff.wait()
                    found = await asyncio.to_thread(self._project.find, calls)
        except TimeoutError:
            imported = counted(len(calls), "call")
            msg = f"Label Studio took an import of {imported} and does not show all of it after {_SHOWN_WITHIN_S} s"
            raise EngineError(msg) from None
        return [found[call] for call in calls]

    async def _opened(self) -> str:
        if not self._project.project and not await asyncio.to_thread(self._project.open, create=False):
            lock = self._bus.redis.lock(f"{keys.PREFIX}:{{shared}}:curation", timeout=_LOCK_S)
            async with lock:  # or two workers that start together would create two projects
                await asyncio.to_thread(self._project.open)
        return str(self._project.project)

    # -- audio

    def _link(self, each: _Submission) -> str:
        if not each.recording or self._settings.label_studio_audio != "link":
            return ""
        base = self._settings.public_url or f"http://{self._settings.host}:{self._settings.port}"
        return self._links.sign(base, each.call, int(SYSTEM_CLOCK.time()) + self._settings.recording_link_s)

    async def _upload(self, each: _Submission) -> None:
        if each.recording and not each.task["data"]["audio"]:
            try:
                audio = await asyncio.to_thread(_bytes_of, find_recording(self._settings, each.recording))
                url = await asyncio.to_thread(self._project.upload, f"{each.call}.wav", audio)
            except (OSError, RejectedError) as error:
                _LOG.warning("curation.no_audio", call=each.call, recording=each.recording, error=repr(error))
            else:
                each.task["data"]["audio"] = url

    # -- a failure is logged once, not with every attempt

    def _troubled(self, error: Exception) -> None:
        if str(error) != self._trouble:
            _LOG.error("curation.waiting", reason=str(error), calls=self._waiting.qsize())
        self._trouble = str(error)

    def _well(self) -> None:
        if self._trouble:
            _LOG.info("curation.recovered", after=self._trouble)
        self._trouble = ""


def _bytes_of(recording: StoredRecording) -> bytes:
    with recording.open() as file:
        return file.read()


def _pieces(fresh: Sequence[_Submission]) -> list[Sequence[_Submission]]:
    """Chunks to be sent: new calls together, calls on which the server has failed in ever smaller chunks."""
    new = [each for each in fresh if not each.failures]
    failed = [each for each in fresh if each.failures]
    most = max((each.failures for each in failed), default=0)
    size = max(1, len(failed) >> most)
    return [*([new] if new else []), *(failed[start : start + size] for start in range(0, len(failed), size))]


def _finish(each: _Submission, curated: Curated | None) -> None:
    if not each.done.done():
        each.done.set_result(curated)


def _fail(each: _Submission, error: Exception) -> None:
    if not each.done.done():
        each.done.set_exception(error)
