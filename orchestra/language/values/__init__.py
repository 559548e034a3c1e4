"""What callers say as values: numbers, digits, dates, e-mail addresses and spelled names."""

from orchestra.language.values.dates import read_date
from orchestra.language.values.numbers import digit_runs, read_number
from orchestra.language.values.port import CapturePhrases, ValueWords
from orchestra.language.values.registry import values_of
from orchestra.language.values.spelling import read_email, read_name, spelled_out
from orchestra.language.values.tokens import plain, tokens

__all__ = [
    "CapturePhrases",
    "ValueWords",
    "digit_runs",
    "plain",
    "read_date",
    "read_email",
    "read_name",
    "read_number",
    "spelled_out",
    "tokens",
    "values_of",
]
