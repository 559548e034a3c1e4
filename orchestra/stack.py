"""The whole system on one machine: server, workers and edge as processes of their own, started and ended together."""

import asyncio
import contextlib
import importlib.util
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import msgspec
import structlog

from orchestra.atomic_file import write_atomically
from orchestra.bus import Bus, EmbeddedServer
from orchestra.errors import OrchestraError, ServerError, SettingError, UsageError
from orchestra.process import die_with_parent
from orchestra.reload import reload_on_change
from orchestra.settings import Settings

_LOG = structlog.get_logger("orchestra")

#: the consumers that every call needs, each a process of its own
WORKERS = ("orchestration", "execution", "persistence")

#: those that load the app
_RUN_THE_APP = ("orchestration", "execution", "logging", "telemetry")
#: how each process is started
_COMMAND = (sys.executable, "-m", "orchestra.cli")
_READY_WITHIN_S = 90.0
#: an edge has in addition the time that its calls may go on
_STOP_WITHIN_S = 15.0
_LONGEST_BACKOFF_S = 10.0


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A stack that runs on this machine, as another terminal needs to know it.

    ``url`` is the edge's (``http://127.0.0.1:8480``), ``auth_token`` signs its webhooks,
    ``pid`` is the supervisor's, ``edges`` are the process ids of the edges at start, by name.
    """

    url: str
    auth_token: str
    redis_url: str
    pid: int
    edges: dict[str, int] = {}


def _note(settings: Settings) -> Path:
    return settings.data_dir / "up.json"


def running(settings: Settings) -> Running | None:
    """The stack that `stack` has started for this data directory and that still lives, or None."""
    try:
        found = msgspec.json.decode(_note(settings).read_bytes(), type=Running)
        os.kill(found.pid, 0)
    except (FileNotFoundError, ProcessLookupError, PermissionError, msgspec.DecodeError):
        return None  # a process of another user has the number since
    return found


@dataclass
class _Child:
    """One supervised process; it is started again, after a growing pause, when it ends unasked."""

    name: str
    arguments: Sequence[str]
    environment: dict[str, str]
    log_file: Path | None
    stop_within_s: float = _STOP_WITHIN_S
    process: asyncio.subprocess.Process | None = None
    failures: int = 0
    #: it was told to end so that it takes up the app anew
    reloads: bool = False

    async def start(self) -> asyncio.subprocess.Process:
        """Start the process; it ends with this one."""
        command = [*_COMMAND, *self.arguments]
        with contextlib.ExitStack() as files:
            errors = None if self.log_file is None else files.enter_context(self.log_file.open("ab"))
            self.process = await asyncio.create_subprocess_exec(
                *command,
                env=self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then ends the others in order
                preexec_fn=die_with_parent(),
            )
        return self.process

    async def supervise(self) -> None:
        while True:
            started = time.monotonic()
            process = self.process or await self.start()
            code = await process.wait()
            self.failures = 0 if time.monotonic() - started > _LONGEST_BACKOFF_S else self.failures + 1
            pause = min(_LONGEST_BACKOFF_S, 0.1 * 2**self.failures)
            if self.reloads and code == 0:
                self.failures, pause = 0, 0.0
                _LOG.info("stack.process_reloads", name=self.name)
            else:
                _LOG.warning("stack.process_ended", name=self.name, exit_code=code, restart_in_s=pause)
            self.reloads = False
            self.process = None
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        process = self.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(self.stop_within_s):
                await process.wait()
        except TimeoutError:
            _LOG.warning("stack.process_killed", name=self.name, after_s=self.stop_within_s)
            process.kill()
            await process.wait()

    def last_words(self) -> str:
        """The end of the process's log, for an error message."""
        if self.log_file is None or not self.log_file.exists():
            return "see its output above"
        lines = self.log_file.read_text("utf-8", "replace").strip().splitlines()
        return f"{lines[-1] if lines else 'it said nothing'} (whole log: {self.log_file})"


def _make_folders(*folders: Path | None) -> None:
    for folder in folders:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _require_free_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            msg = f"the edge cannot listen on {host}:{port} ({error.strerror}): free it, or set ORCHESTRA_PORT"
            raise SettingError(msg) from None


