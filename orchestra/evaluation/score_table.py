"""The scores of a run beside those of earlier runs, as the terminal and the HTML page show them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestra.evaluation.evaluate import SCORES, Evaluation, format_score
from orchestra.evaluation.results import latest_by_version


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A score of each run, and the ``change`` since the last one: ``better``, worse (False), or neither (None)."""

    title: str
    values: tuple[str, ...]
    change: str = ""
    better: bool | None = None


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """The runs by their ``titles``, the oldest first, and a row for each score."""

    titles: tuple[str, ...]
    rows: tuple[ScoreRow, ...]


def score_table(before: Sequence[Evaluation], run: Evaluation, this: str) -> ScoreTable:
    """The table of a run, called ``this``, and of the latest run of each version and model ``before`` it."""
    runs = latest_by_version(list(before), run)
    last = max(runs[:-1], key=lambda each: each.at, default=None)
    rows = [ScoreRow("calls, turns", tuple(f"{each.calls}, {each.turns}" for each in runs))]
    for name, title, more_is_better in SCORES:
        values = tuple(format_score(name, each.scores.get(name)) for each in runs)
        score, earlier = run.scores.get(name), None if last is None else last.scores.get(name)
        if score is None or earlier is None or score == earlier:
            rows.append(ScoreRow(title, values))
        else:
            better = (score > earlier) == more_is_better
            rows.append(ScoreRow(title, values, _change(name, score - earlier), better))
    titles = [f"{each.version} {each.model} {each.at[:16] if each is not run else this}" for each in runs]
    return ScoreTable(tuple(titles), tuple(rows))


def _change(name: str, by: float) -> str:
    return f"{by:+,.0f} ms" if "_ms" in name else f"{100 * by:+.1f} points"
