"""Confidence intervals, against published examples and what they promise."""

import random
from statistics import quantiles

import duckdb
import pytest

from orchestra.analysis.sql_views import MACROS
from orchestra.intervals import Interval, difference, quantile, share


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_a_share_has_the_interval_of_wilson(count: int, of: int, low: float, high: float) -> None:
    found = share(count, of)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((count / of, low, high), abs=5e-5)
    all_of_them = share(of, of)
    assert all_of_them is not None
    assert all_of_them.high == 1.0


def test_queries_have_the_ends_of_the_same_interval() -> None:
    database = duckdb.connect(":memory:")
    for macro in MACROS:
        database.execute(f"CREATE MACRO {macro}")
    for count, of in ((81, 263), (0, 20), (20, 20), (1, 29)):
        found = share(count, of)
        assert found is not None
        ends = database.execute(f"SELECT share_low({count}, {of}), share_high({count}, {of})").fetchone()
        assert ends == pytest.approx((found.low, found.high))
    assert database.execute("SELECT share_low(0, 0), share_high(0, 0)").fetchone() == (None, None)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
    ],
)
def test_a_difference_of_shares_has_the_interval_of_newcombe(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    found = difference(one, other)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_without_observations_there_is_no_interval() -> None:
    assert share(0, 0) is None
    assert difference((0, 0), (1, 2)) is None
    assert quantile([], 0.5) is None
    assert quantile([(1.0, 0)], 0.5) is None


def test_a_quantile_is_that_of_the_values_however_they_are_counted() -> None:
    values = [float(value) for value in range(1, 101)]
    expected = quantiles(values, n=100, method="inclusive")
    for counted in ([(value, 1) for value in values], [(value, 3) for value in values]):
        median, high = quantile(counted, 0.5), quantile(counted, 0.95)
        assert median is not None
        assert high is not None
        assert (median.value, high.value) == pytest.approx((expected[49], expected[94]), abs=0.5)
    # n = 100, p = 0.5: the 40th and 61st of them (Conover, Practical Nonparametric Statistics, 3.2)
    median = quantile([(value, 1) for value in values], 0.5)
    assert median is not None
    assert (median.low, median.high) == (40.0, 61.0)


def test_of_few_values_the_ends_of_the_interval_are_not_known() -> None:
    found = quantile([(1.0, 1), (2.0, 1), (9.0, 1)], 0.95)
    assert found is not None
    assert found.high is None
    assert quantile([(5.0, 1)], 0.5) == Interval(5.0, None, None)


def test_nineteen_of_twenty_intervals_hold_the_true_figure() -> None:
    chance = random.Random(4)
    held = [0, 0, 0]
    for _ in range(1000):
        sample = [chance.random() for _ in range(150)]
        wrong = share(sum(value < 0.1 for value in sample), len(sample))
        median, p95 = (quantile([(value, 1) for value in sample], part) for part in (0.5, 0.95))
        for number, (found, truth) in enumerate(((wrong, 0.1), (median, 0.5), (p95, 0.95))):
            assert found is not None
            held[number] += (found.low or 0.0) <= truth <= (1.0 if found.high is None else found.high)
    assert all(930 <= each <= 990 for each in held), held
