"""A simulation in the terminal: what went wrong where, then a table of the scenarios."""

from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.text import Text

from orchestra.cli.ui.console import QUIET, WARNING
from orchestra.cli.ui.table import columns, print_table
from orchestra.evaluation.simulation.runs import SimulatedRun
from orchestra.evaluation.simulation.simulate import Simulation
from orchestra.evaluation.simulation.wording import failure_line, format_share, wait_p95
from orchestra.evaluation.wording import format_ms

_SHOWN = 20


def show_simulation(console: Console, found: Simulation, kept: Path | None) -> None:
    """Print it; ``kept`` is the file that has all of it."""
    for problem in found.problems:
        console.print(Text(problem, WARNING), soft_wrap=True)
    unsuccessful = [run for run in found.runs if not run.passed]
    for run in unsuccessful[:_SHOWN]:
        _print_run(console, run)
    if len(unsuccessful) > _SHOWN:
        console.print(Text(f"and {len(unsuccessful) - _SHOWN} more: --json has them all", QUIET))
    _print_table(console, found)
    played = f"callers played by {found.persona}" if found.persona else "callers without a model"
    console.print(Text(f"{found.version} with {found.model}, by {found.by}, {played}, seed {found.seed}", QUIET))
    if kept is not None:
        console.print(f"kept as {kept}", style=QUIET, soft_wrap=True)


def _print_run(console: Console, run: SimulatedRun) -> None:
    where = (f"{run.scenario}, seed {run.seed}", "bold")
    if run.passed is None:
        console.print(Text.assemble(where, (f" is invalid: {run.invalid}", WARNING)), soft_wrap=True)
        return
    for failure in run.failures:
        console.print(Text.assemble(where, failure_line(failure)), soft_wrap=True)


def _print_table(console: Console, found: Simulation) -> None:
    k = found.repeat
    titles = ["valid", "passed", "invalid", "pass^1", *([f"pass^{k}"] if k > 1 else []), "turns", "wait p95"]
    rows: list[list[str | Text]] = []
    for score in found.scores:
        runs = [run for run in found.runs if run.scenario == score.scenario and run.passed is not None]
        shares = [score.pass_hat[0], *([score.pass_hat[k - 1]] if k > 1 else [])]
        good = bool(score.valid) and score.passed == score.valid
        rows.append(
            [
                score.scenario,
                str(score.valid),
                Text(str(score.passed), "green" if good else "red"),
                Text(str(score.invalid), WARNING if score.invalid else ""),
                *map(format_share, shares),
                f"{fmean(len(run.turns) for run in runs):.1f}" if runs else "–",
                format_ms(wait_p95(runs)),
            ]
        )
    if len(found.scores) > 1:
        shares = [found.pass_hat(1), *([found.pass_hat(k)] if k > 1 else [])]
        valid = [run for run in found.runs if run.passed is not None]
        passed = sum(run.passed is True for run in valid)
        invalid = len(found.runs) - len(valid)
        turns = f"{fmean(len(run.turns) for run in valid):.1f}" if valid else "–"
        everything = [str(len(valid)), str(passed), str(invalid), *map(format_share, shares), turns]
        rows.append([Text("all", "bold"), *everything, format_ms(wait_p95(valid))])
    print_table(console, columns("scenario", *titles, right=titles), rows)
