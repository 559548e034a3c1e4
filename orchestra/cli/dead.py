"""`orchestra dead`: events that a consumer group could not handle."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orchestra.cli.ui.terminal import say, say_json
from orchestra.counted import counted
from orchestra.errors import UsageError

if TYPE_CHECKING:
    from orchestra.bus.group.dead_letters import DeadLetter

dead = typer.Typer(help="The dead letters of a consumer group: list, show, requeue, drop.", no_args_is_help=True)

Group = Annotated[str, typer.Argument(help="The consumer group.")]
Names = Annotated[
    list[str] | None, typer.Argument(help="Names of dead letters as `list` shows them: 07/1763830000000-0.")
]
All = Annotated[bool, typer.Option("--all", help="All dead letters of the group.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(dead, name="dead")


@dead.command("list")
def list_letters(
    group: Group, as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False
) -> None:
    """List the dead letters of a group."""
    letters = _letters(group)
    if as_json:
        for letter in letters:
            say_json(letter)
        return
    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.parse_time import shown
    from orchestra.cli.ui.table import columns, print_table

    if not letters:
        say(f"{group} has no dead letters")
        return
    rows = [
        (
            letter.name,
            shown(letter.at),
            letter.type,
            letter.call,
            str(letter.attempts),
            letter.error,
        )
        for letter in letters
    ]
    heads = columns("letter", "given up", "type", "call", "attempts", "error", right=("attempts",))
    print_table(terminal(), heads, rows)


@dead.command()
def show(
    group: Group, name: Annotated[str, typer.Argument(help="Name of the dead letter as `list` shows it.")]
) -> None:
    """Show a dead letter: its event, the error and the traceback."""
    (letter,) = _chosen(group, [name], every=False)
    for field in ("type", "call", "id", "stream", "stream_id", "handler", "attempts", "published"):
        say(f"{field:10} {getattr(letter, field)}")
    say(f"{'body':10} {letter.body.decode('utf-8', 'replace')}")
    say(f"{'error':10} {letter.error}\n\n{letter.traceback.rstrip()}")


@dead.command()
def requeue(group: Group, names: Names = None, every: All = False) -> None:
    """Give dead letters back to their group. Its workers handle them again."""
    _decide(group, names or [], every, "requeue")


@dead.command()
def drop(group: Group, names: Names = None, every: All = False) -> None:
    """Delete dead letters."""
    _decide(group, names or [], every, "drop")


def _letters(group: str) -> "list[DeadLetter]":
    import uvloop

    from orchestra.bus import Bus
    from orchestra.bus.group.dead_letters import dead_letters
    from orchestra.settings import load_settings

    async def read() -> "list[DeadLetter]":
        bus = await Bus.connect(load_settings())
        try:
            return await dead_letters(bus, group)
        finally:
            await bus.close()

    return uvloop.run(read())


def _chosen(group: str, names: list[str], *, every: bool) -> "list[DeadLetter]":
    if bool(names) == every:
        msg = f"give names from `orchestra dead list {group}`, or --all"
        raise UsageError(msg)
    letters = {letter.name: letter for letter in _letters(group)}
    unknown = [name for name in names if name not in letters]
    if unknown:
        msg = f"{group} has no dead letter {', '.join(unknown)}: see `orchestra dead list {group}`"
        raise UsageError(msg)
    return list(letters.values()) if every else [letters[name] for name in names]


def _decide(group: str, names: list[str], every: bool, what: Literal["requeue", "drop"]) -> None:
    import uvloop

    from orchestra.bus import Bus
    from orchestra.bus.group.dead_letters import resolve
    from orchestra.settings import load_settings

    letters = _chosen(group, names, every=every)

    async def write() -> int:
        bus = await Bus.connect(load_settings())
        try:
            return await resolve(bus, letters, what)
        finally:
            await bus.close()

    say(f"{what}: {uvloop.run(write())} of {counted(len(letters), 'dead letter')} of {group}")
