"""Results as HTML: one template for each kind, in the frame of a file that needs no other, or in the console's."""

from functools import cache
from pathlib import Path
from typing import Any

from orchestra.errors import MissingExtraError
from orchestra.evaluation.wording import ending, format_ms, remarks, sound_remarks, tool_line

try:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
except ModuleNotFoundError as missing:
    _msg = f'pages of results need {missing.name}: pip install "orchestra-voice[analysis]"'
    raise MissingExtraError(_msg) from missing

#: the frame of a file
_FRAME = "report_frame.html.j2"
#: characters of a tool call that are shown without pointing at it
_LONGEST = 200


def page(template: str, title: str, *, frame: str = "", call_link: str = "", **values: Any) -> str:
    """A result on a page.

    Args:
        template: the file beside this module.
        title: of the page.
        frame: the template of the page around it, with a block ``report``; without one, that of a file.
        call_link: the address of a call's page, without its id; without one, calls are no links.
        values: for the template.

    """
    environment = _environment()
    around = environment.from_string(frame) if frame else _FRAME
    return environment.get_template(template).render(frame=around, title=title, call_link=call_link, **values)


@cache
def _environment() -> Environment:
    # what callers, models and tools said is escaped wherever a template shows it
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
    return environment
