"""`orchestra status`: consumer groups, their owners and their lag."""

from typing import TYPE_CHECKING, Annotated

import typer

from orchestra.cli.ui.terminal import say, say_json

if TYPE_CHECKING:
    from orchestra.bus import GroupStatus
    from orchestra.bus.redis.memory import ServerMemory
    from orchestra.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per group and partition.")] = False,
) -> None:
    """Show each consumer group: workers and their partitions, lag, pending events, dead letters."""
    import uvloop

    from orchestra.settings import load_settings

    groups, memory = uvloop.run(_read(load_settings()))
    if as_json:
        for each in groups:
            say_json(each)
        return
    _print_table(groups)
    if memory.limit:
        say(f"Redis uses {memory}" + ": give it more, or keep less of the past" * memory.is_nearly_full)


async def _read(settings: "Settings") -> "tuple[list[GroupStatus], ServerMemory]":
    from redis.exceptions import RedisError

    from orchestra.bus import Bus
    from orchestra.bus.redis.memory import ServerMemory

    bus = await Bus.connect(settings)
    try:
        groups = await bus.groups()
        try:
            return groups, await bus.memory()
        except RedisError:  # this user may not ask for it
            return groups, ServerMemory()
    finally:
        await bus.close()


def _print_table(groups: "list[GroupStatus]") -> None:
    from rich.text import Text

    from orchestra.bus.group.overview import by_owner
    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.table import columns, print_table

    if not groups:
        say("no consumer group has read here yet")
        return
    found = [
        (
            each.group,
            each.owner or Text("nobody", "red"),
            ranges(list(each.partitions)),
            "?" if each.lag is None else str(each.lag),
            str(each.pending),
            str(each.dead),
        )
        for each in by_owner(groups)
    ]
    numbers = ("lag", "pending", "dead")
    print_table(terminal(), columns("group", "worker", "partitions", *numbers, right=numbers), found)


def ranges(numbers: list[int]) -> str:
    """``[0, 1, 2, 5]`` → ``0–2 5``."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return " ".join(str(part[0]) if len(part) == 1 else f"{part[0]}–{part[-1]}" for part in parts)
