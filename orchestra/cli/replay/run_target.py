"""`orchestra replay --into` any target: opens it, replays into it, and prints its report."""

import sys
from contextlib import AbstractAsyncContextManager
from functools import singledispatch

from orchestra.cli.replay.consumer import print_result
from orchestra.cli.replay.run import ProgressBar, ReplayRun, finished, note, stop_on_signal, total
from orchestra.cli.ui.console import terminal
from orchestra.cli.ui.terminal import say_json
from orchestra.errors import UsageError
from orchestra.replay.selection import tag
from orchestra.replay.targets.output_diff import ConsumerResult
from orchestra.replay.targets.port import TARGETS, Clock, Target, TargetOptions


async def replay_into(
    run: ReplayRun,
    into: str,
    *,
    rename: str = "",
    clock: Clock | None = None,
    ignored: tuple[str, ...] = (),
    patience_s: float = 5.0,
    as_json: bool = False,
) -> int:
    """Replay into the target that the user named; the exit code.

    Raises:
        UsageError: there is no such target.

    """
    target_type = TARGETS.find(into)
    if target_type is None:
        msg = f"{into!r} is not a target: use {TARGETS.describe()}"
        raise UsageError(msg)
    options = TargetOptions(
        settings=run.settings,
        into=into,
        folder=run.checkpoint.folder,
        resumed=bool(run.token),
        growing=run.growing,
        paced=bool(run.speed),
        types=tuple(tag(name) for name in run.selection.types),
        rename=rename,
        clock=clock,
        ignored=ignored,
        patience_s=patience_s,
        note=note,
    )
    hidden = target_type.prints and sys.stdout.isatty()
    opened = target_type.open(options)
    return await replay_into_open(run, opened, durable=target_type.durable, hidden=hidden, as_json=as_json)


async def replay_into_open(
    run: ReplayRun,
    opened: AbstractAsyncContextManager[Target],
    *,
    durable: bool = True,
    hidden: bool = False,
    as_json: bool = False,
) -> int:
    """Replay into a target, print its report, and return the exit code.

    Args:
        run: what to replay.
        opened: opens the target.
        durable: see `orchestra.replay.targets.port.TargetType`.
        hidden: without a progress bar.
        as_json: the details of the report as JSON lines.

    """
    try:
        with stop_on_signal() as stop:
            async with opened as target:
                run = run.select(target.narrow(run.selection))
                with ProgressBar("events", await total(run), hidden=hidden) as bar:
                    result = await run.replay(stop, bar, keep=durable).into(target)
                    report = await target.report(result)
    except BrokenPipeError:  # the reader of the output has seen enough
        return 0
    print_details(report.details, as_json)
    for each in report.notes:
        note(each)
    return finished(run, result) or report.exit_code


@singledispatch
def print_details(details: object, as_json: bool) -> None:
    """Print the details of a report, as Rich prints them unless there is a view for their type."""
    if as_json:
        say_json(details)
    else:
        terminal().print(details)


print_details.register(ConsumerResult, print_result)
print_details.register(type(None), lambda _details, _as_json: None)
