"""Opening hours of a line, in its own time zone."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from orchestra.errors import AppError

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MIN: Final = 24 * 60
_SPAN = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])-([01]?[0-9]|2[0-4]):([0-5][0-9])", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

#: minutes since midnight; the end may be on the next day
_Span = tuple[int, int]


class Hours(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a line is open.

    >>> hours = Hours("Europe/Berlin", {"mon-fri": "9:00-12:30, 13:30-17:00", "sat": "22:00-02:00"})
    >>> hours.is_open(datetime(2026, 6, 1, 12, 0, tzinfo=ZoneInfo("Europe/Berlin")).timestamp())
    True

    Attributes:
        zone: a name of the IANA time zone database.
        week: times by day, or from day to day (``mon-fri``); a day that is not named is closed.
        exceptions: times by date (``2026-12-24``) in place of those of the week; empty: closed all day.

    """

    zone: str
    week: dict[str, str]
    exceptions: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Report a mistake where it is made.

        Raises:
            AppError: a zone, day, date or time is not one; the message says which, and how to write it.

        """
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, TypeError, OSError):
            msg = f"Hours: {self.zone!r} is no time zone: write a name like Europe/Berlin or America/New_York"
            raise AppError(msg) from None
        seen: dict[int, str] = {}
        for days, times in self.week.items():
            _spans(times, f"hours of {days!r}")
            for day in _days(days):
                if day in seen:
                    msg = f"Hours: {_DAYS[day]} is in {seen[day]!r} and in {days!r}: name each day once"
                    raise AppError(msg)
                seen[day] = days
        for on, times in self.exceptions.items():
            _check_date(on)
            _spans(times, f"hours of {on!r}")

    def is_open(self, at: float) -> bool:
        """Whether the line is open at this moment, epoch seconds."""
        local = datetime.fromtimestamp(at, ZoneInfo(self.zone))
        minute = local.hour * 60 + local.minute
        today = local.date()
        if any(start <= minute < end for start, end in self._on(today)):
            return True
        return any(minute + _DAY_MIN < end for _, end in self._on(today - timedelta(days=1)))

    def _on(self, day: date) -> list[_Span]:
        exception = self.exceptions.get(day.isoformat())
        if exception is not None:
            return _spans(exception, "")
        return [span for days, times in self.week.items() if day.weekday() in _days(days) for span in _spans(times, "")]


def _days(text: str) -> Iterator[int]:
    first, to, last = text.strip().lower().partition("-")
    try:
        begin = _DAYS.index(first.strip())
        end = _DAYS.index(last.strip()) if to else begin
    except ValueError:
        msg = f"Hours: {text!r} is no day: write mon, tue, wed, thu, fri, sat or sun, or a range like mon-fri"
        raise AppError(msg) from None
    return iter([(begin + step) % len(_DAYS) for step in range((end - begin) % len(_DAYS) + 1)])


def _spans(text: str, where: str) -> list[_Span]:
    spans = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        found = _SPAN.fullmatch(part.replace(" ", ""))
        start, end = (0, 0) if found is None else (_minute(found, 1), _minute(found, 3))
        if found is None or start >= _DAY_MIN or end > _DAY_MIN or start == end:
            msg = f"Hours: {where}: {part!r} is no time of a day: write 9:00-17:00, and several with a comma"
            raise AppError(msg)
        spans.append((start, end if end > start else end + _DAY_MIN))
    return spans


def _minute(found: re.Match[str], group: int) -> int:
    return int(found[group]) * 60 + int(found[group + 1])


def _check_date(text: str) -> None:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError  # noqa: TRY301 - told as for a day that the calendar does not have
        date.fromisoformat(text)
    except ValueError:
        msg = f"Hours: {text!r} is no date: write 2026-12-24"
        raise AppError(msg) from None
