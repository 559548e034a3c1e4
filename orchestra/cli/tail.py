"""`orchestra tail`: the events as they arrive."""

import contextlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestra.bus.stream.stream_id import StreamId
from orchestra.cli.ui.terminal import Terminal, say_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestra.bus import Entry


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(tail)


def tail(
    call: Annotated[str, typer.Option("--call", help="Only this call.")] = "",
    types: Annotated[list[str] | None, typer.Option("--type", help="Only this type, like user.turn.ended.")] = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Start with the events that are there already.")
    ] = False,
    media: Annotated[bool, typer.Option("--media", help="Include audio and partial transcripts.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Print the events of all calls, or of one, as they arrive."""
    import uvloop

    from orchestra.settings import load_settings

    printer = _print_json if as_json else _print_line
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_follow(load_settings(), call, set(types or ()), from_start, media, printer))


async def _follow(  # noqa: PLR0917 - the options of the command
    settings: Any, call: str, types: set[str], from_start: bool, media: bool, printer: "Callable[[Entry], None]"
) -> None:
    from orchestra.bus import Bus, partition_of
    from orchestra.bus.keys import JOURNAL, STREAMS
    from orchestra.errors import UsageError

    bus = await Bus.connect(settings)
    try:
        partitions = [partition_of(call)] if call else None
    except ValueError as error:
        raise UsageError(str(error)) from None
    try:
        streams = STREAMS if media else (JOURNAL,)
        async for entry in bus.follow(partitions, streams=streams, since="0" if from_start else None):
            if (not call or entry.call == call) and (not types or entry.type in types):
                printer(entry)
    finally:
        await bus.close()


def _print_json(entry: "Entry") -> None:
    import msgspec

    from orchestra.bus.stream.entry import UNREADABLE

    head = {"stream_id": entry.stream_id, "partition": entry.partition, "stream": entry.stream}
    with contextlib.suppress(*UNREADABLE):
        say_json(head | {"event": msgspec.json.decode(entry.body)})
        return
    head |= {"type": entry.type, "call": entry.call, "id": entry.id, "body": entry.body.decode("utf-8", "replace")}
    say_json(head)


_HEADER = ("type", "call", "id", "at", "source", "cause", "trace", "version")


def _print_line(entry: "Entry") -> None:
    import msgspec
    from rich.text import Text

    from orchestra.bus.stream.entry import UNREADABLE
    from orchestra.cli.ui.parse_time import shown

    try:
        body = msgspec.json.decode(entry.body)
        words = msgspec.json.encode({name: value for name, value in body.items() if name not in _HEADER}).decode()
    except (*UNREADABLE, AttributeError):
        words = entry.body.decode("utf-8", "replace")
    moment = shown(StreamId.parse(entry.stream_id).seconds, "%H:%M:%S.%f")
    line = Text.assemble((f"{moment} {entry.call[:16]}… ", "dim"), (f"{entry.type:<22}", "bold"), " ")
    console = Terminal(soft_wrap=True)
    console.print(line, end="")
    console.print(words)
