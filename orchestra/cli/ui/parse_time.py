"""Times as people write them on a command line, and as they are printed."""

import re
import time
from datetime import UTC, datetime, tzinfo

from orchestra.errors import UsageError

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d|w)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def moment(text: str, now: float | None = None, *, zone: tzinfo | None = None) -> float:
    """Epoch seconds of ``2026-11-22``, ``2026-11-22T20:15`` (in ``zone``, local unless given), or ``2h`` ago.

    Raises:
        UsageError: it is none of these.

    """
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return (time.time() if now is None else now) - float(ago[1]) * _SECONDS[ago[2]]
    try:
        found = datetime.fromisoformat(text.strip())
        return (found.replace(tzinfo=zone) if found.tzinfo is None else found).timestamp()
    except (ValueError, OverflowError):
        msg = f"{text!r} is not a valid time: write 2026-11-22, 2026-11-22T20:15 or 2h (ago; s, m, h, d, w)"
        raise UsageError(msg) from None


def shown(at: float, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Epoch seconds in local time; ``–`` for a moment that no calendar has: it was written in another unit."""
    try:
        return datetime.fromtimestamp(at, UTC).astimezone().strftime(form)
    except (ValueError, OverflowError, OSError):
        return "–"
