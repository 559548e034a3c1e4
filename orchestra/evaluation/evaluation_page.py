"""An evaluation run as an HTML page. The page is a template beside this module."""

from collections.abc import Sequence
from typing import Any

from orchestra.evaluation.evaluate import Evaluation
from orchestra.evaluation.html_page import page
from orchestra.evaluation.score_table import score_table


def evaluation_report(run: Evaluation, before: Sequence[Evaluation], title: str, **around: Any) -> str:
    """The page: the scores beside those of earlier runs, then everything that was missed.

    It needs no other file, unless ``around`` names a frame; see `html_page.page`.
    """
    return page("evaluation_page.html.j2", title, run=run, scores=score_table(before, run, "this run"), **around)
