"""The `orchestra` command: one file or folder per command; heavy imports are inside the command that needs them."""

import os
import sys
import traceback
from importlib import import_module
from types import TracebackType
from typing import Annotated, NoReturn

import typer
from rich.text import Text

from orchestra.cli.ui.terminal import Terminal, complain, say
from orchestra.errors import OrchestraError, ServerError, UsageError
from orchestra.version import package_version

#: every file that a command, a worker or an edge makes holds what people said, or a key: nobody else may read it
_OURS_ALONE = 0o077

app = typer.Typer(
    name="orchestra",
    help="Phone calls answered by a team of AI agents, kept as an ordered, replayable stream of events.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(package_version())
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


_COMMANDS = (
    "demo",
    "init",
    "up",
    "call",
    "talk",
    "dial",
    "campaign",
    "edge",
    "sip",
    "console",
    "widget_key",
    "worker",
    "new_consumer",
    "tail",
    "calls",
    "archive",
    "query",
    "report",
    "versions",
    "monitor",
    "compare",
    "replay",
    "evaluate",
    "judge",
    "simulate",
    "load",
    "curate",
    "webhooks",
    "status",
    "dead",
    "group",
    "trim",
    "partitions",
    "forget",
    "hold",
    "openobserve",
    "schema",
    "deploy",
    "doctor",
)
for _command in _COMMANDS:
    import_module(f"orchestra.cli.{_command}").register(app)


def main() -> None:
    """Run the command line. An error is one line; exit code 2 if the operator must change something, otherwise 1."""
    os.umask(_OURS_ALONE)
    sys.excepthook = _unexpected
    try:
        app()
    except OrchestraError as error:
        _exit_with(error)
    except ExceptionGroup as group:
        # of parts that ran side by side
        expected, others = group.split(OrchestraError)
        if expected is None or others is not None:
            raise
        _exit_with(_first(expected))
    except Exception as error:
        told = _of_redis(error)
        if told is None:
            raise
        _exit_with(told)


def _of_redis(error: Exception) -> OrchestraError | None:
    """An error of the Redis server in words; None for any other error."""
    known = sys.modules.get("redis.exceptions")  # what was not imported has raised nothing
    if known is None or not isinstance(error, known.RedisError):
        return None
    from orchestra.bus.redis.refusal import describe_error

    return ServerError(f"the Redis server does not do it: {describe_error(error)}")


def _unexpected(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    """Print a traceback with secrets removed: it may quote messages of other libraries, URLs and callers' words."""
    complain("".join(traceback.format_exception(kind, error, at)).rstrip())


def _first(group: ExceptionGroup[OrchestraError]) -> OrchestraError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error


def _exit_with(error: OrchestraError) -> NoReturn:
    Terminal(stderr=True, soft_wrap=True).print(Text.assemble(("orchestra:", "bold red"), f" {error}"))
    sys.exit(2 if isinstance(error, UsageError) else 1)
