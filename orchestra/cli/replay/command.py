"""`orchestra replay`: recorded calls again, as a conversation, into another Redis, or through a consumer."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from orchestra.cli.ui.option_groups import option_groups
from orchestra.cli.ui.selection_options import SelectionOptions


class Clock(StrEnum):
    """Which times the events get."""

    NOW = "now"
    THEN = "then"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventOptions:
    """Which events of the selected calls."""

    PANEL: ClassVar[str] = "Which events"

    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Only events of this type, like user.turn.ended; may be repeated."),
    ] = None
    media: Annotated[bool, typer.Option("--media", help="Audio and partial transcripts, too.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOptions:
    """Where they go, and how."""

    PANEL: ClassVar[str] = "Target"

    into: Annotated[
        str, typer.Option(metavar="TARGET", help="terminal, a Redis URL, or a consumer: its name, or module:attribute.")
    ] = "terminal"
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line for each event.")] = False
    speed: Annotated[
        str,
        typer.Option(
            metavar="SPEED",
            help="1 as recorded, 4 four times as fast, max as fast as possible. Default: 1 for conversations.",
        ),
    ] = ""
    rename: Annotated[
        str, typer.Option(metavar="WORD", help="Redis: new call ids; the same word gives the same ids again.")
    ] = ""
    clock: Annotated[
        Clock | None,
        typer.Option(
            help="Events get the current time (default for consumers), or keep their own (default for Redis)."
        ),
    ] = None
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD", help="Consumer: do not compare this field; may be repeated."),
    ] = None
    patience: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Consumer: how long to wait while nothing happens.")
    ] = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOptions:
    """How to continue a replay that was stopped."""

    PANEL: ClassVar[str] = "After a stop (Ctrl-C)"

    resume: Annotated[bool, typer.Option("--resume", help="Continue where the same replay was stopped.")] = False
    from_: Annotated[
        str, typer.Option("--from", metavar="POSITION", help="Continue after the position that it printed.")
    ] = ""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


@option_groups
def replay(
    *,
    calls: Annotated[
        list[str] | None,
        typer.Option(
            "--call",
            metavar="ID",
            rich_help_panel=SelectionOptions.PANEL,
            help="Only this call: its id, or the beginning or end of it; may be repeated.",
        ),
    ] = None,
    chosen: SelectionOptions,
    events: EventOptions,
    target: TargetOptions,
    stopped: ResumeOptions,
) -> None:
    """Replay recorded calls in their order, as a conversation, into another Redis, or through a consumer."""
    import uvloop

    from orchestra.bus.keys import JOURNAL, STREAMS
    from orchestra.cli.replay.run import ReplayRun
    from orchestra.errors import UsageError
    from orchestra.log import quiet_logging
    from orchestra.replay.checkpoint import Checkpoint
    from orchestra.settings import load_settings

    settings = load_settings()
    quiet_logging(settings, "replay")
    if stopped.resume and stopped.from_:
        msg = "--resume continues from the kept position, --from from a given one: use one of them"
        raise UsageError(msg)
    streams = STREAMS if events.media else (JOURNAL,)
    checkpoint = Checkpoint(settings.data_dir, _identity(calls, chosen, events, target))
    run = ReplayRun(
        settings=settings,
        selection=replace(chosen.selection(tuple(calls or ())), types=tuple(events.types or ()), streams=streams),
        source=chosen.source,
        speed=_speed(target.speed),
        token=checkpoint.read() if stopped.resume else stopped.from_,
        checkpoint=checkpoint,
    )
    if target.into == "terminal" and not target.as_json:
        from orchestra.cli.replay.conversation import replay_conversation

        raise typer.Exit(uvloop.run(replay_conversation(run)))
    from orchestra.cli.replay.run_target import replay_into

    work = replay_into(
        run,
        target.into,
        rename=target.rename,
        clock=None if target.clock is None else target.clock.value,
        ignored=tuple(target.ignore or ()),
        patience_s=target.patience,
        as_json=target.as_json,
    )
    raise typer.Exit(uvloop.run(work))


def _identity(
    calls: list[str] | None, chosen: SelectionOptions, events: EventOptions, target: TargetOptions
) -> dict[str, Any]:
    """The options that make it the same replay, so that ``--resume`` finds its position."""
    return {
        "calls": calls,
        "caller": chosen.caller,
        "since": chosen.since,
        "until": chosen.until,
        "types": events.types,
        "where": chosen.where,
        "source": _absolute(chosen.source),
        "into": target.into,
        "json": target.as_json,
        "media": events.media,
        "rename": target.rename,
    }


def _speed(text: str) -> float | None:
    """Times as fast as recorded; None for as fast as possible, 0 if the user did not choose."""
    from orchestra.errors import UsageError

    if text in {"", "max"}:
        return None if text else 0.0
    try:
        speed = float(text.removesuffix("x").removesuffix("×"))
    except ValueError:
        speed = -1.0
    if not 0 < speed < float("inf"):
        msg = f"--speed {text!r} is not a valid speed: use 1 (as recorded), 4 (four times as fast) or max"
        raise UsageError(msg)
    return speed


def _absolute(source: str) -> str:
    return str(Path(source).absolute()) if Path(source).exists() else source
