"""The `orchestra` command: one file a command, heavy imports inside the command that needs them."""

import sys
from importlib import import_module

import typer
from rich.console import Console

from orchestra.errors import UsageError

app = typer.Typer(
    name="orchestra",
    help="Phone calls answered by a team of AI agents, kept as an ordered, replayable stream of events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for _command in ("demo", "up", "call", "edge", "worker", "tail", "status", "schema", "doctor"):
    import_module(f"orchestra.cli.{_command}").register(app)


def main() -> None:
    """Run the command line; what the operator must change is said in one line, with exit code 2."""
    try:
        app()
    except UsageError as error:
        Console(stderr=True).print(f"[bold red]orchestra:[/] {error}", highlight=False)
        sys.exit(2)
