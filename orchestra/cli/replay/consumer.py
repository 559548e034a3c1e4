"""`orchestra replay --into module:consumer`: its handlers on a scratch server, and what they publish now and then."""

import shutil
from collections import Counter
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.text import Text

from orchestra.bus import Consumer, Entry
from orchestra.cli.replay.terminal import ProgressBar, ReplayRun, finished, note, stop_on_signal, total
from orchestra.cli.ui.console import QUIET, WARNING, shortened, terminal
from orchestra.cli.ui.table import columns, print_table
from orchestra.cli.ui.terminal import say_json
from orchestra.replay.selection import tag
from orchestra.replay.targets.consumer import Clock, ConsumerResult, consumer_target
from orchestra.replay.targets.output_diff import IGNORED, OutputDiff, Verdict
from orchestra_schemas import DecodeError, Event

_SHOWN = 20
_FIELDS_SHOWN = 6
#: characters that are shown before a difference
_CONTEXT = 20
_HEADER = frozenset(Event.__struct_fields__)
_STYLES: dict[Verdict, str] = {"same": QUIET, "changed": WARNING, "missing": "red", "new": "green"}
_SIGNS: dict[Verdict, str] = {"same": "=", "changed": "≠", "missing": "–", "new": "+"}


async def replay_into_consumer(  # noqa: PLR0917 - the options of the command
    run: ReplayRun, consumer: Consumer, clock: Clock, ignore: Sequence[str], patience_s: float, as_json: bool
) -> int:
    """Feed the consumer, and tell what it publishes; 0 where that is what it published then, else 1."""
    ignored = IGNORED | set(ignore)
    folder = run.position.folder / "scratch"
    if not run.token and folder.exists():
        shutil.rmtree(folder)
    note(f"handlers of {consumer.name} run on a server of their own; what they do outside Redis, they do")
    types = [tag(name) for name in run.selection.types]
    run = run.of_all_types()  # what the group published then is of other types
    with stop_on_signal() as stop, ProgressBar("events", await total(run)) as bar:
        async with consumer_target(
            consumer, run.settings, folder, clock=clock, patience_s=patience_s, types=types
        ) as scratch:
            done = await run.replay(stop, bar, keep=False).into(scratch)
            outcome = await scratch.outcome(ignored)
    if as_json:
        _print_json(outcome)
    else:
        _print(outcome, terminal())
    print_ignored = ", ".join(sorted(ignored))
    note(f"{done.entries:,} events of {done.calls:,} calls; not compared: {print_ignored}")
    code = finished(run, done)
    if code == 0:
        shutil.rmtree(folder)
        run.position.forget()
    if not scratch.then:
        note(f"{consumer.name} published nothing in these calls then: there is nothing to compare with")
        return code or (1 if outcome.dead or outcome.unfinished else 0)
    return code or (0 if outcome.agrees else 1)


def _print(outcome: ConsumerResult, console: Console) -> None:
    differing = outcome.outputs.of("changed", "missing", "new")
    few = len(outcome.outputs.all) <= _SHOWN
    for output in (outcome.outputs.all if few else differing)[:_SHOWN]:
        _print_output(output, console)
    if len(differing) > _SHOWN:
        console.print(Text(f"… and {len(differing) - _SHOWN:,} more that differ; --json prints all", QUIET))
    for letter in outcome.dead[:_SHOWN]:
        console.print(Text(f"✗ {letter.type} {letter.id}: {letter.error}", "red"), soft_wrap=True)
    _print_table(outcome, console)
    if outcome.outputs.unasked:
        text = f"{outcome.outputs.unasked:,} recorded outputs answer events that are not in the recording"
        console.print(Text(f"{text}: not compared", WARNING))
    if outcome.unfinished:
        text = f"{outcome.unfinished:,} events were still being handled when --patience ended"
        console.print(Text(text, WARNING))


def _print_output(output: OutputDiff, console: Console) -> None:
    entry, style = output.entry, _STYLES[output.verdict]
    head = Text.assemble((f"{_SIGNS[output.verdict]} {entry.type}", style), "  ", (entry.id, QUIET))
    console.print(head, soft_wrap=True)
    if not output.changes:
        console.print(Text(f"    {shortened(_content(entry))}", QUIET), soft_wrap=True)
    for change in output.changes[:_FIELDS_SHOWN]:
        then, now = _from_difference(change.then, change.now)
        console.print(Text(f"    {change.field}"), soft_wrap=True)
        console.print(Text(f"      then  {then}", "red"), soft_wrap=True)
        console.print(Text(f"      now   {now}", "green"), soft_wrap=True)
    if len(output.changes) > _FIELDS_SHOWN:
        console.print(Text(f"    … and {len(output.changes) - _FIELDS_SHOWN} more fields", QUIET))


def _from_difference(then: str, now: str) -> tuple[str, str]:
    """Both texts from shortly before the place where they part."""
    apart = (place for place, (old, new) in enumerate(zip(then, now, strict=False)) if old != new)
    common = next(apart, min(len(then), len(now)))
    start = max(0, common - _CONTEXT) if common > 2 * _CONTEXT else 0
    cut = [("…" if start else "") + text[start:] for text in (then, now)]
    return shortened(cut[0] or "(none)"), shortened(cut[1] or "(none)")


def _content(entry: Entry) -> str:
    """What the event says beyond its header."""
    try:
        event = entry.event()
    except DecodeError:
        event = None
    if event is None:
        return entry.body.decode("utf-8", "replace")
    names = ["turn", *(name for name in event.__struct_fields__ if name not in _HEADER and name != "audio")]
    return msgspec.json.encode({name: getattr(event, name) for name in names}).decode()


def _print_table(outcome: ConsumerResult, console: Console) -> None:
    counts = Counter((output.entry.type, output.verdict) for output in outcome.outputs.all)
    rows: list[list[str | Text]] = [
        [name, *(Text(f"{counts[name, verdict]:,}", style) for verdict, style in _STYLES.items())]
        for name in sorted({name for name, _ in counts}) or ["nothing"]
    ]
    print_table(console, columns("published", *_STYLES, right=tuple(_STYLES)), rows)
    if outcome.dead:
        console.print(Text(f"dead letters: {len(outcome.dead):,}", "red"))


def _print_json(outcome: ConsumerResult) -> None:
    for output in outcome.outputs.all:
        entry = output.entry
        line = {"verdict": output.verdict, "type": entry.type, "call": entry.call, "id": entry.id}
        say_json({**line, "changes": output.changes})
    for letter in outcome.dead:
        line = {"verdict": "dead", "type": letter.type, "call": letter.call, "id": letter.id, "error": letter.error}
        say_json(line)
