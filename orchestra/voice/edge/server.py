"""The process of an edge: its socket, its server, and its end."""

import contextlib
from functools import partial

import structlog

from orchestra.app_phrases import EdgeLines
from orchestra.async_tasks import end_signal
from orchestra.bus import Bus
from orchestra.bus.redis.server_checks import check_server
from orchestra.bus.worker.process import tune_gc
from orchestra.child_process import on_one_core
from orchestra.settings import Settings
from orchestra.voice.carriers.port import LONGEST_MESSAGE
from orchestra.voice.carriers.registry import open_carriers
from orchestra.voice.edge.app_reload import reload_on_sighup
from orchestra.voice.edge.drain import drain
from orchestra.voice.edge.edge import open_edge
from orchestra.voice.edge.http import create_app
from orchestra.voice.engines import load_engines
from orchestra.web_server.connections import raise_open_files
from orchestra.web_server.server import listen, serving

_LOG = structlog.get_logger("orchestra.voice")


async def run_edge(settings: Settings, lines: EdgeLines) -> None:
    """Run an edge until SIGTERM or SIGINT. Then it takes no more calls, gives the running ones time to end, and exits.

    On SIGHUP it loads the app again.

    Raises:
        UsageError: the operator must change something: an address in use, no server, a missing setting, extra or model.

    """
    for carrier in open_carriers(settings):
        carrier.check_settings()  # before anything slow
    raise_open_files()
    listener = listen(settings.host, settings.port, shared=settings.share_port)
    settings = settings.model_copy(update={"port": listener.getsockname()[1]})
    with contextlib.closing(listener):
        bus = await Bus.connect(settings)
        try:
            await check_server(bus)
            _ = bus.sealing  # an app that cannot be loaded for it is reported now, not in a call
            with on_one_core():
                engines = await load_engines(settings)
            edge = open_edge(settings, bus, engines, lines)
            tune_gc()
            ended = end_signal()
            async with serving(create_app(edge), listener, longest_message=LONGEST_MESSAGE) as server:
                _LOG.info("edge.ready", url=edge.public_url, engines=engines.name, max_calls=settings.max_calls)
                with reload_on_sighup(edge):
                    await ended.wait()
                await drain(edge, server, partial(listen, settings.host, settings.port, shared=True))
            await engines.close()
        finally:
            await bus.close()
    _LOG.info("edge.stopped")
