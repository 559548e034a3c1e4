"""What a caller's turns are worth by the published curves of EVA-Bench, and the statistics of the report.

The figures are those of https://github.com/ServiceNow/eva, docs/metrics/turn_taking.md (metric version 0.2): the wait
for an answer counts fully from 500 to 2,000 ms, nothing from 3,500 ms, and less below 500 ms; an answer into the
caller's words half at most; an interruption of the agent by how long it talks on.
"""

from collections.abc import Iterable, Sequence

_EARLY_MS, _FULL_FROM_MS, _FULL_TO_MS, _LATE_MS = -500.0, 500.0, 2000.0, 3500.0
_OVERLAP_MS, _YIELD_MS = 2000.0, 2000.0
_AT_MOST_INTERRUPTING = 0.5
_INTERRUPTIONS = 3


def latency_score(ms: float) -> float:
    """The worth of an answer so long after the caller's last sound; negative: before it."""
    if ms <= _EARLY_MS or ms >= _LATE_MS:
        return 0.0
    if ms < _FULL_FROM_MS:
        return (ms - _EARLY_MS) / (_FULL_FROM_MS - _EARLY_MS)
    return min(1.0, (_LATE_MS - ms) / (_LATE_MS - _FULL_TO_MS))


def interrupting_score(overlap_ms: float, times: int, latency_ms: float | None) -> float:
    """The worth of a turn into which the agent talked so often and so long, and which it then answered."""
    overlap = _AT_MOST_INTERRUPTING * max(0.0, 1 - overlap_ms / _OVERLAP_MS)
    count = _AT_MOST_INTERRUPTING * max(0.0, 1 - (times - 1) / (_INTERRUPTIONS - 1))
    after = 1.0 if latency_ms is None else latency_score(latency_ms)
    return min(overlap, count, after)


def yield_score(ms: float) -> float:
    """The worth of an interruption after whose first sound the agent talks on for so long."""
    return max(0.0, 1 - max(0.0, ms) / _YIELD_MS)


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which this share of them lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else None


def ratio(cases: Iterable[bool]) -> dict[str, float | int | None]:
    """How many of how many, and per cent with the 95 % interval by Wilson."""
    found = list(cases)
    of, count = len(found), sum(found)
    if not of:
        return {"count": 0, "of": 0, "percent": None}
    share, z2 = count / of, 1.96**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = 1.96 / (1 + z2 / of) * ((share * (1 - share) + z2 / (4 * of)) / of) ** 0.5
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    percents = {"percent": share, "low": low, "high": high}
    return {"count": count, "of": of} | {name: round(100 * value, 1) for name, value in percents.items()}