def _environment(settings: Settings, redis_url: str, auth_token: str, port: int) -> dict[str, str]:
    return os.environ | {
        "ORCHESTRA_REDIS_URL": redis_url,
        "ORCHESTRA_DATA_DIR": str(settings.data_dir),
        "ORCHESTRA_APP": settings.app,
        **({"ORCHESTRA_API_TOKEN": api_token} if (api_token := settings.api_token.get_secret_value()) else {}),
        **({"ORCHESTRA_DIAL_TOKEN": dial_token} if (dial_token := settings.dial_token.get_secret_value()) else {}),
        "ORCHESTRA_DIAL_PREFIXES": settings.dial_prefixes,
        "ORCHESTRA_TWILIO_AUTH_TOKEN": auth_token,
        "ORCHESTRA_TWILIO_ACCOUNT_SID": settings.twilio_account_sid,
        "ORCHESTRA_TWILIO_API_URL": settings.twilio_api_url,
        "ORCHESTRA_TWILIO_NUMBER": settings.twilio_number,
        "ORCHESTRA_HOST": settings.host,
        "ORCHESTRA_PORT": str(port),
        "ORCHESTRA_DRAIN_S": str(settings.drain_s),
        "ORCHESTRA_LOG_FORMAT": settings.log_format,
        "ORCHESTRA_ARCHIVE_URL": settings.archive,
        "ORCHESTRA_ARCHIVE_FLUSH_S": str(settings.archive_flush_s),
    }


def workers_of(settings: Settings) -> tuple[str, ...]:
    """The workers of a stack: those that every call needs, those whose server is set, the archive where it can run."""
    servers = (
        ("logging", settings.openobserve_url),
        ("telemetry", settings.otlp_url),
        ("curator", settings.label_studio_url),
    )
    archive = ("archive",) if importlib.util.find_spec("pyarrow") and importlib.util.find_spec("fsspec") else ()
    return (*WORKERS, *(name for name, url in servers if url), *archive)


def _children(
    workers: Sequence[str], environment: dict[str, str], logs: Path | None, *, edges: int, drain_s: float
) -> list[_Child]:
    """The workers, then the edges; several edges share one port."""

    def child(name: str, *arguments: str, **more: str) -> _Child:
        return _Child(name, arguments, environment | more, None if logs is None else logs / f"{name}.log")

    def edge(name: str, **more: str) -> _Child:
        made = child(name, "edge", **more)
        made.stop_within_s += drain_s
        return made

    others = [child(name, "worker", name) for name in workers]
    if edges == 1:
        return [*others, edge("edge")]
    names = [f"edge-{number}" for number in range(1, edges + 1)]
    return [*others, *(edge(name, ORCHESTRA_EDGE_NAME=name, ORCHESTRA_SHARE_PORT="1") for name in names)]


@contextlib.asynccontextmanager
async def stack(
    settings: Settings,
    *,
    logs: Path | None = None,
    edges: int = 1,
    watched: Path | None = None,
    workers: Sequence[str] | None = None,
) -> AsyncIterator[Running]:
    """Start everything a call needs, wait until it is ready, and end it all with the block.

    Args:
        settings: with no ``redis_url`` an embedded server is started in ``data_dir``; with ``port`` 0 the edge takes
            a free one; with no ``twilio_auth_token`` one is made up for this run.
        logs: folder for one log file a process; without it they write to this process's standard error.
        edges: so many edge processes, which share one port.
        watched: folder of the app's files; whenever one of them changes, the workers are started anew and the edges
            read the app anew.
        workers: which workers; those of `workers_of` unless given.

    Raises:
        SettingError: the edge's port is in use.
        ServerError: the Redis server is not there or is another's.
        OrchestraError: a process did not become ready; the message has its last words.

    """
    _make_folders(settings.data_dir, logs)
    port = settings.port or _free_port(settings.host)
    _require_free_port(settings.host, port)
    async with contextlib.AsyncExitStack() as parts:
        redis_url = settings.redis_url
        if redis_url is None:
            server = EmbeddedServer(settings.data_dir, port=settings.embedded_port)
            redis_url = (await parts.enter_async_context(server)).url
            keeping = asyncio.create_task(server.keep_running(), name="supervise server")
            parts.push_async_callback(_cancel_all, [keeping])
        auth_token = settings.twilio_auth_token.get_secret_value() or secrets.token_hex(16)
        environment = _environment(settings, redis_url, auth_token, port)
        working = workers_of(settings) if workers is None else tuple(workers)
        children = _children(working, environment, logs, edges=edges, drain_s=settings.drain_s)
        parts.push_async_callback(_stop_all, children)
        for child in children:
            await child.start()
        started = Running(
            url=f"http://{settings.host}:{port}",
            auth_token=auth_token,
            redis_url=redis_url,
            pid=os.getpid(),
            edges={child.name: child.process.pid for child in _edges_of(children) if child.process is not None},
        )
        await _wait_until_ready(settings.model_copy(update={"redis_url": redis_url}), started, children, working)
        supervisors = [asyncio.create_task(child.supervise(), name=f"supervise {child.name}") for child in children]
        if watched is not None:
            reloading = reload_on_change(watched, settings.app, partial(_reload, children))
            supervisors.append(asyncio.create_task(reloading, name="reload"))
        parts.push_async_callback(_cancel_all, supervisors)
        _write_note(settings, started)
        parts.callback(_note(settings).unlink, missing_ok=True)
        yield started


