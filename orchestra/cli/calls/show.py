"""`orchestra calls`: recorded calls; `list` and `show`."""

from operator import attrgetter
from typing import TYPE_CHECKING, Annotated

import typer

from orchestra.cli.calls.export import export, find, play
from orchestra.cli.ui.parse_time import shown
from orchestra.cli.ui.terminal import complain, say_json
from orchestra.counted import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.text import Text

    from orchestra.bus import Bus
    from orchestra.history.call_record import CallRecord
    from orchestra.history.usage import Cost
    from orchestra.history.views.dialogue import Dialogue, DialogueTurn
    from orchestra.settings import Settings
    from orchestra_schemas import Event, TurnMeasured

_COLOURS = ("bright_blue", "magenta", "yellow", "bright_yellow", "green", "cyan")
_BAR_WIDTH = 48
#: how many of the latest calls are searched for the beginning or end of an id
_NAMED_AMONG = 5000
#: of what stands for a language and is no code, in characters
_LONGEST_CODE = 40

#: with a filter, so many of the latest calls are looked through
_MOST_FILTERED = 10_000


def _stages() -> list[tuple[str, str, str, str]]:
    """The stages of a turn: letter in the bar, name, style, field of `TurnMeasured`."""
    from orchestra_schemas.speech import TURN_STAGES

    shown = [(field, name) for field, name in TURN_STAGES.items() if field != "stt_ms"]  # a part of the first
    return [
        (name.split()[-1][0], name, f"black on {colour}", field)
        for (field, name), colour in zip(shown, _COLOURS, strict=True)
    ]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    calls = typer.Typer(help="Recorded calls: list, show, play, export, find.", no_args_is_help=True)
    calls.command("list")(list_)
    calls.command()(show)
    calls.command()(play)
    calls.command()(export)
    calls.command()(find)
    app.add_typer(calls, name="calls")


def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the latest first.")] = 20,
    app: Annotated[str, typer.Option(metavar="NAME", help="Only calls that this app answered or took over.")] = "",
    line: Annotated[str, typer.Option(metavar="LINE", help="Only calls of this line: a number, SIP name or *.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a call.")] = False,
) -> None:
    """List the latest calls of the server, the archive and the demo runs on this machine."""
    import uvloop

    from orchestra.settings import load_settings

    found = uvloop.run(_listed(load_settings(), _MOST_FILTERED if app or line else limit))
    records = [record for record in found if record.is_of(app=app, line=line)][:limit]
    if as_json:
        for record in records:
            say_json(record)
    else:
        _print_table(records)


