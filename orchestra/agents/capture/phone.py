"""Telephone numbers, by the plans of all countries (libphonenumber)."""

from dataclasses import dataclass
from typing import ClassVar, Final

import phonenumbers

from orchestra.agents.capture.corrections import correct_digits, digits_in
from orchestra.agents.capture.kinds import Heard, Kind, Setting, in_groups
from orchestra.language.values import ValueWords
from orchestra.language.values.numbers import number_tokens


@dataclass(frozen=True)
class Phone(Kind):
    """A telephone number, as E.164: ``+442079460958``.

    Attributes:
        country: ISO 3166 code of numbers without a country code; empty: that of the caller's number, or the language's.

    """

    country: str = ""
    name: ClassVar[str] = "phone"
    about: ClassVar[str] = "a telephone number"
    keyed: ClassVar[bool] = True

    def _country(self, setting: Setting) -> str:
        return self.country or setting.country or _COUNTRIES.get(setting.values.code, "US")

    def _parsed(self, digits: str, setting: Setting) -> phonenumbers.PhoneNumber | None:
        try:
            return phonenumbers.parse(digits, self._country(setting))
        except phonenumbers.NumberParseException:
            return None

    def read(self, text: str, setting: Setting) -> Heard:  # noqa: D102
        digits = digits_in(text, setting.values)
        return self._heard(digits, setting, plus=_has_plus(text, setting.values))

    def _heard(self, digits: str, setting: Setting, *, plus: bool) -> Heard:
        if not digits:
            return Heard()
        written = f"+{digits}" if plus else digits
        number = self._parsed(written, setting)
        if number is None:
            return Heard(part=written)
        if phonenumbers.is_valid_number(number):
            return Heard(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
        short = not plus and len(digits) < self._usual_length(setting)
        short = short or phonenumbers.is_possible_number_with_reason(number) in _TOO_SHORT
        return Heard(part=written) if short else Heard(invalid=True)

    def _usual_length(self, setting: Setting) -> int:
        example = phonenumbers.example_number(self._country(setting))
        return sum(map(str.isdigit, self._national(example))) if example is not None else 0

    def correct(self, value: str, text: str, setting: Setting) -> str:  # noqa: D102
        if (heard := self.read(text, setting)).value:
            return heard.value
        number = phonenumbers.parse(value)
        national = "".join(filter(str.isdigit, self._national(number)))
        corrected = correct_digits(national, text, setting.values, lambda digits: len(digits) >= len(national))
        if not corrected:
            return ""
        region = phonenumbers.region_code_for_number(number)
        return Phone(region or "")._heard(corrected, setting, plus=False).value  # noqa: SLF001 - of its own kind

    @staticmethod
    def _national(number: phonenumbers.PhoneNumber) -> str:
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)

    def say(self, value: str, setting: Setting) -> str:  # noqa: D102
        if not value.startswith("+"):
            return in_groups([value])
        number = phonenumbers.parse(value)
        local = phonenumbers.region_code_for_number(number) == self._country(setting)
        style = phonenumbers.PhoneNumberFormat.NATIONAL if local else phonenumbers.PhoneNumberFormat.INTERNATIONAL
        written = phonenumbers.format_number(number, style)
        groups = "".join(each if each.isdigit() else " " for each in written).split()
        return in_groups(groups) if local else f"+ {in_groups(groups)}"


_COUNTRIES: Final = {"en": "US", "es": "ES", "de": "DE", "fr": "FR", "it": "IT", "pt": "PT", "nl": "NL"}
_TOO_SHORT: Final = frozenset(
    {phonenumbers.ValidationResult.TOO_SHORT, phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY}
)


def _has_plus(text: str, values: ValueWords) -> bool:
    found = number_tokens(text, values)
    return any(each == "+" or values.signs.get(each) == "+" for each in found)
