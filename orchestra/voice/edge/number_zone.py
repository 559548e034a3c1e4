"""Where a telephone number may be, by the numbering plans that the library ``phonenumbers`` knows."""

import phonenumbers
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number


def zones_of(number: str) -> tuple[str, ...]:
    """Every time zone (IANA) in which this number (E.164) may be; none if that is not known."""
    try:
        found = time_zones_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return ()
    return tuple(zone for zone in found if zone != UNKNOWN_TIMEZONE)
