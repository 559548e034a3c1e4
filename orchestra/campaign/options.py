"""How a campaign is run, as its author wrote it."""

import re
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from orchestra.errors import UsageError

#: how an attempt ended
Outcome = Literal["answered", "machine", "busy", "no_answer", "screened", "failed", "unknown", "refused", "do_not_call"]
#: after these a person may be called again
RETRIED: Final = ("busy", "no_answer", "machine", "failed")
_RETRY = re.compile(r"(busy|no_answer|machine|failed)=([1-9][0-9]?)x([1-9][0-9]{0,3})([smhd])", re.ASCII)
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Retry(msgspec.Struct, frozen=True):
    """How often a person is called again after an outcome, and how long after it, in seconds."""

    times: int
    after_s: float


class CampaignOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Pace and rules.

    Attributes:
        line: the number that people see; empty: that of the settings.
        per_minute: how many calls are placed in a minute.
        at_a_time: how many calls run at a time.
        retries: by outcome; without one nobody is called again.

    """

    line: str = ""
    per_minute: int = 10
    at_a_time: int = 5
    retries: dict[str, Retry] = {}


def parse_retries(written: Iterable[str]) -> dict[str, Retry]:
    """Retries as on the command line: ``busy=3x10m``, ``no_answer=2x4h``.

    Raises:
        UsageError: one is written otherwise.

    """
    found: dict[str, Retry] = {}
    for each in written:
        match = _RETRY.fullmatch(each.strip())
        if match is None or match[1] in found:
            msg = f"--retry {each[:64]!r}: write busy=3x10m, with {', '.join(RETRIED)}, each once"
            raise UsageError(msg)
        found[match[1]] = Retry(int(match[2]), float(int(match[3]) * _UNITS[match[4]]))
    return found
