"""`orchestra openobserve`: prepares OpenObserve for our events."""

from typing import TYPE_CHECKING

import typer

from orchestra.cli.ui.terminal import say

if TYPE_CHECKING:
    from orchestra.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    group = typer.Typer(help="OpenObserve, which receives events and logs.", no_args_is_help=True)
    group.command()(setup)
    group.callback()(_group)
    app.add_typer(group, name="openobserve")


def _group() -> None:
    """OpenObserve, which receives events and logs."""


def setup() -> None:
    """Create the streams with all their columns, and the dashboard. Safe to run again."""
    import uvloop

    from orchestra.settings import load_settings

    for line in uvloop.run(_setup(load_settings())):
        say(line)


async def _setup(settings: "Settings") -> list[str]:
    from orchestra.telemetry.openobserve import OpenObserve
    from orchestra.telemetry.setup import set_up

    openobserve = OpenObserve(settings)
    try:
        return await set_up(openobserve)
    finally:
        await openobserve.close()
