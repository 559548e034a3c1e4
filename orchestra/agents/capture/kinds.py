"""What a caller may be asked for: how each kind is understood, corrected and read back. Pure."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar, Final

import msgspec
from babel.core import UnknownLocaleError
from babel.dates import format_date

from orchestra.agents.capture.corrections import (
    correct_digits,
    digits_in,
    right_and_wrong,
    without_idioms,
)
from orchestra.agents.capture.denials import without_denied
from orchestra.errors import AppError
from orchestra.language.values import ValueWords, digit_runs, read_date, read_number
from orchestra.language.values.dates import When, day_alone
from orchestra_schemas import SECRET

_LONGEST_DIGITS: Final = 32


class Heard(msgspec.Struct, frozen=True):
    """What was understood: a whole value, or a part of one that goes on; ``invalid``: it cannot be right."""

    value: str = ""
    part: str = ""
    invalid: bool = False


class Setting(msgspec.Struct, frozen=True):
    """Where a caller is asked: the tables of their language, the day, and the country of their call."""

    values: ValueWords
    today: date
    country: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of value. Its values are text: what the agent and the tools get.

    Attributes:
        name: what the tool's name and the default question are made of.
        about: what it is, for a model.
        reads_back: whether the caller hears the value and has to agree to it.
        keyed: whether it can be entered on a telephone's keys.
        spells: whether callers are asked to spell it, once it was not understood.
        secret: whether it is always secret, as with ``ask(…, secret=True)``.

    """

    name: ClassVar[str]
    about: ClassVar[str]
    reads_back: ClassVar[bool] = True
    keyed: ClassVar[bool] = False
    spells: ClassVar[bool] = False
    secret: ClassVar[bool] = False

    def read(self, text: str, setting: Setting) -> Heard:
        """The value in a caller's words."""
        raise NotImplementedError

    def wanted(self, text: str, setting: Setting) -> str:
        """A caller's words without values that they deny: ``not on Monday, Tuesday``."""

        def names(words: str) -> bool:
            heard = self.read(words, setting)
            return bool(heard.value or heard.part or heard.invalid)

        return without_denied(text, setting.values, names, number=self.keyed)

    def join(self, part: str, text: str, setting: Setting) -> Heard:
        """The value of a part that was said before, and of the words after it; or of these alone."""
        heard = self.read(text, setting)
        if heard.value or not (heard.part or heard.invalid):
            return heard
        joined = self.read(f"{part} {digits_in(text, setting.values)}", setting)
        return joined if joined.value or joined.part else heard

    def asks(self, part: str) -> str:  # noqa: ARG002 - a card is asked for in several questions
        """The name of the question for what is missing after a part."""
        return self.name

    def correct(self, value: str, text: str, setting: Setting) -> str:  # noqa: ARG002 - other kinds keep a part of it
        """The value after the caller's words about it; empty if they name none."""
        right, _ = right_and_wrong(text, setting.values)
        return self.read(right, setting).value or self.read(text, setting).value

    def say(self, value: str, setting: Setting) -> str:
        """The value as it is read back."""
        del setting
        return value

    def from_keys(self, keys: str, setting: Setting) -> Heard:
        """The value of the keys that were pressed."""
        return self.read(keys, setting)

    def masked(self, value: str) -> str:  # noqa: ARG002 - of a card its end is left
        """What stands for a secret value wherever it is not shown."""
        return SECRET

    def offered_in(self, language: str) -> tuple[str, ...]:  # noqa: ARG002 - only a choice offers anything
        """What there is to choose from, in words of this language; empty if anything may be said."""
        return ()

    @property
    def key_count(self) -> int:
        """How many keys it has; 0 if that differs."""
        return 0


@dataclass(frozen=True)
class Number(Kind):
    """A number, whole or with decimals: ``"2.5"``.

    Attributes:
        least: the smallest that is taken; None: any.
        most: the largest that is taken; None: any.

    """

    least: float | None = None
    most: float | None = None
    name: ClassVar[str] = "number"
    about: ClassVar[str] = "a number"
    keyed: ClassVar[bool] = True

    def read(self, text: str, setting: Setting) -> Heard:  # noqa: D102 - see `Kind`
        number = read_number(without_idioms(text, setting.values), setting.values)
        if number is None:
            return Heard()
        fits = (self.least is None or number >= Decimal(str(self.least))) and (
            self.most is None or number <= Decimal(str(self.most))
        )
        return Heard(_written(number)) if fits else Heard(invalid=True)

    def say(self, value: str, setting: Setting) -> str:  # noqa: D102
        return value.replace(".", ",") if setting.values.decimal_comma else value


