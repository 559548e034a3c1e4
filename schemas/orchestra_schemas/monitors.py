"""Monitors: a figure over many calls has crossed its threshold, and is back.

Such an event belongs to no call. ``call`` is the id of the alarm, formed like that of a call: both events of an alarm
are in one journal, and are kept, shipped and delivered like those of calls.
"""

from typing import ClassVar, Literal

from orchestra_schemas.event import Event

Side = Literal["above", "below"]


class AlarmRaised(Event, frozen=True, kw_only=True):
    """A monitor's value is on the wrong side of its threshold, and has stayed there.

    Attributes:
        monitor: its name.
        value: that it found.
        threshold: that it has; ``side`` is the wrong one.
        window_s: over how many seconds the value was taken.
        about: what the monitor watches, in the words of its author; of a failed scenario, why it failed.

    """

    family: ClassVar[str] = "monitors"
    monitor: str
    value: float = 0.0
    threshold: float = 0.0
    side: Side = "above"
    window_s: float = 0.0
    about: str = ""


class AlarmCleared(Event, frozen=True, kw_only=True):
    """The value is back. ``duration_s`` is the time since `AlarmRaised`.

    ``about`` says why it was cleared otherwise: its monitor was taken away.
    """

    family: ClassVar[str] = "monitors"
    monitor: str
    value: float = 0.0
    threshold: float = 0.0
    side: Side = "above"
    duration_s: float = 0.0
    about: str = ""
