"""What was dialled decides: the lines of a system as plain data, which edges and workers read alike."""

from orchestra.lines.dialled import ANY, MELODY, WEB, line_name, names_of
from orchestra.lines.hours import Hours
from orchestra.lines.plan import AppId, LinePlan, LineRule, absolute_sound

__all__ = ["ANY", "MELODY", "WEB", "AppId", "Hours", "LinePlan", "LineRule", "absolute_sound", "line_name", "names_of"]
