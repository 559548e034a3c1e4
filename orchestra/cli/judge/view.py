"""What judges say of recorded calls, in the terminal."""

from typing import Any

from rich.console import Console
from rich.text import Text

from orchestra.cli.ui.console import QUIET, WARNING
from orchestra.cli.ui.table import columns, print_table
from orchestra.counted import counted
from orchestra.history.usage import Usage, cost_of
from orchestra.post_call.judge_calls import JudgedCall, Judging
from orchestra.prices import Prices
from orchestra_schemas import Verdict

#: calls that do not pass, or whose verdict failed: more are in the JSON
_SHOWN = 20


def show_judging(console: Console, found: Judging, prices: Prices, *, dry_run: bool) -> None:
    """Print the calls that do not pass, the figures of each judge, and what it has cost."""
    for problem in found.problems:
        console.print(Text(problem, WARNING), soft_wrap=True)
    if not dry_run:
        _show_calls(console, found)
        _show_judges(console, found)
    console.print(_summary(found, prices, dry_run=dry_run), soft_wrap=True)


def models_cost(found: Judging, prices: Prices) -> dict[str, Any]:
    """What the models cost: ``total`` in ``currency``, and the models without a price, ``unpriced``."""
    cost = cost_of(Usage(models=found.tokens), prices)
    unpriced = [name for name in cost.unpriced if name in found.tokens]
    return {"total": cost.models, "currency": cost.currency, "unpriced": unpriced}


def _show_calls(console: Console, found: Judging) -> None:
    said = [(call, verdict) for call in found.calls for verdict in _remarkable(call)]
    for call, verdict in said[:_SHOWN]:
        turns = f" (turn {', '.join(map(str, verdict.turns))})" if verdict.turns else ""
        what = verdict.error or verdict.reason or "it does not pass"
        style = WARNING if verdict in call.failed else ""
        console.print(Text.assemble((call.call, "bold"), f"  {verdict.judge}: ", (what, style), turns), soft_wrap=True)
    if len(said) > _SHOWN:
        console.print(Text(f"and {len(said) - _SHOWN} more: --json has them all", QUIET))


def _remarkable(call: JudgedCall) -> list[Verdict]:
    return [*call.failed, *(verdict for verdict in call.verdicts if verdict.passed is False)]


def _show_judges(console: Console, found: Judging) -> None:
    numbers = ("passed", "not passed", "cannot tell", "failed", "share")
    rows = [
        [
            each.judge,
            each.version,
            *(f"{count:,}" for count in (each.passed, each.not_passed, each.cannot_tell, each.failed)),
            "–" if each.share is None else f"{each.share:.1%}",
        ]
        for each in found.judges
    ]
    print_table(console, columns("judge", "version", *numbers, right=numbers), rows)


def _summary(found: Judging, prices: Prices, *, dry_run: bool) -> str:
    judged = sum(bool(each.verdicts) or dry_run for each in found.calls)
    parts = [f"{counted(judged, 'call')} {'would be ' if dry_run else ''}judged"]
    parts += [f"{found.had:,} lacked no verdict"] if found.had else []
    parts += [f"{found.running:,} not over"] if found.running else []
    parts += [f"{found.left:,} left"] if found.left else []
    if found.tokens:
        about = "about " if dry_run else ""
        prompt = sum(each.prompt for each in found.tokens.values())
        completion = sum(each.completion for each in found.tokens.values())
        parts.append(f"{about}{counted(prompt, 'token')} in" + ("" if dry_run else f", {completion:,} out"))
        cost = models_cost(found, prices)
        if prices.any:
            parts.append(f"{about}{cost['total']:,.4f} {cost['currency']}")
            parts += [f"no price is set for {', '.join(cost['unpriced'])}"] if cost["unpriced"] else []
    return " · ".join(parts)
