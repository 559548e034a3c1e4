"""The score of the turn-taking benchmark agrees with the tables that EVA-Bench publishes."""

import pytest

from tests.bench._turns_score import interrupting_score, latency_score, ratio, yield_score


@pytest.mark.parametrize(
    ("ms", "score"), [(-500, 0), (0, 0.5), (250, 0.75), (500, 1), (2000, 1), (2750, 0.5), (3500, 0), (9000, 0)]
)
def test_a_wait_counts_fully_from_half_a_second_to_two(ms: float, score: float) -> None:
    assert latency_score(ms) == pytest.approx(score)


@pytest.mark.parametrize(("ms", "score"), [(-50, 1), (0, 1), (600, 0.7), (1000, 0.5), (2000, 0), (5000, 0)])
def test_a_yield_counts_by_how_long_the_agent_talked_on(ms: float, score: float) -> None:
    assert yield_score(ms) == pytest.approx(score)


@pytest.mark.parametrize(
    ("overlap_ms", "times", "latency_ms", "score"),
    [(200, 1, 1000, 0.45), (0, 2, 1000, 0.25), (0, 3, 1000, 0), (2000, 1, None, 0), (200, 1, 3500, 0)],
)
def test_talking_into_the_callers_turn_is_worth_half_at_most(
    overlap_ms: float, times: int, latency_ms: float | None, score: float
) -> None:
    assert interrupting_score(overlap_ms, times, latency_ms) == pytest.approx(score)


def test_a_share_has_its_counts_and_an_interval() -> None:
    assert ratio([True, *[False] * 19]) == {"count": 1, "of": 20, "percent": 5.0, "low": 0.9, "high": 23.6}
    assert ratio([])["percent"] is None
