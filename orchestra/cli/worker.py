"""`orchestra worker`: run consumers."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(worker)


def worker(
    consumers: Annotated[list[str], typer.Argument(help="What to run, each as module:attribute.")],
) -> None:
    """Run consumers in this process until it is told to stop (SIGTERM, Ctrl-C); then hand their partitions over."""
    import uvloop

    from orchestra.bus.process import load_consumer, run_worker
    from orchestra.log import configure_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    loaded = [load_consumer(name) for name in consumers]
    configure_logging(settings, "worker." + "+".join(consumer.name for consumer in loaded))
    uvloop.run(run_worker(loaded, settings))