def _written(number: Decimal) -> str:
    whole = number.to_integral_value()
    return str(whole) if number == whole else str(number.normalize())


@dataclass(frozen=True)
class Digits(Kind):
    """Digits that name something, such as a parcel or an account; zeros at the beginning stay.

    Attributes:
        length: how many.
        most: at most how many; 0: exactly ``length``.
        group: how many are read back in one go.

    """

    length: int
    most: int = 0
    group: int = 3
    name: ClassVar[str] = "digits"
    about: ClassVar[str] = "a number that names something, digit by digit"
    keyed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the lengths.

        Raises:
            AppError: one is not possible.

        """
        if not 1 <= self.length <= (self.most or self.length) <= _LONGEST_DIGITS or self.group < 1:
            msg = (
                f"Digits({self.length}, most={self.most}): write 1 to {_LONGEST_DIGITS} digits, as in Digits(4, most=8)"
            )
            raise AppError(msg)

    def _fits(self, digits: str) -> bool:
        return self.length <= len(digits) <= (self.most or self.length)

    def read(self, text: str, setting: Setting) -> Heard:  # noqa: D102
        runs = ["".join(run) for run in digit_runs(without_idioms(text, setting.values), setting.values)]
        whole = "".join(runs)
        fitting = [each for each in (whole, *reversed(runs)) if self._fits(each)]
        if fitting:
            return Heard(fitting[0])
        return Heard(part=whole) if 0 < len(whole) < self.length else Heard(invalid=bool(whole))

    def correct(self, value: str, text: str, setting: Setting) -> str:  # noqa: D102
        corrected = correct_digits(value, text, setting.values, self._fits)
        return corrected if self._fits(corrected) else ""

    def say(self, value: str, setting: Setting) -> str:  # noqa: D102
        del setting
        size = self.group if len(value) % self.group != 1 else max(2, self.group - 1)
        return in_groups([value[at : at + size] for at in range(0, len(value), size)])

    @property
    def key_count(self) -> int:  # noqa: D102
        return 0 if self.most else self.length


def in_groups(groups: list[str]) -> str:
    """Digits one by one, with a pause between the groups: ``4 2 7, 1 0 5``."""
    return ", ".join(" ".join(group) for group in groups if group)


@dataclass(frozen=True)
class Date(Kind):
    """A day, as ISO 8601: ``2027-05-03``.

    Attributes:
        when: of a day without a year: ``next``, ``past`` (a birthday) or ``any`` (of this year).
        earliest: the first day that is taken, as ``days`` from today; None: any.

    """

    when: When = "next"
    earliest: int | None = None
    name: ClassVar[str] = "date"
    about: ClassVar[str] = "a date"

    def read(self, text: str, setting: Setting) -> Heard:  # noqa: D102
        bare = without_idioms(text, setting.values)
        found = read_date(bare, setting.values, today=setting.today, when=self.when)
        return Heard() if found is None else self._checked(found, setting)

    def _checked(self, found: date, setting: Setting) -> Heard:
        early = self.earliest is not None and (found - setting.today).days < self.earliest
        late = self.when == "past" and found > setting.today
        return Heard(invalid=True) if early or late else Heard(found.isoformat())

    def correct(self, value: str, text: str, setting: Setting) -> str:
        """The date said anew; a day alone is of the month that was read back."""
        right, _ = right_and_wrong(text, setting.values)
        day = day_alone(right, setting.values)
        if day is None:
            return super().correct(value, text, setting)
        before = date.fromisoformat(value)
        if not 0 < day <= monthrange(before.year, before.month)[1]:
            return ""
        return self._checked(before.replace(day=day), setting).value

    def say(self, value: str, setting: Setting) -> str:  # noqa: D102
        day = date.fromisoformat(value)
        try:
            return format_date(day, format="full", locale=setting.values.code or "en")
        except UnknownLocaleError:
            return value
