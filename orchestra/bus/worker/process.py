"""A worker process: finds consumers by name and runs them until a signal ends it."""

import asyncio
import atexit
import gc
import importlib
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import structlog

from orchestra.bus.bus import Bus
from orchestra.bus.consumer.definition import PLATFORM, Consumer
from orchestra.bus.redis.server_checks import check_server
from orchestra.bus.worker.health import Health
from orchestra.bus.worker.presence import announced
from orchestra.bus.worker.runtime import ConsumerRuntime, worker_name
from orchestra.errors import ConsumerError, SettingError
from orchestra.import_hints import renamed
from orchestra.settings import Settings

_LOG = structlog.get_logger("orchestra.bus")
ENTRY_POINTS = "orchestra.consumers"


def load_consumer(name: str) -> Consumer:
    """The consumer ``module:attribute`` (also of a module in the current folder), or an entry point's.

    Orchestra's own consumers are entry points, like ``orchestration``; 0.1 called it
    ``workers.orchestration:consumer``, which still works.

    Raises:
        ConsumerError: there is no such module, attribute or entry point, or it is not a `Consumer`.

    """
    here = str(Path.cwd())
    module_name, _, attribute = _in_full(name, Path(here)).partition(":")
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if hint := renamed(error.name):
            msg = f"{name}: {hint}"
            raise ConsumerError(msg) from error
        if error.name is None or not (module_name + ".").startswith(error.name + "."):
            raise  # the module exists, and something that it imports does not
        msg = f"there is no module {module_name!r} (looked in {here} and the installed packages)"
        raise ConsumerError(msg) from None
    consumer = getattr(module, attribute, None)
    if not isinstance(consumer, Consumer):
        found = f"is a {type(consumer).__name__}" if hasattr(module, attribute) else "does not exist"
        msg = f"{name}: {attribute!r} {found}; it must be an orchestra.Consumer"
        raise ConsumerError(msg)
    return consumer


def _in_full(name: str, here: Path) -> str:
    """``module:attribute`` for any name of a consumer."""
    room, _, platform = name.removesuffix(":consumer").partition(".")
    theirs = any((here / path).exists() for path in ("workers.py", f"workers/{platform}.py"))
    if room == "workers" and platform in PLATFORM and not theirs:
        return _entry_point(platform)
    return name if ":" in name else _entry_point(name)


def _is_ours(offer: EntryPoint) -> bool:
    return offer.dist is not None and offer.dist.name == "orchestra-voice"


def _entry_point(name: str) -> str:
    offered = sorted(entry_points(group=ENTRY_POINTS), key=_is_ours)
    known = {each.name: each.value for each in offered}  # no other package takes a name of the platform's own
    if name not in known:
        msg = (
            f"there is no consumer {name!r}: write module:attribute, like mood:consumer, or one of the names that"
            f" installed packages offer: {', '.join(sorted(known))}"
        )
        raise ConsumerError(msg)
    return known[name]


def tune_gc() -> None:
    """Let the garbage collector run rarely, and skip everything that exists now.

    A worker makes many short-lived objects, and the bus leaves no reference cycles among them. Cycles that handlers
    leave are found after 2,000,000 new objects at the latest.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # what stays frozen to the end, extension modules report as leaked
    gc.set_threshold(20_000, 10, 10)


async def run_worker(
    consumers: Sequence[Consumer],
    settings: Settings,
    *,
    health_port: int | None = None,
    health_host: str = "127.0.0.1",
) -> None:
    """Run consumers until SIGTERM or SIGINT, or until one of them fails.

    With ``health_port`` the process serves ``/healthz`` and ``/metrics`` on that port; 0 is any free one (see the log).

    Raises:
        ServerError: there is no server, or it cannot keep calls.
        ConsumerError: two consumers have the same name, or one has the name of another's group.
        SettingError: the address for health is in use.

    """
    names = [consumer.name for consumer in consumers]
    if len(set(names)) != len(names):
        msg = f"two consumers of one process have the same name: {names}"
        raise ConsumerError(msg)
    for consumer in consumers:
        consumer.check()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    bus = await Bus.connect(settings)
    worker = worker_name()
    runtimes = [ConsumerRuntime(consumer, bus, worker=worker) for consumer in consumers]
    health = Health(bus, runtimes, health_port or 0, health_host)
    present = announced(bus, "worker", worker, health.report)
    try:
        await check_server(bus)
        _ = bus.sealing  # an app that cannot be loaded for it is reported now
        if health_port is not None:
            await _listen(health)
        server = f"{bus.facts.product} {bus.facts.version} at {bus.servers.name}"
        _LOG.info("worker.started", worker=worker, consumers=names, server=server)
        tune_gc()
        async with present, asyncio.TaskGroup() as group:
            for runtime in runtimes:
                group.create_task(runtime.run(stop))
        _LOG.info("worker.stopped", worker=worker)
    finally:
        await health.close()
        await bus.close()


async def _listen(health: Health) -> None:
    try:
        await health.start()
    except OSError as error:
        msg = (
            f"cannot listen on {health.host}:{health.port} for /healthz and /metrics: {error.strerror}; choose another"
        )
        raise SettingError(msg) from error
    _LOG.info("worker.health", url=f"http://{health.host}:{health.port}/healthz")
