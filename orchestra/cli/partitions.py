"""`orchestra partitions`: on how many partitions of the journal calls begin; changed while they run."""

from collections import Counter
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from orchestra.cli.ui.terminal import complain, say, say_json
from orchestra.counted import counted
from orchestra.errors import UsageError

if TYPE_CHECKING:
    from orchestra.bus.group.resizing import Resized

partitions = typer.Typer(help="Partitions of the journal: list, resize.", no_args_is_help=True)
_MOST = 99


class _Partition(NamedTuple):
    partition: int
    calls_begin: bool
    running_calls: int
    lag: int | None
    pending: int
    dead: int


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(partitions, name="partitions")


@partitions.command("list")
def list_partitions(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """List the partitions: whether calls begin there, how many run there, and what its groups have to do."""
    import uvloop

    found = uvloop.run(_partitions())
    if as_json:
        for each in found:
            say_json(each._asdict())
        return
    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.table import columns, print_table

    numbers = ("running calls", "lag", "pending", "dead")
    rows = [
        (
            str(each.partition),
            "yes" if each.calls_begin else "no",
            str(each.running_calls),
            "?" if each.lag is None else str(each.lag),
            str(each.pending),
            str(each.dead),
        )
        for each in found
    ]
    print_table(terminal(), columns("partition", "calls begin", *numbers, right=("partition", *numbers)), rows)


async def _partitions() -> list[_Partition]:
    from orchestra.bus import Bus, partition_of
    from orchestra.settings import load_settings
    from orchestra.storage.call_records import running_since

    bus = await Bus.connect(load_settings())
    try:
        running = Counter(partition_of(call) for call in await running_since(bus, 0))
        groups = await bus.groups()
        counts = bus.partition_counts
    finally:
        await bus.close()
    found = []
    for partition in range(counts.existing):
        own = [each for each in groups if each.partition == partition]
        lags = [each.lag for each in own]
        found.append(
            _Partition(
                partition,
                partition < counts.open,
                running[partition],
                None if None in lags else sum(lag for lag in lags if lag is not None),
                sum(each.pending for each in own),
                sum(each.dead for each in own),
            )
        )
    return found


@partitions.command()
def resize(
    wanted: Annotated[int, typer.Argument(metavar="N", help=f"Calls begin on the first N partitions: 1 to {_MOST}.")],
    *,
    patience_s: Annotated[
        float, typer.Option("--timeout", min=0, help="How long workers may take to own new partitions, in seconds.")
    ] = 30.0,
) -> None:
    """Change on how many partitions calls begin, while calls run; exit code 1: workers did not own new ones in time.

    More: workers own the new partitions before calls begin there. Fewer: calls on the others end where they are. Every
    process has to be of a version with this command.
    """
    import uvloop

    if not 1 <= wanted <= _MOST:
        msg = f"{wanted} partitions: 1 to {_MOST} are possible"
        raise UsageError(msg)
    done = uvloop.run(_resized(wanted, patience_s))
    if done.waiting_for:
        for group, lacking in done.waiting_for.items():
            complain(f"{group} does not own {lacking} of {counted(wanted, 'partition')}")
        complain(
            f"calls still begin on {counted(done.after.open, 'partition')}; give the command again when the workers run"
        )
        raise typer.Exit(1)
    say(f"calls began on {counted(done.before.open, 'partition')}, and begin on {done.after.open} from now on")
    if closed := done.after.existing - done.after.open:
        say(f"closed: {counted(closed, 'partition')}, whose calls end where they are: see `orchestra partitions list`")


async def _resized(wanted: int, patience_s: float) -> "Resized":
    from orchestra.bus import Bus
    from orchestra.bus.group.resizing import resize as resize_journal
    from orchestra.settings import load_settings

    bus = await Bus.connect(load_settings())
    try:
        return await resize_journal(bus, wanted, patience_s=patience_s)
    finally:
        await bus.close()
