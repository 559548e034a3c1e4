"""The process of a console: its socket, its server, and its end."""

import contextlib
from collections.abc import Callable

import structlog

from orchestra.async_tasks import end_signal
from orchestra.bus.worker.process import tune_gc
from orchestra.console.console import Console
from orchestra.console.server import create_app
from orchestra.settings import Settings
from orchestra.web_server.connections import raise_open_files
from orchestra.web_server.server import listen, serving

_LOG = structlog.get_logger("orchestra.console")

#: browsers open connections that they may need soon
_REQUEST_WITHIN_S = 60.0


async def run_console(settings: Settings, on_ready: Callable[[Settings], None] = lambda _: None) -> None:
    """Run the console until SIGTERM or SIGINT; then its pages are told, and it stops.

    ``on_ready`` gets the settings with the port that it serves.

    Raises:
        UsageError: the operator must change something: an address in use, a file of tokens.

    """
    raise_open_files()
    listener = listen(
        settings.console_host, settings.console_port, server="the console",
        settings="ORCHESTRA_CONSOLE_HOST or ORCHESTRA_CONSOLE_PORT",
    )  # fmt: skip
    with contextlib.closing(listener):
        settings = settings.model_copy(update={"console_port": listener.getsockname()[1]})
        app = create_app(Console(settings))
        tune_gc()
        ended = end_signal()
        async with serving(app, listener, request_within_s=_REQUEST_WITHIN_S):
            _LOG.info("console.ready", host=settings.console_host, port=settings.console_port)
            on_ready(settings)
            await ended.wait()
            app.state.streams.end_all()
    _LOG.info("console.stopped")
