"""Confidence intervals: how far a figure of these calls may be from that of all such calls, at 95 %.

Each call or turn counts as an observation of its own. The turns of a call have more in common than those of two calls,
so intervals of turns are a little narrower than they should be.
"""

from collections.abc import Iterable, Sequence
from math import ceil, floor, sqrt
from statistics import NormalDist

import msgspec

LEVEL = 0.95
#: standard deviations of the normal distribution to each side that hold so much of it
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


class Interval(msgspec.Struct, frozen=True):
    """A figure, and the ends of its interval: None where too few were observed to say."""

    value: float
    low: float | None
    high: float | None

    @property
    def is_not_zero(self) -> bool:
        """Whether 0 lies outside: of a difference, that it is more than chance."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


def share(count: int, of: int) -> Interval | None:
    """The share ``count / of`` with the interval of Wilson (1927), which also holds for few and for 0 or all of them.

    None without observations.
    """
    if of <= 0:
        return None
    found, spread = count / of, Z * Z / of
    middle = (found + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * sqrt(found * (1 - found) / of + spread / (4 * of))
    # exactly 0 and 1, where rounding would leave something
    return Interval(found, max(0.0, middle - half) if count else 0.0, min(1.0, middle + half) if count < of else 1.0)


def difference(one: tuple[int, int], other: tuple[int, int]) -> Interval | None:
    """The share of the first minus that of the second, each as ``count, of``: Newcombe's method 10 (1998).

    None where one of them has no observations.
    """
    first, second = share(*one), share(*other)
    if first is None or second is None:
        return None
    assert first.low is not None
    assert first.high is not None
    assert second.low is not None
    assert second.high is not None
    found = first.value - second.value
    low = found - sqrt((first.value - first.low) ** 2 + (second.high - second.value) ** 2)
    high = found + sqrt((first.high - first.value) ** 2 + (second.value - second.low) ** 2)
    return Interval(found, low, high)


def quantile(counted: Iterable[tuple[float, int]], part: float) -> Interval | None:
    """A quantile of values, each with how often it was observed; ``part`` 0.95 is the 95th percentile.

    Its interval is that of order statistics (the ranks by the normal approximation of the binomial distribution), which
    asks nothing of how the values are spread. An end that lies beyond the values that were observed is None. None
    without observations.
    """
    values = sorted((value, number) for value, number in counted if number > 0)
    total = sum(number for _, number in values)
    if not total:
        return None
    half = Z * sqrt(total * part * (1 - part))
    low, high = floor(total * part - half), ceil(total * part + half) + 1
    return Interval(
        _ranked(values, part * (total - 1)),
        _ranked(values, low - 1) if low >= 1 else None,
        _ranked(values, high - 1) if high <= total else None,
    )


def _ranked(values: Sequence[tuple[float, int]], rank: float) -> float:
    """The value at a rank from 0, between two of them interpolated, as ``quantile_cont`` does."""
    below = _at(values, floor(rank))
    return below + (_at(values, ceil(rank)) - below) * (rank - floor(rank))


def _at(values: Sequence[tuple[float, int]], rank: int) -> float:
    for value, number in values:
        rank -= number
        if rank < 0:
            return value
    return values[-1][0]
