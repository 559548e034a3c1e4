"""A comparison as an HTML page. The page is a template beside this module."""

from typing import Any

from orchestra.evaluation.call_diff import Comparison
from orchestra.evaluation.html_page import page


def html_report(comparison: Comparison, title: str, **around: Any) -> str:
    """The page: the versions side by side, then every call; those that differ are unfolded.

    It needs no other file, unless ``around`` names a frame; see `html_page.page`.
    """
    return page("comparison_page.html.j2", title, comparison=comparison, **around)
