"""What was dialled decides: the lines of a system as plain data, which edges and workers read alike."""

from orchestra.lines.dialled import ANY, MELODY, WEB, line_name, names_of
from orchestra.lines.hours import Hours
from orchestra.lines.plan import NO_SHARES, AppId, LinePlan, LineRule, Shares, absolute_sound, version_name

__all__ = [
    "ANY",
    "MELODY",
    "NO_SHARES",
    "WEB",
    "AppId",
    "Hours",
    "LinePlan",
    "LineRule",
    "Shares",
    "absolute_sound",
    "line_name",
    "names_of",
    "version_name",
]
