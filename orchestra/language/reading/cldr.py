"""Names of months, units and currencies in a language, from Unicode's CLDR by Babel."""
# ruff: noqa: E501 - tables and patterns have one entry a line

from functools import cache
from typing import Final

from babel import Locale
from babel.numbers import get_currency_name
from babel.units import format_unit

#: symbol → unit of the CLDR
UNITS: Final = {
    "km/h": "speed-kilometer-per-hour", "km²": "area-square-kilometer", "km": "length-kilometer", "m²": "area-square-meter",
    "m2": "area-square-meter", "m³": "volume-cubic-meter", "cm": "length-centimeter", "mm": "length-millimeter",
    "m": "length-meter", "kg": "mass-kilogram", "mg": "mass-milligram", "g": "mass-gram", "ml": "volume-milliliter",
    "cl": "volume-centiliter", "l": "volume-liter", "L": "volume-liter", "ha": "area-hectare", "°C": "temperature-celsius",
    "°F": "temperature-fahrenheit", "°": "temperature-generic", "h": "duration-hour", "min": "duration-minute", "s": "duration-second",
    "kWh": "energy-kilowatt-hour", "kW": "power-kilowatt", "W": "power-watt", "V": "electric-volt", "GB": "digital-gigabyte",
    "MB": "digital-megabyte", "TB": "digital-terabyte", "GHz": "frequency-gigahertz", "MHz": "frequency-megahertz",
}  # fmt: skip


@cache
def unit_names(locale: str, unit: str) -> tuple[str, str]:
    """One and many of a unit of the CLDR: ``kilómetro``, ``kilómetros``; empty if the language has no name for it."""
    one, many = (
        format_unit(number, unit, length="long", locale=locale).replace("\xa0", " ").partition(" ")[2]
        for number in (1, 2)
    )
    return one, many


@cache
def currency_names(locale: str, code: str) -> tuple[str, str]:
    """One and many of a currency by its ISO 4217 code."""
    one, many = (get_currency_name(code, number, locale=locale) for number in (1, 2))
    return (one.lower(), many.lower()) if locale == "pt" else (one, many)  # which lists them with a capital


@cache
def months(locale: str) -> dict[str, str]:
    """Every form of a month's name in lower case, without a full stop → its name."""
    names = Locale.parse(locale).months["format"]
    return {
        form.rstrip(".").lower(): name
        for number, name in names["wide"].items()
        for form in (name, names["abbreviated"][number])
    }


@cache
def month_names(locale: str) -> tuple[str, ...]:
    """The twelve months."""
    return tuple(Locale.parse(locale).months["format"]["wide"][number] for number in range(1, 13))


@cache
def day_names(locale: str) -> tuple[str, ...]:
    """The days of the week from Monday on."""
    return tuple(Locale.parse(locale).days["format"]["wide"][number] for number in range(7))
