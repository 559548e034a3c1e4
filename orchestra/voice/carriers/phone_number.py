"""Telephone numbers as the world writes them (E.164)."""

import re

from orchestra.errors import RejectedError

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def check_number(number: str) -> None:
    """See that this is a telephone number, E.164.

    Raises:
        RejectedError: it is not.

    """
    if not _E164.fullmatch(number):
        msg = f"{number[:32]!r} is not a telephone number: write it as +15550001"
        raise RejectedError(msg)
