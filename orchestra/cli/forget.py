"""`orchestra forget`: removes calls from every store, and says what was where."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestra.cli.ui.terminal import complain, say, say_json

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
    from orchestra.cli.ui.write_errors import writing
    from orchestra.forgetting.chosen import parse_wanted
    from orchestra.forgetting.forget import check_found
    from orchestra.forgetting.forget import forget as forget_calls
    from orchestra.settings import load_settings

    wanted = parse_wanted(what)

    async def run() -> "tuple[Receipt, list[tuple[str, str]]]":
        bus = await Bus.connect(load_settings())
        try:
            return await forget_calls(bus, wanted, dry_run=dry_run, past=past or (), say=complain)
        finally:
            await bus.close()

    made, refused = uvloop.run(run())
    check_found(made, wanted)
    if receipt is not None:
        import msgspec

        with writing(receipt):
            receipt.write_bytes(msgspec.json.format(msgspec.json.encode(made)) + b"\n")
    if as_json:
        say_json(made)
    else:
        _print(made)
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
    say(f"{len(receipt.calls)} calls {'would be' if receipt.dry_run else 'are'} forgotten")
    rows = [(each.store, f"{each.count:,}", each.what, each.place) for each in receipt.found]
    if rows:
        print_table(console, columns("store", "found", "what", "where", right=("found",)), rows)
    for each in receipt.remains:
        say(f"remains: {each.where}: {each.what}, until {each.until}")
