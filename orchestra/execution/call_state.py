"""Finds what a tool has changed in the state of its call. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

#: most bytes of a call's whole state as JSON: it is part of every prompt and tool call
LARGEST: Final = 16_384


def changes(before: Mapping[str, Any], after: Mapping[Any, Any]) -> tuple[dict[str, Any], list[str]]:
    """The changed values by name, None for a removed name; and why other changes are not kept.

    Args:
        before: the state that the tool got.
        after: the state as the tool left it.

    """
    found: dict[str, Any] = dict.fromkeys(name for name in before if name not in after)
    problems = []
    size = 0
    for name, value in after.items():
        try:
            if not isinstance(name, str):
                msg = f"the name {name!r} is not text"
                raise TypeError(msg)  # noqa: TRY301 - reported like all others
            written = msgspec.json.encode(value)
            size += len(name) + len(written)
            if size > LARGEST:
                msg = f"it would be larger than {LARGEST} bytes"
                raise ValueError(msg)  # noqa: TRY301
        except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
            problems.append(f"{name!r} is not kept: {error}")
            continue
        if (plain := msgspec.json.decode(written)) != before.get(name):
            found[name] = plain
    return found, problems
