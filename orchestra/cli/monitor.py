"""`orchestra monitor`: watch figures over many calls, and tell when one is wrong and when it is right again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestra.cli.ui.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestra.monitoring.look import Figure
    from orchestra.monitoring.monitor import Monitor
    from orchestra.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(monitor)


def monitor(
    file: Annotated[
        Path | None,
        typer.Argument(help="Monitors as TOML. Default: ORCHESTRA_MONITORS, or the built-in ones."),
    ] = None,
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Look once and print the figures; exit code 1 if one is wrong. For cron.")
    ] = False,
) -> None:
    """Watch figures over many calls until Ctrl-C: alarms are log lines and events, and reach webhooks."""
    import asyncio

    import uvloop

    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.log import configure_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    with needs_extra("analysis"):
        from orchestra.monitoring.monitor import read_monitors
        from orchestra.monitoring.watch import look_once
    file = file or settings.monitors
    monitors = read_monitors(file)
    _check_commands(monitors)
    if once:
        found = asyncio.run(look_once(monitors, settings))
        _print(found)
        wrong = [figure.value is not None and each.is_wrong(figure.value) for each, figure in found]
        unknown = [figure.value is None and figure.about and not figure.of for _, figure in found]
        raise typer.Exit(1 if any(wrong) or any(unknown) else 0)
    configure_logging(settings, "monitor")
    uvloop.run(_watch(monitors, settings, "" if file is None else str(file.absolute())))


def _check_commands(monitors: "Sequence[Monitor]") -> None:
    """A command that there is not would raise an alarm at every look, as if what it tries were down."""
    from orchestra.cli import app
    from orchestra.errors import UsageError

    for each in monitors:
        found: object = typer.main.get_group(app)
        words = each.arguments if each.run else []
        for number, word in enumerate(words, 1):
            found = getattr(found, "commands", {}).get(word)
            if found is None:
                msg = f"monitor {each.name}: there is no command `orchestra {' '.join(words[:number])}`"
                raise UsageError(msg)
            if not hasattr(found, "commands"):
                _check_arguments(each, found, words[number - 1 :])
                break
        else:
            if words:
                msg = f"monitor {each.name}: `orchestra {each.run}` is no whole command: say which of its commands"
                raise UsageError(msg)


def _check_arguments(monitor: "Monitor", command: Any, words: "Sequence[str]") -> None:
    """Read the options as the command would, and leave it at that."""
    from typer.exceptions import TyperException

    from orchestra.errors import UsageError

    try:
        with command.make_context(words[0], list(words[1:])):
            pass
    except TyperException as error:
        said = error.format_message() if hasattr(error, "format_message") else str(error)
        msg = f"monitor {monitor.name}: `orchestra {monitor.run}`: {said}"
        raise UsageError(msg) from None


async def _watch(monitors: "Sequence[Monitor]", settings: "Settings", source: str) -> None:
    import asyncio

    from orchestra.async_tasks import end_signal
    from orchestra.bus import Bus
    from orchestra.errors import UsageError
    from orchestra.monitoring.watch import Watch

    ended = asyncio.ensure_future(end_signal().wait())
    bus = await Bus.connect(settings)
    watch = Watch(monitors, settings, bus, source=source)
    watching = asyncio.create_task(watch.run(), name="monitors")
    try:
        await asyncio.wait({ended, watching}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            watching.result()
    except* UsageError as wrong:
        raise wrong.exceptions[0] from None
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await watch.close()
        await bus.close()


def _print(found: "Sequence[tuple[Monitor, Figure]]") -> None:
    from orchestra.cli.ui.table import Column, print_table

    def row(each: "Monitor", figure: "Figure") -> list[str]:
        value, about = figure.value, figure.about
        state = "nothing to tell" if value is None else "WRONG" if each.is_wrong(value) else "well"
        shown = "–" if value is None else f"{value:g}"
        return [each.name, shown, f"{each.side} {each.threshold:g}", state, about or each.about]

    columns = [Column("monitor"), Column("value", right=True), Column("wrong if"), Column("state"), Column("about")]
    print_table(Terminal(), columns, [row(*each) for each in found])
