"""Histograms: values counted in buckets."""

from bisect import bisect_left

#: upper bounds in seconds, fine where a caller notices the difference
LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 5, 10)
#: nearly every handler that waits for nothing stays within the first bound
HANDLER_S = (0.001, 0.0025, *LATENCY_S, 30)


class Histogram:
    """Counts values in buckets with these upper bounds, and sums them.

    ``counts`` are per bucket, not cumulative; the last one counts the values above every bound.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """The upper bounds as Prometheus writes them, each with the number of values up to it."""
        found, total = list[tuple[str, float]](), 0
        for bound, count in zip((*map(str, map(float, self.bounds)), "+Inf"), self.counts, strict=True):
            total += count
            found.append((bound, total))
        return found