def _write_note(settings: Settings, started: Running) -> None:
    write_atomically(_note(settings), msgspec.json.encode(started), mode=0o600)


async def _cancel_all(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _reload(children: Sequence[_Child]) -> None:
    """End the processes that run the app's agents and tools, or redact as it says; their supervisors start them again.

    The edges keep their calls: they read the app anew, for the calls that come.
    """
    for edge in _edges_of(children):
        if edge.process is not None and edge.process.returncode is None:
            edge.process.send_signal(signal.SIGHUP)
    running = [child for child in children if child.name in _RUN_THE_APP]
    for child in running:
        child.reloads = True
    await asyncio.gather(*(child.stop() for child in running))


async def _stop_all(children: Sequence[_Child]) -> None:
    # the edge first, so that running calls still have their workers while it drains; the archive last, for all they say
    edges = _edges_of(children)
    last = [child for child in children if child.name == "archive"]
    await asyncio.gather(*(child.stop() for child in edges))
    await asyncio.gather(*(child.stop() for child in children if child not in (*edges, *last)))
    await asyncio.gather(*(child.stop() for child in last))


def _edges_of(children: Sequence[_Child]) -> list[_Child]:
    return [child for child in children if child.arguments[0] == "edge"]


async def _wait_until_ready(
    settings: Settings, started: Running, children: Sequence[_Child], workers: Sequence[str]
) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    answered: set[str] = set()
    bus = await Bus.connect(settings)
    try:
        # a new connection each time: which of the edges takes it is the kernel's choice
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=started.url, timeout=2.0, limits=limits) as http:
            while not (
                await _edges_answer(http, answered, len(started.edges)) and await _workers_own_all(bus, workers)
            ):
                for child in children:
                    if child.process is not None and child.process.returncode is not None:
                        msg = f"{child.name} ended at start: {child.last_words()}"
                        raise _error_of(child.process.returncode)(msg)
                if time.monotonic() > deadline:
                    msg = f"not ready after {_READY_WITHIN_S:.0f} s; " + "; ".join(
                        f"{child.name}: {child.last_words()}" for child in children
                    )
                    raise ServerError(msg)
                await asyncio.sleep(0.05)
    finally:
        await bus.close()


def _error_of(exit_code: int) -> type[OrchestraError]:
    """What a process that ended at start has met: 2 is what the operator must change, as it said itself."""
    return UsageError if exit_code == 2 else OrchestraError  # noqa: PLR2004 - the command's own code


async def _edges_answer(http: httpx.AsyncClient, answered: set[str], edges: int) -> bool:
    try:
        answer = await http.get("/healthz")
    except httpx.TransportError:
        return False
    if answer.status_code == httpx.codes.OK:
        answered.add(answer.json()["edge"])
    return len(answered) >= edges


async def _workers_own_all(bus: Bus, workers: Sequence[str]) -> bool:
    owned = {(group.group, group.partition) for group in await bus.groups() if group.owner}
    return all((name, partition) in owned for name in workers for partition in range(bus.partitions))


async def until_signalled() -> None:
    """Return at the first SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
