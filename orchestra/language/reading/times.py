"""Times of day, dates and years.

The half of the day is said only if the text gives it: hours are read as they are written.
"""
# ruff: noqa: E501 - tables and patterns have one entry a line

import re
from typing import Final

from orchestra.language.reading.applying import Reading
from orchestra.language.reading.cldr import day_names, month_names, months
from orchestra.language.reading.notation import AFTER
from orchestra.language.reading.numerals import Numerals
from orchestra.language.reading.rules import Rules

_HOUR: Final = r"[01]?[0-9]|2[0-4]"
_MINUTE: Final = r"[0-5][0-9]"
_DAY: Final = r"3[01]|[12][0-9]|0?[1-9]"
_MONTH: Final = r"1[0-2]|0?[1-9]"
_BEGIN: Final = r"(?<![\w.,:/-])"
#: a time does not end inside another figure; a stop after it ends the sentence
_END: Final = r"(?!\w|[:/][0-9]|[.,][0-9])"
_NO_RANGE: Final = r"(?!\s?[-–—]\s?[0-9])"
#: figures that last, or compare
_LASTING: Final = r"(?!\s?(?:min|sec|seg|sek|Min|Sek|Stunden|hs\b))"
#: and words before them that say so
_NO_TIME: Final = re.compile(
    r"\b(?:dauer\w*|dur[aeóé]\w*|duurt?|Maßstab|Verhältnis|escala|proporci[oó]n|proporção|échelle|rapporto?|scala|schaal|verhouding)"
    r"\W{1,3}(?:\w+\s){0,2}\Z",
    re.IGNORECASE,
)
_WORDS_BEFORE: Final = 40
_NOON, _MIDNIGHT = 12, 24
_MONTHS: Final = 12
_FULL_YEAR: Final = 4
_CENTURY: Final = 100


