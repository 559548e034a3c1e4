"""Starts and stops the whole system on one machine: server, workers and edges as separate processes."""

import asyncio
import contextlib
import importlib.util
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import structlog
from pydantic import SecretStr

from orchestra.agents.loader import load_lines
from orchestra.bus import Bus, EmbeddedServer
from orchestra.console.address import local_address
from orchestra.errors import SettingError
from orchestra.reload import reload_on_change
from orchestra.secret_files import FILE
from orchestra.settings import Settings
from orchestra.stack.child import ChildProcess
from orchestra.stack.readiness import wait_until_ready, worker_joined
from orchestra.stack.run_file import RunningStack, run_file, write_run_file
from orchestra.stack.sip_ports import with_sip_ports

_LOG = structlog.get_logger("orchestra.stack")

#: the consumers that every call needs, each in its own process
WORKERS = ("orchestration", "execution", "persistence")
#: the consumers that load the app
_RUN_THE_APP = ("orchestration", "execution", "logging", "telemetry", "webhooks", "analysis")


@contextlib.asynccontextmanager
async def stack(
    settings: Settings,
    *,
    logs: Path | None = None,
    edges: int = 1,
    watched: Path | None = None,
    workers: Sequence[str] | None = None,
    console: bool = False,
) -> AsyncIterator[RunningStack]:
    """Start everything that a call needs, wait until it is ready, and stop it when the block ends.

    Args:
        settings: with no ``redis_url`` an embedded server is started in ``data_dir``; with ``port`` 0 the edge gets
            a free one; without a ``twilio_auth_token`` one is generated for this run. With ``sip`` a SIP gateway is
            started, too; port 0 in ``sip_listen`` and ``sip_url`` becomes a free one, as in ``console_port``.
        logs: folder for a log file of each process; without it they write to this process's standard error.
        edges: number of edge processes; they share one port.
        watched: folder of the app's files; whenever one of them changes, the workers are restarted and the edges
            load the app again.
        workers: names of the workers; those of `workers_of` unless given.
        console: whether the console is started, too.

    Raises:
        SettingError: the port of the edge or the console is in use.
        ServerError: the Redis server cannot be reached, or belongs to something else.
        OrchestraError: a process did not become ready; the message has its last words.

    """
    _make_folders(settings.data_dir, logs)
    port = settings.port or _free_port(settings.host)
    _require_free_port("the edge", settings.host, port, "ORCHESTRA_PORT")
    settings = with_sip_ports(settings)
    if console:
        settings = _with_console_port(settings)
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
        children = _children(settings, working, environment, logs, edges=edges, console=console)
        parts.push_async_callback(_stop_all, children)
        for child in children:
            await child.start()
        started = RunningStack(
            url=f"http://{settings.host}:{port}",
            auth_token=auth_token,
            redis_url=redis_url,
            pid=os.getpid(),
            edges={child.name: child.process.pid for child in _edges_of(children) if child.process is not None},
            sip=settings.sip_listen if settings.sip else "",
            console=local_address(settings) if console else "",
        )
        connected = settings.model_copy(update={"redis_url": redis_url})
        await wait_until_ready(connected, started, children, working)
        supervisors = [asyncio.create_task(child.supervise(), name=f"supervise {child.name}") for child in children]
        if watched is not None:
            reloading = reload_on_change(watched, settings.app, partial(_reload, connected, children))
            supervisors.append(asyncio.create_task(reloading, name="reload"))
        parts.push_async_callback(_cancel_all, supervisors)
        write_run_file(settings, started)
        parts.callback(run_file(settings).unlink, missing_ok=True)
        yield started


def workers_of(settings: Settings) -> tuple[str, ...]:
    """The workers of a stack.

    Those that every call needs, the analysis where an app asks for it, those whose server is set, and the archive if
    installed.

    Raises:
        AppError: the app of the settings cannot be loaded.

    """
    servers = (
        ("logging", settings.openobserve_url),
        ("telemetry", settings.otlp_url),
        ("curator", settings.label_studio_url),
        ("webhooks", settings.webhooks),
    )
    archive = ("archive",) if importlib.util.find_spec("pyarrow") and importlib.util.find_spec("fsspec") else ()
    analysis = ("analysis",) if any(app.after for app in load_lines(settings.app).apps) else ()
    return (*WORKERS, *analysis, *(name for name, url in servers if url), *archive)


def _children(
    settings: Settings,
    workers: Sequence[str],
    environment: dict[str, str],
    logs: Path | None,
    *,
    edges: int,
    console: bool,
) -> list[ChildProcess]:
    """The workers, the console, the monitors and the SIP gateway, then the edges; several edges share one port."""

    def child(name: str, *arguments: str, **more: str) -> ChildProcess:
        return ChildProcess(name, arguments, environment | more, None if logs is None else logs / f"{name}.log")

    def edge(name: str, **more: str) -> ChildProcess:
        made = child(name, "edge", **more)
        made.stop_within_s += settings.drain_s
        return made

    others = [child(name, "worker", name) for name in workers]
    if console:
        others.append(child("console", "console"))
    if settings.monitors is not None:
        others.append(child("monitor", "monitor"))
    if settings.sip:
        # its calls end with those of the edges
        gateway = child("sip", "sip", ORCHESTRA_SIP_DRAIN_S=str(settings.drain_s))
        gateway.stop_within_s += settings.drain_s
        others.append(gateway)
    if edges == 1:
        return [*others, edge("edge")]
    names = [f"edge-{number}" for number in range(1, edges + 1)]
    return [*others, *(edge(name, ORCHESTRA_EDGE_NAME=name, ORCHESTRA_SHARE_PORT="1") for name in names)]


