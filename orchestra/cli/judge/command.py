"""`orchestra judge`: judges give their verdicts on recorded calls, each call and judge once."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from orchestra.cli.compare.command import progress_of
from orchestra.cli.ui.option_groups import option_groups
from orchestra.cli.ui.selection_options import SelectionOptions
from orchestra.cli.ui.terminal import complain, say_json
from orchestra.counted import counted

if TYPE_CHECKING:
    from orchestra.agents.after import Judge
    from orchestra.post_call.claims import Claims
    from orchestra.post_call.judge_calls import Judges, Judging, KnownCall
    from orchestra.replay.selection import Selection
    from orchestra.replay.sources.port import Filter, Source
    from orchestra.settings import Settings

#: whose calls are those of this installation's server
_OWN_SOURCES = ("auto", "archive", "journal")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeOptions:
    """Who judges, and how."""

    PANEL: ClassVar[str] = "Judges"

    judge: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE:NAME",
            help="A Judge, or several in a tuple; may be repeated. Default: the judges of each call's app.",
        ),
    ] = None
    app: Annotated[
        str, typer.Option(metavar="MODULE:NAME", help="The app whose judges judge, if not the configured one.")
    ] = ""
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="The model that judges in words ask, if not that of app or settings.")
    ] = ""
    again: Annotated[bool, typer.Option("--again", help="Also judge calls that have this judge's verdict.")] = False
    at_a_time: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="How many calls are judged at the same time. Default: ORCHESTRA_ANALYSIS_AT_ONCE."
        ),
    ] = None
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which calls lack a verdict and what that would cost; ask nobody.")
    ] = False
    forget: Annotated[
        bool, typer.Option("--forget", help="Do not publish the verdicts: to try a judge, also on files of journals.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What is printed, and when the exit code is 1."""

    PANEL: ClassVar[str] = "Output"

    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False
    min_pass: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, metavar="SHARE", help="Exit with 1 if a smaller share of the chosen calls passes a judge."
        ),
    ] = None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(judge)


@option_groups
def judge(
    *,
    calls: Annotated[
        list[str] | None, typer.Argument(help="Ids of calls, beginnings or ends of ids, or files of recorded journals.")
    ] = None,
    chosen: SelectionOptions,
    options: JudgeOptions,
    output: OutputOptions,
) -> None:
    """Judge recorded calls that are over and have not this judge's verdict yet.

    Each verdict is published as a further `call.analysed` of its call. What failed is tried again by the next run.
    Exits with 1 if a verdict failed, or not all calls were judged.
    """
    import uvloop

    from orchestra.log import quiet_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    quiet_logging(settings, "judge")
    _check(calls or [], chosen, options)
    judges = _judges(settings, options)
    found = uvloop.run(_judge(settings, calls or [], chosen, judges, options))
    if output.as_json:
        say_json(_as_json(found, settings, dry_run=options.dry_run))
    else:
        from orchestra.cli.judge.view import show_judging
        from orchestra.cli.ui.console import terminal

        show_judging(terminal(), found, settings.prices, dry_run=options.dry_run)
    if problems := _problems(found, output.min_pass):
        complain(*problems)
        sys.exit(1)


def _check(names: list[str], chosen: SelectionOptions, options: JudgeOptions) -> None:
    from orchestra.errors import UsageError
    from orchestra.replay.selection import Selection

    if not names and chosen.selection() == Selection() and chosen.source in _OWN_SOURCES:
        msg = "name calls to judge, or select them, like --since 2h; `orchestra calls list` shows what there is"
        raise UsageError(msg)
    foreign = _files(names)
    foreign += [chosen.source] if chosen.source not in _OWN_SOURCES else []
    if foreign and not (options.forget or options.dry_run):
        msg = (
            f"{foreign[0]}: verdicts are published on the journal that has the calls, and these are recordings from "
            "elsewhere: --forget only shows the verdicts"
        )
        raise UsageError(msg)


def _files(names: list[str]) -> list[str]:
    return [name for name in names if Path(name).is_file()]


def _judges(settings: "Settings", options: JudgeOptions) -> "Judges":
    from orchestra.agents.loader import load_lines
    from orchestra.errors import UsageError
    from orchestra.post_call.judge_calls import AppJudges, Judges

    if not options.judge:
        found: Judges = AppJudges(load_lines(options.app or settings.app), options.model)
        if not found.every:
            msg = (
                f"no app of {options.app or settings.app} has judges: write App(after=After(judges=(Judge(…),))), or "
                "name one here: --judge judges:polite"
            )
            raise UsageError(msg)
        return found
    if options.app:
        msg = "--judge names who judges, --app an app whose judges do: use one of them"
        raise UsageError(msg)
    named = [judge for name in options.judge for judge in _named(name)]
    names = [judge.name for judge in named]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        msg = f"--judge: two judges are named {doubled[0]!r}: rename one, or judge with one after the other"
        raise UsageError(msg)
    return Judges(named, options.model)