class Times:
    """Reads times of day out."""

    def __init__(self, rules: Rules) -> None:
        self._clock = rules.clock
        self._amount_behind = rules.amount_behind()

    def readings(self) -> list[Reading]:
        """Ranges first, whose ends are times too."""
        clock = self._clock
        before = rf"(?:(?P<before>\b(?:{clock.before}))\s)?"
        spans = rf"{before}{_BEGIN}{self._end(1)}\s?[-–—]\s?{self._end(2)}{_END}"
        hours = (
            rf"{before}{_BEGIN}(?P<hour1>{_HOUR})(?P<word1>\s?{clock.hours})?\s?[-–—]\s?(?P<hour2>{_HOUR})\s?{clock.hours}(?!\w)"
            r"(?P<minute1>(?!))?(?P<half1>(?!))?(?P<minute2>(?!))?(?P<half2>(?!))?"
        )
        halves = self._half(1)
        loose = rf"(?P<hour1>{_HOUR})(?:{clock.with_word})(?P<minute1>{_MINUTE})"
        none = r"(?P<half1>(?!))?"
        no_amount = rf"(?!(?:\s\w{{1,3}}\s[0-9.,]+)?{self._amount_behind.pattern})"
        return [
            Reading(frozenset("-–—"), re.compile(spans), self._say_ends),
            Reading(frozenset("-–—"), re.compile(hours), self._say_hours),
            Reading(
                frozenset("mM"),
                re.compile(rf"{before}{_BEGIN}(?P<hour1>{_HOUR})(?P<minute1>(?!))?\s?{halves}"),
                self._say,
            ),
            Reading(frozenset(), re.compile(rf"{before}{_BEGIN}{self._time()}{_END}{_NO_RANGE}{_LASTING}"), self._say),
            Reading(frozenset("."), re.compile(rf"{before}{_BEGIN}{loose}\s?{clock.hours}(?!\w){none}"), self._say),
            Reading(
                frozenset("."),
                re.compile(rf"(?P<before>\b(?:{clock.before}))\s{loose}{_END}{_NO_RANGE}{no_amount}{none}"),
                self._say,
            ),
        ]

    def _half(self, place: int) -> str:
        return self._clock.half.replace("(?P<half>", f"(?P<half{place}>")

    def _time(self) -> str:
        """Taken with its words or not at all: ``9:30 Uhr`` of ``9:30 Uhr–11 Uhr`` is not ``9:30``."""
        clock = self._clock
        return (
            rf"(?P<hour1>{_HOUR})(?:{clock.inside})(?P<minute1>{_MINUTE})"
            rf"(?:\s?(?:{clock.hours})(?!\w))?+(?:\s?{self._half(1)})?+"
        )

    def _end(self, place: int) -> str:
        """One end of a range, with or without minutes and the word for hours."""
        clock = self._clock
        return (
            rf"(?P<hour{place}>{_HOUR})(?:(?:(?P<inside{place}>{clock.inside})|(?:{clock.with_word}))(?P<minute{place}>{_MINUTE}))?"
            rf"(?P<word{place}>\s?(?:{clock.hours})(?!\w))?+(?:\s?{self._half(place)})?+"
        )

    def _say(self, found: re.Match[str]) -> str:
        said = None if self._may_last(found) else self._one(found, 1, found["before"] or "")
        if said is None:
            return found[0]
        return f"{said}." if _ends_the_sentence(found) else said

    def _may_last(self, found: re.Match[str]) -> bool:
        """``1:30 horas`` and ``dauert 1:30``: how long, not when; ``1h30`` is said alike."""
        if not re.match(r"[0-9]{1,2}[:.]", found[0]):
            return False
        counted = re.search(r"[^\W\d_]{3,}\Z", found[0]) and self._clock.counts_hours and int(found["hour1"]) <= _NOON
        return bool(counted) or _is_said_to_last(found)

    def _say_ends(self, found: re.Match[str]) -> str:
        """``9 Uhr–11.30 Uhr``; without a word for hours, figures with points are times behind certain words alone."""
        minutes = found["minute1"] and found["minute2"]
        is_time = minutes and found["before"] and not self._amount_behind.match(found.string, found.end())
        named = found["word2"] or found["half2"] or (found["inside2"] and (found["inside1"] or found["word1"]))
        if not (found["minute1"] or found["minute2"]) or not (named or is_time):
            return found[0]
        return self._say_span(found)

    def _say_hours(self, found: re.Match[str]) -> str:
        """``9–17 h``; ``2-3 horas`` may be how long, and is read as a measure, which is right for both."""
        may_last = self._clock.counts_hours and int(found["hour2"]) <= _NOON and not (found["before"] or found["word1"])
        return found[0] if may_last or _is_said_to_last(found) else self._say_span(found)

    def _say_span(self, found: re.Match[str]) -> str:
        begin, end = self._clock.span
        first, last = self._one(found, 1, found["before"] or begin), self._one(found, 2, end)
        if first is None or last is None:
            return found[0]
        return f"{first} {last}." if _ends_the_sentence(found) else f"{first} {last}"

    def _one(self, found: re.Match[str], place: int, before: str) -> str | None:
        hour, minute = int(found[f"hour{place}"]), int(found[f"minute{place}"] or 0)
        half = (found[f"half{place}"] or "").lower()
        if (half and not 0 < hour <= _NOON) or (hour == _MIDNIGHT and minute):
            return None
        return self._clock.say(hour, minute, before, half)


def _is_said_to_last(found: re.Match[str]) -> bool:
    return _NO_TIME.search(found.string[max(0, found.start() - _WORDS_BEFORE) : found.start()]) is not None


def _ends_the_sentence(found: re.Match[str]) -> bool:
    """Whether the full stop of "p.m." is that of the sentence too."""
    return found[0].endswith(".") and not found.string[found.end() :].strip()


