"""Turns dates and times of day, as callers say them, into the text that a tool's schema requires."""

import re
from datetime import date, datetime, time, timedelta

from orchestra.language.english.spoken_digits import digit_runs
from orchestra.language.english.stemming import words

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_MONTH = re.compile(rf"\b({'|'.join(_MONTHS)})\b")
_NTH = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)\b")
_NUMBER = r"(?:\d{1,2}|twelve|eleven|ten|nine|eight|seven|six|five|four|three|two|one)"
_MINUTES = r"(?:[:.]\d{2}|(?: oh)? ?(?:twenty|thirty|forty|fifty)(?: ?five)?|(?: oh) five| fifteen| ten)"
_CLOCK = re.compile(
    rf"\b(?:(?P<part>half|quarter) (?P<way>past|to) )?(?P<hour>{_NUMBER})(?P<minutes>{_MINUTES})?"
    r"(?P<half> ?[ap]\.? ?m\b\.?| o.?clock| in the (?:morning|afternoon|evening)| at night)?(?![\w:])"
)
_NAMED = {"noon": "12:00", "midday": "12:00", "midnight": "00:00"}
_HALF_DAY, _LAST_HOUR = 12, 24
_FOLLOWED = re.compile(rf",? ?{_NUMBER}\b")
_BEFORE_TIMES = ("at", "by", "around", "about", "from", "before", "after", "until")
_FEW_WORDS = 2


def day_ahead(said: str) -> int | None:
    """How many days from today ``today``, ``tomorrow`` and ``the day after tomorrow`` are."""
    plain = " ".join(words(said))
    return next((n for word, n in (("day after tomorrow", 2), ("tomorrow", 1), ("today", 0)) if word in plain), None)


def weekday_of(said: str, at: float) -> str | None:
    """The day of the week of ``tomorrow`` and the like; None for other words, and if today's date is unknown."""
    ahead = day_ahead(said)
    return None if ahead is None or not at else DAYS[(_day_of(at) + timedelta(days=ahead)).weekday()]


def date_in(said: str, at: float) -> str | None:
    """The date in the words, as ISO 8601: ``tomorrow``, ``Friday`` (the next), ``the third of May``, ``2026-05-03``.

    None if the words name none; ``at`` is when they were said, in epoch seconds, 0 if unknown.
    """
    if iso := _ISO.search(said):
        return _iso(int(iso[1]), int(iso[2]), int(iso[3]))
    if not at:
        return None
    today = _day_of(at)
    plain = said.lower()
    if month := _MONTH.search(plain):
        return _of_month(plain, _MONTHS.index(month[1]) + 1, today)
    if (ahead := day_ahead(said)) is not None:
        return (today + timedelta(days=ahead)).isoformat()
    for number, day in enumerate(DAYS):
        if re.search(rf"\b{day.lower()}\b", plain):
            return (today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)).isoformat()
    return None


def time_in(said: str) -> str | None:
    """The time of day in the words, as ISO 8601; None if it could be in either half of the day."""
    found = _clock(said)
    if found is None:
        return None
    if found.group(0) in _NAMED:
        return f"{_NAMED[found.group(0)]}:00"
    hour, minute = _number(found["hour"]), _number(found["minutes"] or "0")
    if found["part"]:
        minute = {"half": 30, "quarter": 15 if found["way"] == "past" else 45}[found["part"]]
        hour -= found["way"] == "to"
    half = (found["half"] or "").strip().replace(".", "").replace(" ", "")
    if half in {"pm", "intheafternoon", "intheevening", "atnight"}:
        hour = hour % _HALF_DAY + _HALF_DAY
    elif half in {"am", "inthemorning"}:
        hour %= _HALF_DAY
    elif 0 < hour <= _HALF_DAY and not re.match(r"0\d:", found[0]):
        return None  # nine in the morning, or in the evening?
    try:
        return time(hour, minute).isoformat()
    except ValueError:
        return None


def time_words(said: str) -> str | None:
    """The words that name a time of day, as they were said: ``half past nine``."""
    found = _clock(said)
    return None if found is None else found.group(0).strip(" .")


def _clock(said: str) -> re.Match[str] | None:
    plain = said.lower()
    named = re.search(rf"\b(?:{'|'.join(_NAMED)})\b", plain)
    return named or next((each for each in _CLOCK.finditer(plain) if _is_time(plain, each)), None)


def _is_time(plain: str, found: re.Match[str]) -> bool:
    """Whether a number is a time of day: with minutes or the like, after ``at``, or with few other words."""
    before, after = plain[: found.start()].split(), plain[found.end() :]
    if _number(found["hour"]) > _LAST_HOUR or (before and digit_runs(before[-1])) or _FOLLOWED.match(after):
        return False
    if found["minutes"] or found["half"] or found["part"]:
        return True
    return before[-1:] in ([word] for word in _BEFORE_TIMES) or len(plain.split()) <= _FEW_WORDS


def _number(text: str) -> int:
    """The number in a word or in digits."""
    runs = digit_runs(text.replace(".", "").replace(":", ""))
    return int(runs[0]) if runs else 0


def _day_of(at: float) -> date:
    return datetime.fromtimestamp(at).astimezone().date()


def _of_month(plain: str, month: int, today: date) -> str | None:
    """The next date with this day of the month."""
    rest = _MONTH.sub(" ", plain)
    if nth := _NTH.search(rest):
        day = int(nth[1])
    else:
        said = rest.replace("-", " ").split()
        ordinal = next((index for index, word in enumerate(said) if word in _ORDINALS), None)
        runs = digit_runs(rest)
        if ordinal is not None:
            day = _ORDINALS[said[ordinal]]
            day += {"twenty": 20, "thirty": 30}.get(said[ordinal - 1], 0) if ordinal else 0
        elif runs:
            day = int(runs[0]) if len(runs[0]) <= 2 else 0  # noqa: PLR2004 - a day has two digits
        else:
            return None
    this_year = _iso(today.year, month, day)
    return this_year if this_year is None or this_year >= today.isoformat() else _iso(today.year + 1, month, day)


def _iso(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
