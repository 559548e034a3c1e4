"""`orchestra group`: for a consumer group whose consumer is renamed, replaced or no longer run."""

from typing import Annotated

import typer

from orchestra.cli.ui.terminal import say

group = typer.Typer(help="Release or drop a consumer group.", no_args_is_help=True)

Group = Annotated[str, typer.Argument(help="The consumer group.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="group")


@group.command()
def release(name: Group) -> None:
    """Let another consumer use the group. The next one with its name continues at the group's position."""
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
        say(f"{name} belongs to no consumer: the next one with that name gets it")
    else:
        say(f"{name} no longer belongs to {holder}: the next consumer with that name gets it")


@group.command()
def drop(name: Group) -> None:
    """Delete the group, its position in the journal and its dead letters. Its workers must be stopped."""
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
    say(f"{name} is dropped" if streams else f"there is no group {name}: `orchestra status` lists the groups")
