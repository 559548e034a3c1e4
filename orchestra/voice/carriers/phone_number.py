"""Telephone numbers as the world writes them (E.164)."""

from orchestra.errors import RejectedError
from orchestra.lines.dialled import E164


def check_number(number: str) -> None:
    """See that this is a telephone number, E.164.

    Raises:
        RejectedError: it is not.

    """
    if not E164.fullmatch(number):
        msg = f"{number[:32]!r} is not a telephone number: write it as +15550001"
        raise RejectedError(msg)
