"""`orchestra console`: the web application in which operators see calls and step into them."""

from typing import TYPE_CHECKING, Annotated

import typer

from orchestra.cli.ui.terminal import Terminal

if TYPE_CHECKING:
    from orchestra.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(console)


def console(
    token: Annotated[
        bool, typer.Option("--token", help="Only print the token with which the owner of this data directory signs in.")
    ] = False,
) -> None:
    """Serve the console until Ctrl-C: a page for browsers to see every call and step into one."""
    import uvloop

    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.cli.ui.terminal import say
    from orchestra.errors import UsageError
    from orchestra.log import configure_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    with needs_extra("console"):
        from orchestra.console.address import owner_token
        from orchestra.console.process import run_console
    if token:
        if settings.console_tokens is not None:
            msg = f"ORCHESTRA_CONSOLE_TOKENS is set: the tokens are those of {settings.console_tokens}"
            raise UsageError(msg)
        say(owner_token(settings))
        return
    configure_logging(settings, "console")
    uvloop.run(run_console(settings, _say_where))


def _say_where(settings: "Settings") -> None:
    """Print the address, to a person only: it may sign its reader in, and a log is read by others."""
    from rich.text import Text

    from orchestra.console.address import sign_in_line

    terminal = Terminal(stderr=True, soft_wrap=True)
    if terminal.is_terminal:
        terminal.print(Text.assemble(("ready  ", "bold green"), sign_in_line(settings)))
