"""A worker process: consumers found by name, run side by side, ended by a signal."""

import asyncio
import importlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from orchestra.bus.bus import Bus
from orchestra.bus.consumer import Consumer
from orchestra.bus.engine import run_consumer, worker_name
from orchestra.errors import ConsumerError
from orchestra.settings import Settings

_LOG = structlog.get_logger("orchestra.bus")


def load_consumer(place: str) -> Consumer:
    """The consumer at ``module:attribute``; modules of the present folder are found too.

    Raises:
        ConsumerError: there is no such module or attribute, or it is no `Consumer`.

    """
    module_name, _, attribute = place.partition(":")
    if not module_name or not attribute:
        msg = f"name a consumer as module:attribute, like workers.execution:consumer, not {place!r}"
        raise ConsumerError(msg)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name + ".").startswith(error.name + "."):
            raise  # the module is there, and something that it imports is not
        msg = f"there is no module {module_name!r} (looked in {here} and the installed packages)"
        raise ConsumerError(msg) from None
    consumer = getattr(module, attribute, None)
    if not isinstance(consumer, Consumer):
        found = f"is a {type(consumer).__name__}" if hasattr(module, attribute) else "is not there"
        msg = f"{place}: {attribute!r} {found}; it must be an orchestra.Consumer"
        raise ConsumerError(msg)
    return consumer


async def run_worker(consumers: Sequence[Consumer], settings: Settings) -> None:
    """Run consumers until SIGTERM or SIGINT, or until one of them fails.

    Raises:
        ServerError: there is no server.
        ConsumerError: two consumers have the same name.

    """
    names = [consumer.name for consumer in consumers]
    if len(set(names)) != len(names):
        msg = f"two consumers of one process have the same name: {names}"
        raise ConsumerError(msg)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    bus = await Bus.connect(settings)
    try:
        worker = worker_name()
        _LOG.info(
            "worker.started",
            worker=worker,
            consumers=names,
            server=f"{bus.facts.product} {bus.facts.version} at {bus.servers.name}",
        )
        async with asyncio.TaskGroup() as group:
            for consumer in consumers:
                group.create_task(run_consumer(consumer, bus, worker=worker, stop=stop))
        _LOG.info("worker.stopped", worker=worker)
    finally:
        await bus.close()
