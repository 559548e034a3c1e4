"""`orchestra up`: the whole system on this machine, until Ctrl-C."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestra.cli.terminal import Terminal

if TYPE_CHECKING:
    from orchestra.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)


def up(
    edges: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Edge processes, all on one port.")] = 1,
    reload: Annotated[
        bool, typer.Option("--reload", help="Take up the app anew whenever a file of it below here changes.")
    ] = False,
) -> None:
    """Start the server, the workers and the edge, and keep them running until Ctrl-C."""
    import uvloop

    from orchestra.agents import load_app
    from orchestra.log import configure_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    load_app(settings.app)  # what is wrong with it is said once, not by each process that needs it
    configure_logging(settings, "up")
    uvloop.run(_up(settings, edges, Path.cwd() if reload else None))


async def _up(settings: "Settings", edges: int, watched: Path | None) -> None:

    from rich.text import Text

    from orchestra.masking import without_secrets
    from orchestra.stack import stack, until_signalled

    console = Terminal(stderr=True, soft_wrap=True)
    console.print("starting server, workers and edge …", style="dim")
    async with stack(settings, edges=edges, watched=watched) as started:
        webhook = f"  webhook  {settings.public_url or started.url}/twilio/voice"
        console.print(Text.assemble(("ready", "bold green"), without_secrets(webhook)))
        console.print(f"       server   {without_secrets(started.redis_url)}")
        console.print('       try      orchestra call --say "Where is my parcel four two seven one?"')
        await until_signalled()
        calls_may = f"calls that run may go on for {settings.drain_s:g} s (ORCHESTRA_DRAIN_S), Ctrl-C ends them now"
        console.print(f"stopping … {calls_may}", style="dim")
