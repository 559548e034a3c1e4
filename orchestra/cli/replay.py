"""`orchestra replay`: recorded calls once more: as a conversation, into another Redis, through a consumer."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from orchestra.replay.recorded import Selection


class Clock(StrEnum):
    """What time it is for the handlers of a consumer."""

    NOW = "now"
    THEN = "then"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(  # noqa: PLR0917 - the options of the command
    calls: Annotated[
        list[str] | None, typer.Option("--call", help="Only this call: its id, or a beginning or end of it.")
    ] = None,
    caller: Annotated[str, typer.Option(help="Only calls from this number.")] = "",
    since: Annotated[str, typer.Option(help="From this moment on: 2026-11-22T20:15, or 2h (ago).")] = "",
    until: Annotated[str, typer.Option(help="Up to this moment.")] = "",
    types: Annotated[list[str] | None, typer.Option("--type", help="Only this type, like user.turn.ended.")] = None,
    where: Annotated[
        str, typer.Option(metavar="SQL", help="Only calls of which this is true, or that this query names.")
    ] = "",
    source: Annotated[
        str, typer.Option(help="auto, archive, journal, a Redis URL, an archive, or a file of JSON lines.")
    ] = "auto",
    into: Annotated[str, typer.Option(help="terminal, a Redis URL, or a consumer as module:attribute.")] = "terminal",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line an event instead of a conversation.")] = False,
    media: Annotated[bool, typer.Option("--media", help="Audio and partial transcripts too.")] = False,
    speed: Annotated[
        str, typer.Option(help="1 as it went, 4 four times as fast, max; conversations 1, all else max.")
    ] = "",
    rename: Annotated[
        str, typer.Option(metavar="WORD", help="For a Redis: other call ids, always the same ones for this word.")
    ] = "",
    clock: Annotated[
        Clock | None,
        typer.Option(help="The events happen now (consumers, unless said), or keep the times of then (Redis)."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", help="For a consumer: do not compare this field.")
    ] = None,
    patience: Annotated[
        float, typer.Option(min=0.1, help="For a consumer: seconds without a sign of life to wait for it.")
    ] = 5.0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the same replay was stopped.")] = False,
    from_: Annotated[str, typer.Option("--from", help="Go on behind this place, as printed when it stopped.")] = "",
) -> None:
    """Replay recorded calls in their order; Ctrl-C stops, and what it prints goes on from there."""
    import uvloop

    from orchestra.cli import replaying
    from orchestra.errors import UsageError
    from orchestra.log import quiet_logging
    from orchestra.replay.position import Position
    from orchestra.settings import load_settings

    settings = load_settings()
    quiet_logging(settings, "replay")
    selection = _selection(calls, caller, since, until, types, where, media)
    what: dict[str, Any] = {"calls": calls, "caller": caller, "since": since, "until": until, "types": types}
    what |= {"where": where, "source": _absolute(source), "into": into, "json": as_json, "media": media}
    what |= {"rename": rename}
    position = Position(settings.data_dir, what)
    if resume and from_:
        msg = "--resume goes on from the kept place, --from from a given one: give one of them"
        raise UsageError(msg)
    run = replaying.Run(
        settings=settings,
        selection=selection,
        source=source,
        speed=_speed(speed),
        token=position.read() if resume else from_,
        position=position,
    )
    if into == "terminal":
        work = replaying.lines(run) if as_json else replaying.conversation(run)
    elif "://" not in into:
        from orchestra.bus.process import load_consumer
        from orchestra.cli.replaying_consumer import through

        consumer = load_consumer(into)
        run = run.reading(consumer.streams)
        work = through(run, consumer, (clock or Clock.NOW).value, ignore or (), patience, as_json)
    else:
        from orchestra.cli.replaying_redis import copy

        work = copy(run, into, rename, now=clock is Clock.NOW)
    raise typer.Exit(uvloop.run(work))


def _selection(  # noqa: PLR0917 - as above
    calls: list[str] | None,
    caller: str,
    since: str,
    until: str,
    types: list[str] | None,
    where: str,
    media: bool,
) -> "Selection":
    from orchestra.bus.keys import JOURNAL, STREAMS
    from orchestra.replay.moments import moment
    from orchestra.replay.recorded import Selection

    return Selection(
        calls=tuple(calls or ()),
        caller=caller,
        since=moment(since) if since else None,
        until=moment(until) if until else None,
        types=tuple(types or ()),
        where=where,
        streams=STREAMS if media else (JOURNAL,),
    )


def _speed(text: str) -> float | None:
    """Times as fast as it went; None for as fast as it goes, 0 where nothing was said."""
    from orchestra.errors import UsageError

    if text in {"", "max"}:
        return None if text else 0.0
    try:
        speed = float(text.removesuffix("x").removesuffix("×"))
    except ValueError:
        speed = -1.0
    if not 0 < speed < float("inf"):
        msg = f"--speed {text!r} is no speed: 1 as it went, 4 four times as fast, max as fast as it goes"
        raise UsageError(msg)
    return speed


def _absolute(source: str) -> str:
    return str(Path(source).absolute()) if Path(source).exists() else source
