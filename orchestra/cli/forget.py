"""`orchestra forget`: removes calls from every store, and says what was where."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestra.cli.ui.terminal import complain, say, say_json
from orchestra.counted import counted
from orchestra.errors import UsageError

if TYPE_CHECKING:
    from orchestra.forgetting.receipt import Receipt


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(forget)


def forget(
    what: Annotated[
        list[str], typer.Argument(metavar="CALL|NUMBER…", help="Ids of calls, or numbers of people: all their calls.")
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what there is.")] = False,
    receipt: Annotated[
        Path | None, typer.Option("--receipt", help="Write the receipt to this file (JSON), too.")
    ] = None,
    past: Annotated[
        list[str] | None,
        typer.Option("--past", help="Do not wait for this group: what it has not handled is lost to it."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The receipt as one JSON object.")] = False,
) -> None:
    """Remove everything of these calls from every store, for good: nothing of them comes back later.

    Calls that are running or held are refused, with exit code 1. The receipt has keyed hashes, no ids and no numbers.
    """
    import uvloop

    from orchestra.bus import Bus
    from orchestra.bus.tombstones import forgotten_at
    from orchestra.cli.ui.parse_time import shown
    from orchestra.cli.ui.write_errors import writing
    from orchestra.forgetting.chosen import parse_wanted
    from orchestra.forgetting.forget import forget as forget_calls
    from orchestra.forgetting.forget import is_nothing
    from orchestra.settings import load_settings

    wanted = parse_wanted(what)

    async def run() -> "tuple[Receipt, list[tuple[str, str]], dict[str, float]]":
        bus = await Bus.connect(load_settings())
        try:
            before = await forgotten_at(bus, wanted.calls)
            return *await forget_calls(bus, wanted, dry_run=dry_run, past=past or (), say=complain), before
        finally:
            await bus.close()

    made, refused, before = uvloop.run(run())
    if is_nothing(made) and len(before) < len(what):
        msg = f"nothing is kept of {' and '.join(each for each in what if each not in before)}"
        raise UsageError(msg)
    if receipt is not None:
        import msgspec

        with writing(receipt):
            receipt.write_bytes(msgspec.json.format(msgspec.json.encode(made)) + b"\n")
    if as_json:
        say_json(made)
    else:
        _print(made)
        for call, at in before.items():
            say(f"{call} was forgotten before, on {shown(at)}")
    for call, reason in refused:
        complain(f"orchestra: {call} is not forgotten: {reason}")
    for sentence in made.failed:
        complain(f"orchestra: {sentence}")
    if refused or made.failed:
        raise typer.Exit(1)


def _print(receipt: "Receipt") -> None:
    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.table import columns, print_table

    console = terminal()
    calls = counted(len(receipt.calls), "call")
    if receipt.calls or receipt.found or not receipt.refused:
        say(f"{calls} would be forgotten" if receipt.dry_run else f"forgotten: {calls}")
    rows = [(each.store, f"{each.count:,}", each.what, each.place) for each in receipt.found]
    if rows:
        print_table(console, columns("store", "found", "what", "where", right=("found",)), rows)
    for each in receipt.remains:
        say(f"remains: {each.where}: {each.what}, until {each.until}")