def _named(name: str) -> "tuple[Judge, ...]":
    """The judges at ``module:attribute``."""
    from orchestra.agents.after import After, Judge
    from orchestra.agents.loader import load_named
    from orchestra.errors import UsageError

    found = load_named(name, "judge", "judges:polite")
    found = found.judges if isinstance(found, After) else (found,) if isinstance(found, Judge) else found
    if not isinstance(found, list | tuple) or not found or not all(isinstance(each, Judge) for each in found):
        msg = (
            f"judge {name!r}: {name.partition(':')[2]!r} is {type(found).__name__}, not an orchestra.Judge, a tuple of "
            "them, or an After that has some"
        )
        raise UsageError(msg)
    return tuple(found)


async def _judge(
    settings: "Settings", names: list[str], chosen: SelectionOptions, judges: "Judges", options: JudgeOptions
) -> "Judging":
    from orchestra.async_tasks import end_signal
    from orchestra.errors import UsageError
    from orchestra.post_call.judge_calls import CallJudge, known_calls

    stop = end_signal()
    complaints: dict[str, None] = {}
    async with AsyncExitStack() as stack:
        claims = None if options.forget or options.dry_run else await stack.enter_async_context(_claims(settings))
        source, wanted = await stack.enter_async_context(
            _recorded(settings, names, chosen, own=claims is not None, complaints=complaints)
        )
        calls = await known_calls(source, wanted, bool(names), complaints.setdefault)
        if not calls:
            msg = "no recorded call fits: `orchestra calls list` shows what there is"
            raise UsageError(msg)
        calls = _of_this_journal(calls, claims, complaints)
        judging = CallJudge(
            source=source,
            judges=judges,
            models=None,
            claims=claims,
            asks=not options.dry_run,
            default_model=settings.model,
            at_a_time=options.at_a_time or settings.analysis_at_once,
            again=options.again,
            context_tokens=settings.analysis_context_tokens,
            on_warning=complaints.setdefault,
        )
        lacking = len(judging.lacking(calls))
        in_words = any(isinstance(judge.criterion, str) for judge in judges.every)
        if lacking and in_words and not options.dry_run:
            from orchestra.execution.models import open_models

            models = await stack.enter_async_context(open_models(settings))
            judging = replace(judging, models=models)
        progress = stack.enter_context(progress_of(lacking))
        task = None if progress is None else progress.add_task("judging", total=lacking)
        done = (lambda: None) if progress is None or task is None else partial(progress.advance, task)
        found = await judging.run(calls, stop, done)
    complain(*complaints)
    return found


def _of_this_journal(
    calls: "dict[str, KnownCall]", claims: "Claims | None", complaints: dict[str, None]
) -> "dict[str, KnownCall]":
    """The calls whose verdicts would be read: another journal in the archive may have had more partitions."""
    kept = calls if claims is None else {call: known for call, known in calls.items() if claims.has_place_for(call)}
    if len(kept) < len(calls):
        complaints.setdefault(
            f"{counted(len(calls) - len(kept), 'call')} left out, whose partitions this journal does not have"
        )
    return kept


@asynccontextmanager
async def _claims(settings: "Settings") -> "AsyncIterator[Claims]":
    from orchestra.bus import Bus
    from orchestra.post_call.claims import open_claims

    bus = await Bus.connect(settings)
    try:
        async with open_claims(bus) as claims:
            yield claims
    finally:
        await bus.close()


@asynccontextmanager
async def _recorded(
    settings: "Settings", names: list[str], chosen: SelectionOptions, *, own: bool, complaints: dict[str, None]
) -> "AsyncIterator[tuple[Source, Filter]]":
    """Where the calls are, and which are wanted; ``own``: only what belongs to this installation's journal."""
    from orchestra.errors import UsageError
    from orchestra.replay.selection import open_selection
    from orchestra.replay.sources.auto import MergedSource

    files = _files(names)
    if len(files) > 1 or (files and len(names) > 1):
        msg = f"judge {files[0]} alone: it is a recording of its own"
        raise UsageError(msg)
    selection: Selection = chosen.selection(() if files else tuple(names))
    async with open_selection(settings, selection, files[0] if files else chosen.source, complaints.setdefault) as (
        source,
        wanted,
    ):
        yield source.without_files() if own and isinstance(source, MergedSource) else source, wanted


def _problems(found: "Judging", min_pass: float | None) -> list[str]:
    """Why the exit code is 1."""
    problems = []
    if found.left:
        problems.append(f"{counted(found.left, 'call')} left unjudged, as {found.stopped}: the same command goes on")
    if found.failed:
        problems.append(f"{counted(found.failed, 'verdict')} failed: the same command tries again")
    for each in found.judges if min_pass is not None else ():
        if each.share is None or each.share < (min_pass or 0.0):
            share = "of no call can be told whether it passes" if each.share is None else f"{each.share:.1%} pass"
            problems.append(f"{each.judge}: {share}; at least {min_pass:.1%} have to")
    return problems


def _as_json(found: "Judging", settings: "Settings", *, dry_run: bool) -> dict[str, Any]:
    import msgspec

    from orchestra.cli.judge.view import models_cost

    values: dict[str, Any] = msgspec.to_builtins(found)
    return {"dry_run": dry_run, **values, "cost": models_cost(found, settings.prices)}
