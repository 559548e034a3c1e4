"""`orchestra replay`: recorded calls again, as a conversation, into another Redis, or through a consumer."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from orchestra.replay.selection import Selection


class Clock(StrEnum):
    """What time it is for the handlers of a consumer."""

    NOW = "now"
    THEN = "then"


_Calls = Annotated[
    list[str] | None, typer.Option("--call", help="Only this call: its id, or a beginning or end of it.")
]
_Caller = Annotated[str, typer.Option(help="Only calls from this number.")]
_Since = Annotated[str, typer.Option(help="From this moment on: 2026-11-22T20:15, or 2h (ago).")]
_Until = Annotated[str, typer.Option(help="Up to this moment.")]
_Types = Annotated[list[str] | None, typer.Option("--type", help="Only this type, like user.turn.ended.")]
_Where = Annotated[str, typer.Option(metavar="SQL", help="Only calls of which this is true, or that this query names.")]
_Source = Annotated[str, typer.Option(help="auto, archive, journal, a Redis URL, an archive, or a file of JSON lines.")]
_Into = Annotated[str, typer.Option(help="terminal, a Redis URL, or a consumer as module:attribute.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON line an event instead of a conversation.")]
_Media = Annotated[bool, typer.Option("--media", help="Audio and partial transcripts too.")]
_Speed = Annotated[str, typer.Option(help="1 as it went, 4 four times as fast, max; conversations 1, all else max.")]
_Rename = Annotated[
    str, typer.Option(metavar="WORD", help="For a Redis: other call ids, always the same ones for this word.")
]
_Clock = Annotated[
    Clock | None,
    typer.Option(help="The events happen now (consumers, unless said), or keep the times of then (Redis)."),
]
_Ignore = Annotated[list[str] | None, typer.Option("--ignore", help="For a consumer: do not compare this field.")]
_Patience = Annotated[
    float, typer.Option(min=0.1, help="For a consumer: seconds without a sign of life to wait for it.")
]
_Resume = Annotated[bool, typer.Option("--resume", help="Go on where the same replay was stopped.")]
_From = Annotated[str, typer.Option("--from", help="Go on behind this place, as printed when it stopped.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(  # noqa: PLR0917 - the options of the command
    calls: _Calls = None,
    caller: _Caller = "",
    since: _Since = "",
    until: _Until = "",
    types: _Types = None,
    where: _Where = "",
    source: _Source = "auto",
    into: _Into = "terminal",
    as_json: _Json = False,
    media: _Media = False,
    speed: _Speed = "",
    rename: _Rename = "",
    clock: _Clock = None,
    ignore: _Ignore = None,
    patience: _Patience = 5.0,
    resume: _Resume = False,
    from_: _From = "",
) -> None:
    """Replay recorded calls in their order; Ctrl-C stops, and what it prints goes on from there."""
    import uvloop

    from orchestra.cli.replay.run import ReplayRun
    from orchestra.errors import UsageError
    from orchestra.log import quiet_logging
    from orchestra.replay.checkpoint import Checkpoint
    from orchestra.settings import load_settings

    settings = load_settings()
    quiet_logging(settings, "replay")
    selection = _selection(calls, caller, since, until, types, where, media)
    what: dict[str, Any] = {"calls": calls, "caller": caller, "since": since, "until": until, "types": types}
    what |= {"where": where, "source": _absolute(source), "into": into, "json": as_json, "media": media}
    checkpoint = Checkpoint(settings.data_dir, what | {"rename": rename})
    if resume and from_:
        msg = "--resume goes on from the kept place, --from from a given one: give one of them"
        raise UsageError(msg)
    run = ReplayRun(
        settings=settings,
        selection=selection,
        source=source,
        speed=_speed(speed),
        token=checkpoint.read() if resume else from_,
        checkpoint=checkpoint,
    )
    if into == "terminal" and not as_json:
        from orchestra.cli.replay.conversation import replay_conversation

        raise typer.Exit(uvloop.run(replay_conversation(run)))
    from orchestra.cli.replay.into import replay_into

    options: dict[str, Any] = {"rename": rename, "clock": clock and clock.value, "ignored": tuple(ignore or ())}
    raise typer.Exit(uvloop.run(replay_into(run, into, patience_s=patience, as_json=as_json, **options)))


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
    from orchestra.cli.ui.parse_time import moment
    from orchestra.replay.selection import Selection

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
