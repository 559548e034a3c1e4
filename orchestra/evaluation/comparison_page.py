"""A comparison as one HTML page that needs no other file. The page is a template beside this module."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from orchestra.evaluation.call_diff import Comparison
from orchestra.evaluation.wording import ending, format_ms, remarks, sound_remarks, tool_line

_TEMPLATE = "comparison_page.html.j2"
#: characters of a tool call that are shown without pointing at it
_LONGEST = 200


def html_report(comparison: Comparison, title: str) -> str:
    """The page: the versions side by side, then every call; those that differ are unfolded."""
    return _template().render(comparison=comparison, title=title)


@cache
def _template() -> Template:
    # what callers, models and tools said is escaped wherever the template shows it
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "ending": ending,
        "ms": format_ms,
        "percent": lambda share: f"{share:.0%}",
        "remarks": remarks,
        "shortened": lambda text: text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…",
        "sound_remarks": sound_remarks,
        "tool_line": tool_line,
    }
    return environment.get_template(_TEMPLATE)
