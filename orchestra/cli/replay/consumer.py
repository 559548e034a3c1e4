"""`orchestra replay --into module:consumer` in the terminal: what its handlers publish, compared with the recording."""

from collections import Counter

import msgspec
from rich.console import Console
from rich.text import Text

from orchestra.bus import Entry
from orchestra.cli.ui.console import QUIET, WARNING, terminal
from orchestra.cli.ui.table import columns, print_table
from orchestra.cli.ui.terminal import say_json
from orchestra.counted import counted
from orchestra.history.views.timeline import shortened
from orchestra.replay.targets.output_diff import ConsumerResult, OutputDiff, Verdict
from orchestra_schemas import DecodeError, Event

_SHOWN = 20
_FIELDS_SHOWN = 6
#: characters that are shown before a difference
_CONTEXT = 20
_HEADER = frozenset(Event.__struct_fields__)
_STYLES: dict[Verdict, str] = {"same": QUIET, "changed": WARNING, "missing": "red", "new": "green"}
_SIGNS: dict[Verdict, str] = {"same": "=", "changed": "≠", "missing": "–", "new": "+"}


def print_result(result: ConsumerResult, as_json: bool) -> None:
    """Print what differs and how often, or one JSON object for each output."""
    if as_json:
        _print_json(result)
    else:
        _print(result, terminal())


def _print(result: ConsumerResult, console: Console) -> None:
    differing = result.outputs.of("changed", "missing", "new")
    few = len(result.outputs.all) <= _SHOWN
    for output in (result.outputs.all if few else differing)[:_SHOWN]:
        _print_output(output, console)
    if len(differing) > _SHOWN:
        console.print(Text(f"… and {len(differing) - _SHOWN:,} more that differ; --json prints all", QUIET))
    for letter in result.dead[:_SHOWN]:
        console.print(Text(f"✗ {letter.type} {letter.id}: {letter.error}", "red"), soft_wrap=True)
    _print_table(result, console)
    if result.outputs.unasked:
        text = f"{result.outputs.unasked:,} recorded outputs answer events that the recording does not have"
        console.print(Text(f"{text}: not compared", WARNING))
    if result.unfinished:
        text = f"{counted(result.unfinished, 'event')} still being handled when --patience ended"
        console.print(Text(text, WARNING))


def _print_output(output: OutputDiff, console: Console) -> None:
    entry, style = output.entry, _STYLES[output.verdict]
    head = Text.assemble((f"{_SIGNS[output.verdict]} {entry.type}", style), "  ", (entry.id, QUIET))
    console.print(head, soft_wrap=True)
    if not output.changes:
        console.print(Text(f"    {shortened(_content(entry))}", QUIET), soft_wrap=True)
    for change in output.changes[:_FIELDS_SHOWN]:
        recorded, candidate = _from_difference(change.recorded, change.candidate)
        console.print(Text(f"    {change.field}"), soft_wrap=True)
        console.print(Text(f"      recorded   {recorded}", "red"), soft_wrap=True)
        console.print(Text(f"      candidate  {candidate}", "green"), soft_wrap=True)
    if len(output.changes) > _FIELDS_SHOWN:
        console.print(Text(f"    … and {counted(len(output.changes) - _FIELDS_SHOWN, 'more field')}", QUIET))


def _from_difference(recorded: str, candidate: str) -> tuple[str, str]:
    """Both texts from shortly before their first difference."""
    different = (at for at, (old, new) in enumerate(zip(recorded, candidate, strict=False)) if old != new)
    common = next(different, min(len(recorded), len(candidate)))
    start = max(0, common - _CONTEXT) if common > 2 * _CONTEXT else 0
    cut = [("…" if start else "") + text[start:] for text in (recorded, candidate)]
    return shortened(cut[0] or "(none)"), shortened(cut[1] or "(none)")


def _content(entry: Entry) -> str:
    """The fields of the event without its header."""
    try:
        event = entry.event()
    except DecodeError:
        event = None
    if event is None:
        return entry.body.decode("utf-8", "replace")
    names = ["turn", *(name for name in event.__struct_fields__ if name not in _HEADER and name != "audio")]
    return msgspec.json.encode({name: getattr(event, name) for name in names}).decode()


def _print_table(result: ConsumerResult, console: Console) -> None:
    counts = Counter((output.entry.type, output.verdict) for output in result.outputs.all)
    rows: list[list[str | Text]] = [
        [name, *(Text(f"{counts[name, verdict]:,}", style) for verdict, style in _STYLES.items())]
        for name in sorted({name for name, _ in counts}) or ["nothing"]
    ]
    print_table(console, columns("published", *_STYLES, right=tuple(_STYLES)), rows)
    if result.dead:
        console.print(Text(f"dead letters: {len(result.dead):,}", "red"))


def _print_json(result: ConsumerResult) -> None:
    for output in result.outputs.all:
        entry = output.entry
        line = {"verdict": output.verdict, "type": entry.type, "call": entry.call, "id": entry.id}
        say_json({**line, "changes": output.changes})
    for letter in result.dead:
        line = {"verdict": "dead", "type": letter.type, "call": letter.call, "id": letter.id, "error": letter.error}
        say_json(line)
