"""`orchestra group`: what becomes of a consumer group whose consumer is renamed, replaced or no longer run."""

from typing import Annotated

import typer

from orchestra.cli.ui.terminal import say

group = typer.Typer(help="Give up a consumer group: release or drop it.", no_args_is_help=True)

Group = Annotated[str, typer.Argument(help="The consumer group.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="group")


@group.command()
def release(name: Group) -> None:
    """Let another consumer have the group: the next to run under its name goes on where the group is."""
    import uvloop

    from orchestra.bus import Bus
    from orchestra.bus.group.membership import Holder
    from orchestra.bus.group.membership import release as release_group
    from orchestra.settings import load_settings

    async def run() -> Holder | None:
        bus = await Bus.connect(load_settings())
        try:
            return await release_group(bus, name)
        finally:
            await bus.close()

    holder = uvloop.run(run())
    if holder is None:
        say(f"{name} has no record of whose it is: the next consumer of that name has it")
    else:
        say(f"{name} no longer belongs to {holder}: the next consumer of that name has it")


@group.command()
def drop(name: Group) -> None:
    """Delete the group, its place in the journal and its dead letters; its workers must have ended."""
    import uvloop

    from orchestra.bus import Bus
    from orchestra.bus.group.membership import drop as drop_group
    from orchestra.settings import load_settings

    async def run() -> int:
        bus = await Bus.connect(load_settings())
        try:
            return await drop_group(bus, name)
        finally:
            await bus.close()

    streams = uvloop.run(run())
    say(f"{name} is dropped" if streams else f"there is no group {name}: `orchestra status` shows those there are")
