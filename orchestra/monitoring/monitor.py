"""What a monitor is, and how a file of monitors is read."""

import shlex
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from orchestra.bus.redis.memory import NEARLY_FULL
from orchestra.errors import UsageError
from orchestra_schemas.monitors import Side

_Seconds = Annotated[float, msgspec.Meta(gt=0)]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Monitor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure and its threshold.

    Attributes:
        name: letters, digits, dots and dashes.
        sql: one SELECT over the views of `orchestra query`, with one number in one row; no row or NULL: there is
            nothing to tell, and nothing changes. ``{since}`` stands for the beginning of the window.
        by: a column of the query that names what each row is of (``version``): a second one has the number, and each
            row has an alarm of its own. One of which there is no row any more is cleared.
        run: instead of it, the arguments of an ``orchestra`` command (``simulate heartbeat.yaml``): the figure
            is 1 if it succeeds, else 0.
        figure: instead of both, one that is known without asking for it: ``memory`` is the used share of the Redis
            server's memory.
        above: the figure is wrong if it is higher than this; ``below``: lower. One of the two.
        window_s: over how many seconds the figure is taken.
        every_s: how often it is looked at.
        times: an alarm is raised after so many looks in a row that are wrong, and cleared after as many that are not.
        within_s: a look that takes longer has failed.
        about: what it watches, for whoever gets the alarm.

    """

    name: _Name
    sql: str = ""
    by: str = ""
    run: str = ""
    figure: Literal["", "memory"] = ""
    above: float | None = None
    below: float | None = None
    window_s: _Seconds = 900.0
    every_s: _Seconds = 60.0
    times: Annotated[int, msgspec.Meta(ge=1, le=100)] = 2
    within_s: _Seconds = 20.0
    about: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError: the parts do not go together."""
        if sum(bool(each.strip()) for each in (self.sql, self.run, self.figure)) != 1:
            msg = "give one of sql, run and figure"
            raise ValueError(msg)
        if self.by and not self.sql:
            msg = "by names a column of sql: give sql"
            raise ValueError(msg)
        if (self.above is None) == (self.below is None):
            msg = "give above or below"
            raise ValueError(msg)
        try:
            shlex.split(self.run)
        except ValueError as error:
            msg = f"run: {error}"
            raise ValueError(msg) from None

    @property
    def threshold(self) -> float:
        """The figure that it must not cross."""
        return (self.above if self.above is not None else self.below) or 0.0

    @property
    def side(self) -> Side:
        """The wrong side of the threshold."""
        return "above" if self.above is not None else "below"

    def is_wrong(self, value: float) -> bool:
        """Whether the figure has crossed the threshold."""
        return value > self.threshold if self.above is not None else value < self.threshold

    @property
    def arguments(self) -> list[str]:
        """The arguments of the command."""
        return shlex.split(self.run)


_ERRORS = """
SELECT avg(CAST(failed AS INTEGER)) FROM turns WHERE time >= {since} HAVING count(*) >= 20
"""
_WAIT = """
SELECT quantile_cont(total_ms, 0.95) FROM turns WHERE time >= {since} AND total_ms IS NOT NULL HAVING count(*) >= 20
"""
#: the lower end of the interval of each version's share, so that a few bad turns of a new one raise no alarm
_VERSIONS = """
SELECT version, share_low(count(*) FILTER (failed), count(*)) FROM turns
WHERE time >= {since} AND version <> '' GROUP BY version HAVING count(*) >= 20
"""
#: compared with the seven days before the window
_SUCCESS = """
SELECT avg(success) FILTER (time < {since}) - avg(success) FILTER (time >= {since})
FROM (
    SELECT time, CASE body->>'$.success' WHEN 'true' THEN 1 ELSE 0 END AS success FROM events
    WHERE type = 'call.analysed' AND body->>'$.success' IN ('true', 'false') AND time >= {since} - INTERVAL 7 DAY
)
HAVING count(*) FILTER (time >= {since}) >= 20 AND count(*) FILTER (time < {since}) >= 20
"""
#: workers look at it, too: it needs no process of its own
MEMORY = Monitor(
    name="memory",
    figure="memory",
    above=NEARLY_FULL,
    every_s=30.0,
    about="the share of the Redis server's memory that is used: a full one takes no calls",
)
BUILTIN = (
    Monitor(name="errors", sql=_ERRORS, above=0.05, about="the share of turns that the agents could not complete"),
    Monitor(name="wait", sql=_WAIT, above=2500.0, about="what 95 of 100 callers wait for a reply at most, in ms"),
    Monitor(
        name="versions",
        sql=_VERSIONS,
        by="version",
        above=0.05,
        window_s=3600.0,
        about="the share of turns that a version could not complete is surely higher than this",
    ),
    Monitor(
        name="success",
        sql=_SUCCESS,
        above=0.1,
        window_s=6 * 3600.0,
        every_s=600.0,
        about="how much lower the share of successful calls is than in the seven days before",
    ),
    MEMORY,
)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    monitor: list[dict[str, Any]] = []
    builtin: bool = True


def read_monitors(file: Path | None) -> tuple[Monitor, ...]:
    """The monitors of a file, after the built-in ones: one of the same name takes its place. Without a file, those.

    Raises:
        UsageError: the file cannot be read, or says something wrong.

    """
    if file is None:
        return BUILTIN
    try:
        text = file.read_text(encoding="utf-8")
        written = msgspec.convert(tomllib.loads(text), _File)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        msg = f"monitors {file}: {error}"
        raise UsageError(msg) from None
    tables = enumerate(written.monitor, 1)
    found = [_monitor(table, f"monitors {file}: [[monitor]] {number}") for number, table in tables]
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            msg = f"monitors {file}: two are named {name!r}: rename one"
            raise UsageError(msg)
    return (*_others(BUILTIN if written.builtin else (), names), *found)


def _others(monitors: Sequence[Monitor], names: Sequence[str]) -> list[Monitor]:
    return [each for each in monitors if each.name not in names]


def _monitor(table: dict[str, Any], where: str) -> Monitor:
    try:
        return msgspec.convert(table, Monitor)
    except (msgspec.ValidationError, ValueError) as error:
        msg = f"{where} {table.get('name', '')!r}: {error}"
        raise UsageError(msg) from None
