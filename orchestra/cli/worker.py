"""`orchestra worker`: run consumers."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(worker)


def worker(
    consumers: Annotated[list[str], typer.Argument(help="Consumers by name, or as module:attribute.")],
    health_port: Annotated[
        int | None, typer.Option("--health-port", help="Serve /healthz and /metrics on this port.")
    ] = None,
    health_host: Annotated[
        str, typer.Option("--health-host", help="Address of that port. 0.0.0.0: reachable from other machines.")
    ] = "127.0.0.1",
    reload: Annotated[
        bool, typer.Option("--reload", help="Restart whenever a .py file below this directory changes.")
    ] = False,
) -> None:
    """Run consumers in this process until SIGTERM or Ctrl-C, then release their partitions.

    The platform's own are orchestration, execution, persistence, archive, logging, telemetry, analysis, curator and
    webhooks. Packages
    offer others as entry points of the group "orchestra.consumers".
    """
    import uvloop

    from orchestra.bus.worker.process import load_consumer, run_worker
    from orchestra.log import configure_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    if reload:
        from orchestra.reload import run_reloading

        configure_logging(settings, "worker.reload")
        port = [] if health_port is None else ["--health-port", str(health_port), "--health-host", health_host]
        raise typer.Exit(uvloop.run(run_reloading(["worker", *consumers, *port], Path.cwd())))
    loaded = [load_consumer(name) for name in consumers]
    configure_logging(settings, "worker." + "+".join(consumer.name for consumer in loaded))
    uvloop.run(run_worker(loaded, settings, health_port=health_port, health_host=health_host))
