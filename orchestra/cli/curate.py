"""`orchestra curate pull`: turns annotations into an evaluation set."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestra.cli.ui.terminal import complain
from orchestra.cli.ui.write_errors import writing
from orchestra.counted import counted

if TYPE_CHECKING:
    from orchestra.curation.evaluation import EvaluatedCall


def register(app: typer.Typer) -> None:
    """Add the commands."""
    curate = typer.Typer(help="The Label Studio project.", no_args_is_help=True)
    curate.callback()(_curate)
    curate.command()(pull)
    app.add_typer(curate, name="curate")


def _curate() -> None:
    """The Label Studio project."""


def pull(
    out: Annotated[
        Path | None,
        typer.Option(
            help="The evaluation set, one JSON line per call. Default: evaluation.jsonl in the data directory."
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Fetch all annotations, not only the changed ones.")
    ] = False,
) -> None:
    """Fetch annotations changed since the last pull, update the evaluation set, and show word error rates."""
    from orchestra.curation.evaluation import SET_FILE, latest, read_set, write_set
    from orchestra.curation.label_studio import LabelStudio
    from orchestra.settings import load_settings

    settings = load_settings()
    out = out or settings.data_dir / SET_FILE
    known = read_set(out)
    since = None if everything else latest(list(known.values()))
    with LabelStudio(settings) as project:
        project.open()
        fresh = fetch(project, since)
    known.update({call.call: call for call in fresh})
    with writing(out):
        write_set(out, known.values())
    _print_rates(list(known.values()), {call.call for call in fresh}, out)


def fetch(project: Any, since: datetime | None) -> "list[EvaluatedCall]":
    """The annotations of tasks that changed after this moment; unreadable ones are reported."""
    from orchestra.curation.evaluation import evaluated
    from orchestra.errors import RejectedError

    found = []
    for task in project.annotated(since):
        updated_at = task.updated_at.isoformat() if isinstance(task.updated_at, datetime) else str(task.updated_at)
        annotations = [each if isinstance(each, dict) else each.model_dump() for each in task.annotations or ()]
        try:
            call = evaluated(int(task.id), task.data or {}, updated_at.replace("Z", "+00:00"), annotations)
        except RejectedError as error:
            complain(f"orchestra: left out: {error}")
            continue
        if call is not None:
            found.append(call)
    return found


def _print_rates(calls: "list[EvaluatedCall]", fresh: set[str], out: Path) -> None:
    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.table import columns, print_table
    from orchestra.language.word_error_rate import total

    console = terminal()
    rows = []
    for call in sorted(calls, key=lambda call: call.updated_at):
        rate, new = f"{call.word_errors.rate:.1%}", "new" if call.call in fresh else ""
        quality = str(call.quality or "–")
        rows.append((call.call, call.outcome, quality, str(call.words), str(call.errors), rate, new))
    numbers = ("quality", "words", "errors", "word error rate")
    if rows:
        print_table(console, columns("call", "outcome", *numbers, "", right=numbers), rows)
    heard = total(call.word_errors for call in calls)
    rate = (
        f", word error rate {heard.rate:.1%} ({heard.errors} of {counted(heard.words, 'word')})" if heard.words else ""
    )
    console.print(f"{counted(len(calls), 'call')} in {out}, {len(fresh)} of them new or changed{rate}", soft_wrap=True)
