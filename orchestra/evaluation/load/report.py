"""What a load did to a system: the figures that it is sized by."""

from collections.abc import Sequence

import msgspec
import numpy as np

from orchestra.evaluation.load.callers import Experienced
from orchestra.evaluation.load.processes import ProcessUse

#: a shorter silence within a reply is not noticed
HEARD_GAP_S = 0.06
#: callers' own process later than this makes what they wait longer
_LATE_MS = 20
_P99 = 0.99
#: a process that takes this much of a core has no room left: it runs one event loop
_FULL_CORE = 0.9


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a load; times in ms.

    Attributes:
        callers: how many called at a time.
        seconds: how long, from the first call to the end.
        calls: how the calls went: see `Experienced`.
        turns: how often callers were answered.
        wait_p50_ms: from the end of a caller's words to the first sound of the reply, from the audio; None: no turn.
        wait_p95_ms: the same.
        wait_most_ms: the same.
        gaps: silences of more than 60 ms within replies whose audio came too late.
        gap_most_ms: the longest one.
        processes: what each took; empty where the system runs elsewhere.
        callers_late_p99_ms: how late the callers' own process was.
        callers_most_late_ms: how late the audio of a caller was at most.
        bottleneck: why the figures are those of the callers rather than of the system; empty: they are not.
        troubles: what refusals and failures said, and how often.

    """

    callers: int
    seconds: float
    calls: dict[str, int]
    turns: int
    wait_p50_ms: int | None
    wait_p95_ms: int | None
    wait_most_ms: int | None
    gaps: int
    gap_most_ms: int
    processes: tuple[ProcessUse, ...]
    callers_late_p99_ms: int
    callers_most_late_ms: int
    bottleneck: str
    troubles: dict[str, int]

    @property
    def lost(self) -> int:
        """Calls in which a caller did not get what they called for."""
        return sum(self.calls.get(how, 0) for how in ("refused", "dropped", "unanswered", "failed"))


def load_report(
    experienced: Experienced, processes: tuple[ProcessUse, ...], *, callers: int, seconds: float
) -> LoadReport:
    """Everything that was experienced and used, as one report."""
    waits, heard = experienced.waits_s, [gap for gap in experienced.gaps_s if gap > HEARD_GAP_S]
    late_ms = late_p99_ms(experienced)
    return LoadReport(
        callers=callers,
        seconds=round(seconds, 1),
        calls=dict(experienced.calls),
        turns=len(waits),
        wait_p50_ms=round(1000 * _quantile(waits, 0.5)) if waits else None,
        wait_p95_ms=round(1000 * _quantile(waits, 0.95)) if waits else None,
        wait_most_ms=round(1000 * max(waits)) if waits else None,
        gaps=len(heard),
        gap_most_ms=round(1000 * max(heard, default=0.0)),
        processes=processes,
        callers_late_p99_ms=late_ms,
        callers_most_late_ms=round(1000 * experienced.most_late_s),
        bottleneck=_bottleneck(late_ms, processes),
        troubles=dict(experienced.troubles.most_common(10)),
    )


def late_p99_ms(experienced: Experienced) -> int:
    """How late the callers' own process was, but for one time in a hundred."""
    seen, all_times = 0, experienced.late_ms.total()
    for late_ms, times in sorted(experienced.late_ms.items()):
        seen += times
        if seen >= _P99 * all_times:
            return late_ms
    return 0


def _bottleneck(late_ms: int, processes: Sequence[ProcessUse]) -> str:
    own = next((each for each in processes if each.name == "callers"), None)
    full = own is not None and own.cores >= _FULL_CORE
    if not full and late_ms <= _LATE_MS:
        return ""
    took = f", with {own.cores:.0%} of a core" if own is not None else ""
    why = "" if full else "; this machine is too busy for callers and system"
    return (
        f"the callers' own process was late by {late_ms} ms (p99){took}{why}. What they waited is too long "
        "by about as much: call from another machine (--url), or with fewer callers"
    )


def _quantile(values: Sequence[float], share: float) -> float:
    return float(np.quantile(values, share)) if values else 0.0