def _make_folders(*folders: Path | None) -> None:
    for folder in folders:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _with_console_port(settings: Settings) -> Settings:
    port = settings.console_port or _free_port(settings.console_host)
    _require_free_port("the console", settings.console_host, port, "ORCHESTRA_CONSOLE_PORT")
    return settings.model_copy(update={"console_port": port})


def _require_free_port(server: str, host: str, port: int, setting: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            msg = f"{server} cannot listen on {host}:{port} ({error.strerror}): free it, or set {setting}"
            raise SettingError(msg) from None


def _environment(settings: Settings, redis_url: str, auth_token: str, port: int) -> dict[str, str]:
    given = {
        "ORCHESTRA_REDIS_URL": redis_url,
        "ORCHESTRA_REDIS_PASSWORD": "",  # it is in the URL
        "ORCHESTRA_DATA_DIR": str(settings.data_dir),
        "ORCHESTRA_APP": settings.app,
        **({"ORCHESTRA_API_TOKEN": api_token} if (api_token := settings.api_token.get_secret_value()) else {}),
        **({"ORCHESTRA_DIAL_TOKEN": dial_token} if (dial_token := settings.dial_token.get_secret_value()) else {}),
        "ORCHESTRA_DIAL_PREFIXES": settings.dial_prefixes,
        **_carrier(settings),
        "ORCHESTRA_TWILIO_AUTH_TOKEN": auth_token,
        "ORCHESTRA_HOST": settings.host,
        "ORCHESTRA_PORT": str(port),
        "ORCHESTRA_CONSOLE_HOST": settings.console_host,
        "ORCHESTRA_CONSOLE_PORT": str(settings.console_port),
        "ORCHESTRA_CONSOLE_URL": settings.console_url or "",
        **({"ORCHESTRA_CONSOLE_TOKENS": str(settings.console_tokens)} if settings.console_tokens else {}),
        **({"ORCHESTRA_MONITORS": str(settings.monitors)} if settings.monitors is not None else {}),
        "ORCHESTRA_SIP": str(settings.sip),
        "ORCHESTRA_SIP_LISTEN": settings.sip_listen,
        "ORCHESTRA_SIP_URL": settings.sip_url,
        "ORCHESTRA_SIP_TRUNK": settings.sip_trunk,
        "ORCHESTRA_DRAIN_S": str(settings.drain_s),
        "ORCHESTRA_LOG_FORMAT": settings.log_format,
        "ORCHESTRA_ARCHIVE_URL": settings.archive,
        "ORCHESTRA_ARCHIVE_FLUSH_S": str(settings.archive_flush_s),
    }
    # what was read from a file is given as a value
    return {name: value for name, value in os.environ.items() if name.upper().removesuffix(FILE) not in given} | given


def _carrier(settings: Settings) -> dict[str, str]:
    """The settings of the carrier."""
    named = {name: getattr(settings, name) for name in Settings.model_fields if name.startswith(f"{settings.carrier}_")}
    return {
        "ORCHESTRA_CARRIER": settings.carrier,
        **{
            f"ORCHESTRA_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in named.items()
        },
    }


async def _cancel_all(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _reload(settings: Settings, children: Sequence[ChildProcess]) -> None:
    """Replace the processes that run the app's agents and tools or apply its redaction, as a deploy does.

    New ones begin beside the old ones, which end when the new ones do their part: no caller waits for a process to
    start. Then the edges, which keep their calls, load the app again for new ones.
    """
    running = [child for child in children if child.name in _RUN_THE_APP]
    bus = await Bus.connect(settings)
    try:
        replaced = await asyncio.gather(*(child.replace(partial(worker_joined, bus)) for child in running))
    finally:
        await bus.close()
    for child in (child for child, done in zip(running, replaced, strict=True) if not done):
        _LOG.error("stack.process_not_replaced", name=child.name, problem=child.last_words())
    for edge in _edges_of(children) if all(replaced) else ():
        if edge.process is not None and edge.process.returncode is None:
            edge.process.send_signal(signal.SIGHUP)


async def _stop_all(children: Sequence[ChildProcess]) -> None:
    # what takes calls first, so that running ones have workers while they drain; the archive last, to store the rest
    taking = [child for child in children if child.arguments[0] in ("edge", "sip")]
    last = [child for child in children if child.name == "archive"]
    await asyncio.gather(*(child.stop() for child in taking))
    await asyncio.gather(*(child.stop() for child in children if child not in (*taking, *last)))
    await asyncio.gather(*(child.stop() for child in last))


def _edges_of(children: Sequence[ChildProcess]) -> list[ChildProcess]:
    return [child for child in children if child.arguments[0] == "edge"]
