"""A running edge loads its app again on SIGHUP: `orchestra up --reload` sends it, and an operator may."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from orchestra.app_phrases import load_edge_lines
from orchestra.errors import AppError, SettingError
from orchestra.voice.edge.edge import Edge

_LOG = structlog.get_logger("orchestra.voice")


@contextmanager
def reload_on_sighup(edge: Edge) -> Iterator[None]:
    """Load the app again at every SIGHUP while the block runs; running calls keep what they have."""
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()
    one_at_a_time = asyncio.Lock()  # or a slow load would bring back what a later one has replaced

    async def reload() -> None:
        async with one_at_a_time:
            try:
                lines = await load_edge_lines(edge.settings.app)
                await edge.use_app(lines)
            except (AppError, SettingError) as error:
                _LOG.error("edge.app_not_read", app=edge.settings.app, problem=str(error))
                return
            for app in lines.apps:
                _LOG.info("edge.app_read", app=app.name, version=app.version)

    def begin() -> None:
        task = loop.create_task(reload(), name="reload the app")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, begin)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        for task in tasks:
            task.cancel()
