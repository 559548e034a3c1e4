"""When an alarm is raised and cleared. Pure: no clock, no database."""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from orchestra.monitoring.monitor import Monitor
from orchestra_schemas import AlarmCleared, AlarmRaised


class AlarmState(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a monitor is; kept on the server, so that a restart neither repeats nor forgets an alarm.

    ::

        looks     ok  WRONG  ok  WRONG  WRONG   ok  WRONG  ok  ok       (times = 2)
        alarm                           raised                 cleared

    Attributes:
        alarm: the id under which the alarm is; empty: there is none.
        raised_at: when it was raised, epoch seconds.
        against: looks in a row that speak against the present state.
        source: the file that has the monitor; empty: it is a built-in one, without a file.

    """

    alarm: str = ""
    raised_at: float = 0.0
    against: int = 0
    source: str = ""


def look(
    monitor: Monitor,
    state: AlarmState,
    value: float | None,
    at: float,
    *,
    new_alarm: Callable[[], str],
    about: str = "",
) -> tuple[AlarmState, AlarmRaised | AlarmCleared | None]:
    """The state after one more look, and what is to be published; ``value`` is None where there is nothing to tell.

    Args:
        monitor: whose figure it is.
        state: as it was before.
        value: the figure.
        at: now, epoch seconds.
        new_alarm: makes the id of an alarm.
        about: what was found, in place of the monitor's own words.

    """
    if value is None:
        return state, None
    if monitor.is_wrong(value) == bool(state.alarm):
        return replace(state, against=0), None
    against = state.against + 1
    if against < monitor.times:
        return replace(state, against=against), None
    if state.alarm:
        cleared = AlarmCleared(
            call=state.alarm,
            monitor=monitor.name,
            value=value,
            threshold=monitor.threshold,
            side=monitor.side,
            duration_s=round(max(0.0, at - state.raised_at), 3),
        )
        return AlarmState(source=state.source), cleared
    raised = AlarmRaised(
        call=new_alarm(),
        monitor=monitor.name,
        value=value,
        threshold=monitor.threshold,
        side=monitor.side,
        window_s=monitor.window_s,
        about=about or monitor.about,
    )
    return AlarmState(alarm=raised.call, raised_at=at, source=state.source), raised


def clear_removed(name: str, state: AlarmState, at: float) -> AlarmCleared:
    """The end of an alarm whose monitor is not there any more."""
    return AlarmCleared(
        call=state.alarm,
        monitor=name,
        duration_s=round(max(0.0, at - state.raised_at), 3),
        about="its monitor was taken away",
    )