def show(
    call: Annotated[
        str, typer.Argument(help="The call's id, the beginning or end of it, or the file of a recorded journal.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="The record and the turns as one JSON object.")] = False,
) -> None:
    """Show a call: the conversation, and how long each stage of its turns took."""
    import uvloop

    from orchestra.cli.ui.console import terminal
    from orchestra.history.reduce import history_of
    from orchestra.history.views.dialogue import dialogue
    from orchestra.settings import load_settings

    record, events = uvloop.run(_call(load_settings(), call))
    if as_json:
        say_json({"call": record, "turns": dialogue(history_of(events)).turns})
    else:
        _print_call(terminal(), record, dialogue(history_of(events)))


# -- finding calls


async def _listed(settings: "Settings", limit: int) -> "list[CallRecord]":
    """The latest calls, including those that only the archive has."""
    from orchestra.errors import ServerError

    away: ServerError | None = None
    try:
        found = await _records(settings, limit)
    except ServerError as error:
        found, away = [], error
    found += await _archived(settings, limit, {record.call for record in found})
    if away is not None and not found:
        raise away
    return _latest(found, limit)


async def _records(settings: "Settings", limit: int) -> "list[CallRecord]":
    """The calls of the server and of the demo runs."""
    from orchestra.errors import ServerError
    from orchestra.storage.call_records import list_calls

    kept = [_record(journal, settings) for journal in _kept(settings)]
    try:
        bus = await _bus(settings)
    except ServerError:
        if not kept:
            raise
        found = []
    else:
        try:
            found = await list_calls(bus, limit=limit)
        finally:
            await bus.close()
    known = {record.call for record in found}
    return _latest([*found, *(record for record in kept if record.call not in known)], limit)


def _latest(records: "list[CallRecord]", limit: int) -> "list[CallRecord]":
    return sorted(records, key=attrgetter("started_at"), reverse=True)[:limit]


async def _archived(settings: "Settings", limit: int, known: "set[str]") -> "list[CallRecord]":
    """The latest calls of the archive, without the ``known`` ones; empty if there is no archive."""
    import asyncio

    from orchestra.errors import MissingExtraError
    from orchestra.replay.selection import decoded

    try:
        from orchestra.archive.archive import Archive
        from orchestra.archive.latest_calls import latest_calls

        found = await asyncio.to_thread(lambda: latest_calls(Archive.of(settings), limit, known=known))
    except MissingExtraError:  # without the extra there is no archive here
        return []
    except OSError as error:
        complain(f"the archive at {settings.archive} cannot be read: {error}")
        return []
    journals = [list(decoded(entries, complain)) for entries in found]
    return [_record(journal, settings) for journal in journals if journal]


async def _call(settings: "Settings", wanted: str) -> "tuple[CallRecord, list[Event]]":
    from orchestra.errors import UsageError
    from orchestra.replay.selection import recorded_call

    try:
        journal = await recorded_call(settings, wanted, on_warning=complain)
    except UsageError:  # the journal may be gone while the record is still there
        if (whole := await _stored(settings, wanted)) is not None:
            return whole, []
        named = [
            each
            for each in await _records(settings, _NAMED_AMONG)
            if wanted and (each.call.startswith(wanted) or each.call.endswith(wanted))
        ]
        if not named:
            raise
        if len(named) > 1:
            msg = f"{len(named)} calls begin or end with {wanted!r}: name one of {named[0].call}, {named[1].call} …"
            raise UsageError(msg) from None
        return named[0], []
    return await _stored(settings, journal[0].call) or _record(journal, settings), journal


async def _stored(settings: "Settings", call: str) -> "CallRecord | None":
    """The server's record of the call."""
    from orchestra.errors import ServerError
    from orchestra.storage.call_records import find_call

    try:
        bus = await _bus(settings)
    except ServerError:
        return None
    try:
        return await find_call(bus, call)
    finally:
        await bus.close()


async def _bus(settings: "Settings") -> "Bus":
    from orchestra.bus import Bus

    return await Bus.connect(settings)


def _kept(settings: "Settings") -> "list[list[Event]]":
    """The journals of the demo runs in this data directory."""
    from orchestra.replay.selection import decoded
    from orchestra.replay.sources.auto import demo_journals
    from orchestra.replay.sources.json_lines import file_entries

    journals = [
        list(decoded(list(file_entries(path, complain)), complain)) for path in demo_journals(settings.data_dir)
    ]
    return [journal for journal in journals if journal]


def _record(journal: "list[Event]", settings: "Settings") -> "CallRecord":
    """The call record of a journal, at today's prices."""
    from orchestra.history.reduce import history_of
    from orchestra.history.views.call_record import call_record

    return call_record(history_of(journal), settings.prices)


# -- printing


def _print_table(records: "list[CallRecord]") -> None:
    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.table import columns, print_table

    console = terminal()
    if not records:
        console.print("no call is recorded here yet")
        return
    numbers = ("seconds", "turns", "mean wait", "tokens")
    several = len({record.app for record in records} | {record.passed_to for record in records} - {""}) > 1
    rows = [
        (
            record.call,
            shown(record.started_at),
            record.from_number or "hidden",
            *([_apps(record)] if several else []),
            record.agent or "–",
            _status(record),
            f"{record.duration_s:,.0f}",
            str(record.turns),
            f"{record.mean_ms:,.0f} ms" if record.measured else "–",
            f"{record.prompt_tokens + record.completion_tokens:,}",
        )
        for record in records
    ]
    print_table(
        console,
        columns("call", "started", "from", *(["app"] if several else []), "agent", "status", *numbers, right=numbers),
        rows,
    )


def _apps(record: "CallRecord") -> str:
    """The app that answered, and the one that took the call over."""
    return f"{record.app} → {record.passed_to}" if record.passed_to else record.app or "–"


def _status(record: "CallRecord") -> str:
    if record.status == "running":
        return "running"
    return (record.end_reason or "ended").replace("_", " ")


def _language(code: str) -> str:
    """The name of a language; a code that is none, as others may have written it, is shown as it is."""
    from orchestra.errors import AppError
    from orchestra.language import find_language

    try:
        return find_language(code).name
    except AppError:
        return code if len(code) <= _LONGEST_CODE else f"{code[:_LONGEST_CODE]}…"


def _print_call(console: "Console", record: "CallRecord", call_dialogue: "Dialogue") -> None:
    from rich.text import Text

    from orchestra.cli.ui.console import QUIET
    from orchestra.history.recording_consent import why_not_recorded
    from orchestra.language.registry import DEFAULT_CODE

    console.print(Text.assemble((record.call, "bold"), f"  {shown(record.started_at)}  from "), end="")
    console.print(Text(f"{record.from_number or 'a hidden number'}, {_status(record)} after {record.duration_s:.1f} s"))
    if record.line or record.passed_to:
        console.print(Text(f"line {record.line or 'none'}, answered by {_apps(record)}", QUIET))
    if record.languages not in ((), (DEFAULT_CODE,)):
        console.print(Text(f"in {', then '.join(map(_language, record.languages))}", QUIET))
    console.print(
        Text(
            f"turns {record.turns}, interrupted {record.interruptions}, tools {record.tools}"
            f" (failed {record.failed_tools}), prompts {record.prompts},"
            f" tokens {record.prompt_tokens:,} + {record.completion_tokens:,}",
            QUIET,
        )
    )
    for line in _answered_by(call_dialogue):
        console.print(Text(line, QUIET))
    console.print(Text(_used(record), QUIET), soft_wrap=True)
    if record.cost is not None:
        console.print(Text(_cost(record.cost), QUIET), soft_wrap=True)
    if record.recording:
        console.print(Text(f"recording {record.recording}", QUIET), soft_wrap=True)
    elif why := why_not_recorded(record.recording_mode):
        console.print(Text(f"not recorded: {why}", QUIET))
    if not call_dialogue.turns:
        gone = "the conversation is gone with the journal (ORCHESTRA_JOURNAL_RETENTION_S); an archive would keep it"
        console.print(Text(gone, QUIET), soft_wrap=True)
    console.print()
    longest_ms = max((turn.latency.total_ms for turn in call_dialogue.turns if turn.latency), default=0.0)
    for turn in call_dialogue.turns:
        _print_turn(console, turn, longest_ms)
    if longest_ms:
        key = Text("  ").join(Text.assemble((letter, style), f" {name}") for letter, name, style, _ in _stages())
        console.print(Text.assemble(" " * max(0, min(22, console.width - key.cell_len)), key), soft_wrap=True)


def _answered_by(call_dialogue: "Dialogue") -> "Iterator[str]":
    """The version, model and parameters that answered, one line for each change during the call."""
    from orchestra.history.views.versions import versions

    for number, each in enumerate(versions(call_dialogue)):
        parameters = ", ".join(f"{name}={value}" for name, value in each.parameters.items())
        model = f", model {each.model}" + f" ({parameters})" * bool(parameters) if each.model else ""
        now = f"version {each.version or 'not known'}{model}"
        yield f"from turn {each.from_turn} on {now}" if number else now


def _used(record: "CallRecord") -> str:
    """The usage of the call in one line."""
    used = record.usage
    parts = [f"{name} {tokens.prompt:,} + {tokens.completion:,} tokens" for name, tokens in used.models.items()]
    parts += [f"stt {name} {seconds:,.1f} s" for name, seconds in used.stt_s.items()]
    parts += [f"tts {name} {counted(characters, 'character')}" for name, characters in used.tts_characters.items()]
    return f"used: {', '.join([*parts, f'line {used.call_s:,.1f} s'])}"


def _cost(cost: "Cost") -> str:
    """The cost of the call in one line."""
    parts = f"models {cost.models:.4f}, stt {cost.stt:.4f}, tts {cost.tts:.4f}, line {cost.call:.4f}"
    without = f"; without a price: {', '.join(cost.unpriced)}" if cost.unpriced else ""
    return f"cost: {cost.total:.4f} {cost.currency} ({parts}{without})"


def _print_turn(console: "Console", turn: "DialogueTurn", longest_ms: float) -> None:
    from rich.text import Text

    from orchestra.cli.ui.console import AGENT, CALLER, QUIET, WARNING, row
    from orchestra.history.views.dialogue import speaker_of

    if turn.said_from_s is not None:
        row(console, _clock(turn.said_from_s), "caller", turn.transcript or "(nothing)", CALLER, who_style=CALLER)
    if turn.tools:
        row(
            console,
            "",
            "",
            f"tools: {', '.join(turn.tools)}" + f" ({turn.failed_tools} failed)" * (turn.failed_tools > 0),
            QUIET,
        )
    who = speaker_of(turn)
    row(console, _clock(turn.heard_from_s), who, turn.reply_heard or "(nothing was heard)", who_style=AGENT)
    if turn.interrupted:
        row(console, "", "", "interrupted by the caller", WARNING)
    if turn.failed:
        row(console, "", "", "the agents could not complete this turn", WARNING)
    if turn.latency is not None and turn.latency.total_ms > 0:
        bar = latency_bar(turn.latency, longest_ms)
        console.print(Text.assemble(" " * 22, bar, (f" {turn.latency.total_ms:,.0f} ms", "bold")))


def _clock(seconds: float | None) -> str:
    return "" if seconds is None else f"{int(seconds) // 60}:{seconds % 60:04.1f}"


def latency_bar(measured: "TurnMeasured", longest_ms: float, width: int = _BAR_WIDTH) -> "Text":
    """The stages of a turn as a bar; ``longest_ms`` would be ``width`` characters long."""
    from rich.text import Text

    bar, until_ms, drawn = Text(), 0.0, 0
    for letter, _, style, stage in _stages():
        until_ms += max(0.0, getattr(measured, stage))
        end = min(width, round(until_ms / longest_ms * width))
        bar.append(letter * (end - drawn), style)
        drawn = max(drawn, end)
    return bar
