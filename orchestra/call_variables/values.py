"""What an app may answer when it is asked for the variables of a call: JSON of bounded size, with names."""

import re
from typing import Any, Final

import msgspec

from orchestra.errors import RejectedError
from orchestra_schemas import clean_text

#: most bytes of all variables of a call as JSON: they stand in an event and in the state of every group
LARGEST: Final = 16_384
_DEEPEST: Final = 6
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def check_variables(answer: Any) -> dict[str, Any]:
    """The answer as JSON values by name. None is an answer, too: nothing is known.

    Raises:
        RejectedError: it is no mapping, too large or too deep, or has a name that a placeholder could not have.

    """
    if answer is None:
        return {}
    try:
        written = msgspec.json.encode(answer)
        plain = msgspec.json.decode(written)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        msg = f"it is not JSON ({type(error).__name__})"
        raise RejectedError(msg) from error
    if not isinstance(plain, dict):
        msg = f"it is {type(answer).__name__}, not values by name"
        raise RejectedError(msg)
    if len(written) > LARGEST:
        msg = f"it has {len(written)} bytes; {LARGEST} are the most"
        raise RejectedError(msg)
    checked: dict[str, Any] = _checked(plain, _DEEPEST)
    return checked


def _checked(value: Any, deepest: int) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if not isinstance(value, dict | list):
        return value
    if not deepest:
        msg = f"it is nested more than {_DEEPEST} deep"
        raise RejectedError(msg)
    if isinstance(value, list):
        return [_checked(each, deepest - 1) for each in value]
    for name in value:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            msg = f"the name {str(name)[:40]!r} is not possible: use letters, digits, - and _"
            raise RejectedError(msg)
    return {name: _checked(each, deepest - 1) for name, each in value.items()}
