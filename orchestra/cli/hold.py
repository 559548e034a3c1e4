"""`orchestra hold`: calls that are neither forgotten nor deleted when their time is over."""

from typing import TYPE_CHECKING, Annotated

import typer

from orchestra.cli.ui.terminal import say, say_json

if TYPE_CHECKING:
    from orchestra.retention.holds import Hold

hold = typer.Typer(help="Keep calls from being forgotten and from retention: add, list, remove.", no_args_is_help=True)

What = Annotated[
    list[str], typer.Argument(metavar="CALL|NUMBER…", help="Ids of calls, or numbers of people: all their calls.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(hold, name="hold")


@hold.command()
def add(
    what: What, *, reason: Annotated[str, typer.Option("--reason", help="Why: whoever is refused reads it.")]
) -> None:
    """Hold calls; of a number all that there are, and those that come later."""
    import uvloop

    from orchestra.bus import Bus
    from orchestra.forgetting.chosen import calls_with, parse_wanted
    from orchestra.retention.holds import Holds
    from orchestra.settings import load_settings

    wanted = parse_wanted(what)

    async def run() -> int:
        """Hold what is wanted; how many calls these are now."""
        bus = await Bus.connect(load_settings())
        try:
            holds, count = Holds(bus), len(wanted.calls)
            for call in wanted.calls:
                await holds.hold_call(call, reason)
            for party in wanted.parties:
                calls = await calls_with(bus, [party])
                await holds.hold_party(party, calls, reason)
                count += len(calls)
            return count
        finally:
            await bus.close()

    say(f"held calls: {uvloop.run(run())}")


@hold.command("list")
def list_holds(as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False) -> None:
    """List the holds: since when, what, how many calls, why. Numbers are keyed hashes."""
    import uvloop

    from orchestra.bus import Bus
    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.parse_time import shown
    from orchestra.cli.ui.table import columns, print_table
    from orchestra.retention.holds import Holds
    from orchestra.settings import load_settings

    async def run() -> "list[Hold]":
        bus = await Bus.connect(load_settings())
        try:
            return await Holds(bus).every()
        finally:
            await bus.close()

    found = uvloop.run(run())
    if as_json:
        for each in found:
            say_json(each)
    elif found:
        rows = [(shown(each.at), each.what, str(len(each.calls)), each.reason) for each in found]
        print_table(terminal(), columns("since", "what", "calls", "reason", right=("calls",)), rows)
    else:
        say("no calls are held")


@hold.command()
def remove(what: What) -> None:
    """End holds: the calls can be forgotten again, and are deleted when their time is over."""
    import uvloop

    from orchestra.bus import Bus
    from orchestra.forgetting.chosen import parse_wanted
    from orchestra.retention.holds import Holds
    from orchestra.settings import load_settings

    wanted = parse_wanted(what)

    async def run() -> int:
        bus = await Bus.connect(load_settings())
        try:
            return await Holds(bus).release(calls=wanted.calls, parties=wanted.parties)
        finally:
            await bus.close()

    say(f"ended holds: {uvloop.run(run())}")