class Calendar:
    """Reads dates and years out."""

    def __init__(self, rules: Rules, numerals: Numerals) -> None:
        self._rules = rules
        self._numerals = numerals
        self._months = months(rules.locale)
        self._names = month_names(rules.locale)

    def readings(self) -> list[Reading]:
        """Dates in figures, dates with a month's name, years."""
        dates = self._rules.dates
        before = rf"(?:(?P<before>\b(?:{dates.before}))\s)?"
        full = "|".join(sorted(self._months, key=len, reverse=True))
        of = r"\sde\s" if dates.joint.strip() else r"\s?"
        month = rf"(?P<month>{full})(?:\.(?=\s?\S))?"
        named = rf"(?P<day>{_DAY})(?:{dates.mark})?{of}{month}(?!\w)"
        second = rf"(?:{_DAY})(?:{dates.mark})?{of}(?:{full})(?!\w)"
        year = r"(?:,?\s(?:del?\s)?(?P<year>[12][0-9]{3})(?![\w:]|[.,][0-9]))?"
        pair = (
            rf"{before}{_BEGIN}(?P<day>{_DAY})(?:{dates.mark})?(?P<joint>\s?[-–—]\s?|\s(?:{self._rules.to.strip()}|[a-z]{{1,3}})\s)"
            rf"(?={second})"
        )
        years = r"(?:1[1-9]|20)[0-9]{2}"
        weekdays = "|".join(rf"{name.partition('-')[0]}(?:-feira)?" for name in day_names(self._rules.locale))
        dated = rf"(?P<before>\b(?:{dates.before}|(?i:{weekdays}),?))\s"
        return [
            *self._spans(before, rf"{named}{year}", second),
            Reading(frozenset("-"), re.compile(rf"{before}{_BEGIN}(?P<year>{years})-(?P<month>[01][0-9])-(?P<day>[0-3][0-9]){_END}"), self._say_figures),
            Reading(frozenset("./-"), re.compile(rf"{before}{_BEGIN}(?P<day>[0-3][0-9])(?P<mark>[./-])(?P<month>[0-3][0-9])(?P=mark)(?P<year>[0-9]{{4}}|[0-9]{{2}}){_END}"), self._say_figures),
            Reading(frozenset("./-"), re.compile(rf"{before}{_BEGIN}(?P<day>[0-3]?[0-9])(?P<mark>[./-])(?P<month>[0-3]?[0-9])(?P=mark)(?P<year>[0-9]{{4}}){_END}"), self._say_figures),
            Reading(frozenset("./-"), re.compile(rf"{dated}(?P<day>{_DAY})(?:{dates.short})(?P<month>{_MONTH})(?:\.(?=\s?\S)|{_END})(?P<year>(?!))?"), self._say_figures),
            Reading(frozenset(), re.compile(pair, re.IGNORECASE), self._say_pair),
            Reading(frozenset(), re.compile(rf"{before}{_BEGIN}{named}{year}", re.IGNORECASE), self._say_named),
            Reading(frozenset(), re.compile(rf"(?<!\w)(?P<month>{full})(?P<of>,?\s(?:del?\s)?)(?P<year>{years})(?![\w:]|[.,-][0-9])", re.IGNORECASE), self._say_month),
            Reading(frozenset("-–—/"), re.compile(rf"{_BEGIN}(?P<first>(?:19|20)[0-9]{{2}})\s?[-–—]\s?(?P<last>(?:19|20)[0-9]{{2}}){AFTER}"), self._say_years),
            Reading(frozenset(), re.compile(rf"(?P<word>\b(?:{dates.year_words})\s)(?P<years>{years}(?:(?:,\s|\s\w{{1,4}}\s){years})*){AFTER}(?!\s?(?:{self._rules.counted}|[€$£%]))", re.IGNORECASE), self._say_listed),
        ]  # fmt: skip

    def _spans(self, before: str, named: str, second: str) -> list[Reading]:
        """The first of two dates and what joins it to the second, which is read afterwards."""
        rules = self._rules
        joint = r"(?:\s?[–—]\s?|\s-\s|-(?![0-9]{1,2}-))"
        figures = rf"(?:{_DAY})(?P<mark2>[./-])(?:{_MONTH})(?P=mark2)(?:[12][0-9]{{3}}|(?<=[0-9]{{2}}[./-][0-9]{{2}}[./-])[0-9]{{2}})"
        is_read = re.fullmatch(rules.dates.before, rules.to) is not None
        short = rf"(?:{_DAY})(?:{rules.dates.short})(?:{_MONTH})" if is_read else "(?!)"
        day = rf"(?P<day>{_DAY})(?:(?P<mark>[./-])(?P<month>{_MONTH})(?:(?P=mark)(?P<year>[0-9]{{4}}|[0-9]{{2}})?)?|\.|(?=[-–—]))"
        iso = rf"(?:1[1-9]|20)[0-9]{{2}}-(?:0[1-9]|1[0-2])-(?:{_DAY})"
        return [
            Reading(frozenset("-–—"), re.compile(rf"{before}{_BEGIN}(?={iso})(?P<year>[0-9]{{4}})-(?P<month>[0-9]{{2}})-(?P<day>[0-9]{{2}})\s?[-–—]\s?(?={iso}{_END}{_NO_RANGE})"), self._say_first),
            Reading(frozenset("-–—"), re.compile(rf"{before}{_BEGIN}{day}{joint}(?=(?:{figures}|(?(before){short}|(?!))){_END}{_NO_RANGE})"), self._say_first),
            Reading(frozenset("-–—"), re.compile(rf"{before}{_BEGIN}{named}\s?[-–—]\s?(?={second})", re.IGNORECASE), self._say_first),
        ]  # fmt: skip

    def _say_first(self, found: re.Match[str]) -> str:
        day, month, year, to = int(found["day"]), found["month"] or "", found["year"] or "", self._rules.to
        before = found["before"] or ""
        if month:
            month = self._names[int(month) - 1] if month.isdigit() else self._months[month.lower()]
        return f"{before} {self._after(before or to, day, month, year)} {to} ".lstrip()

    def _say_figures(self, found: re.Match[str]) -> str:
        day, month, year = int(found["day"]), int(found["month"]), found["year"] or ""
        if month > _MONTHS >= day:
            day, month = month, day  # as in the United States; the other way round there is no such date
        if not 1 <= day <= 31 or not 1 <= month <= _MONTHS:  # noqa: PLR2004
            return found[0]
        return self._date(found["before"] or "", day, self._names[month - 1], year)

    def _say_named(self, found: re.Match[str]) -> str:
        if int(found["day"]) == 1 and found.string[: found.start()].endswith(("'", "’")):
            return found[0]  # "l'1 maggio" is not "l'primo"
        return self._date(
            found["before"] or "", int(found["day"]), self._months[found["month"].lower()], found["year"] or ""
        )

    def _say_pair(self, found: re.Match[str]) -> str:
        joint = found["joint"]
        if joint.strip() in {"-", "–", "—"}:
            joint = f" {self._rules.to} "
        before = found["before"] or ""
        day = self._rules.dates.say_day(int(found["day"]), before or joint.strip())
        return f"{before} {day}{joint}".lstrip()

    def _say_month(self, found: re.Match[str]) -> str:
        return f"{found['month']}{found['of']}{self._numerals.year(int(found['year']))}"

    def _say_years(self, found: re.Match[str]) -> str:
        first, last = int(found["first"]), int(found["last"])
        if not first < last < first + _CENTURY:
            return found[0]
        return f"{self._numerals.year(first)} {self._rules.to} {self._numerals.year(last)}"

    def _say_listed(self, found: re.Match[str]) -> str:
        return found["word"] + re.sub("[0-9]{4}", lambda one: self._numerals.year(int(one[0])), found["years"])

    def _date(self, before: str, day: int, month: str, year: str) -> str:
        return f"{before} {self._after(before, day, month, year)}".lstrip()

    def _after(self, before: str, day: int, month: str, year: str) -> str:
        """A date as it stands behind a word; the month and the year may be left out."""
        dates = self._rules.dates
        if year and len(year) < _FULL_YEAR:
            year = f"20{year}"
        parts = [dates.say_day(day, before), month, self._numerals.year(int(year)) if year else ""]
        return dates.joint.join(part for part in parts if part)
