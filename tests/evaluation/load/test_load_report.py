from collections import Counter

import msgspec
import pytest

from orchestra.evaluation.load.callers import Experienced
from orchestra.evaluation.load.processes import ProcessUse
from orchestra.evaluation.load.report import load_report


def use(name: str, cores: float) -> ProcessUse:
    return ProcessUse(name=name, cores=cores, most_cores=cores, mb=100, most_mb=100, grown_mb=0)


def test_what_callers_experienced_is_reported_in_milliseconds() -> None:
    experienced = Experienced(
        waits_s=[0.5, 0.7, 0.9, 2.0], gaps_s=[0.01, 0.09, 0.2], calls=Counter(done=3), late_ms=Counter({1: 100})
    )
    report = load_report(experienced, (use("edge", 0.7), use("callers", 0.1)), callers=2, seconds=60.04)
    assert (report.turns, report.wait_p50_ms, report.wait_most_ms) == (4, 800, 2000)
    assert (report.gaps, report.gap_most_ms) == (2, 200)
    assert (report.seconds, report.lost, report.bottleneck) == (60.0, 0, "")
    assert msgspec.json.decode(msgspec.json.encode(report))["processes"][0]["name"] == "edge"


@pytest.mark.parametrize("how", ["refused", "dropped", "unanswered", "failed"])
def test_a_caller_who_got_nothing_is_lost(how: str) -> None:
    report = load_report(Experienced(calls=Counter({"done": 5, how: 2})), (), callers=2, seconds=1)
    assert report.lost == 2


def test_calls_that_the_end_of_the_load_stopped_are_not_lost() -> None:
    assert load_report(Experienced(calls=Counter(done=1, stopped=2)), (), callers=2, seconds=1).lost == 0


@pytest.mark.parametrize(("late_ms", "cores"), [(50, 0.3), (1, 0.97)])
def test_callers_that_are_the_bottleneck_say_so(late_ms: int, cores: float) -> None:
    experienced = Experienced(waits_s=[0.5], late_ms=Counter({0: 98, late_ms: 2}))
    report = load_report(experienced, (use("callers", cores),), callers=50, seconds=10)
    assert "the callers' own process" in report.bottleneck
    assert f"{cores:.0%} of a core" in report.bottleneck


def test_a_load_in_which_nobody_was_answered_has_no_waits() -> None:
    report = load_report(Experienced(), (), callers=1, seconds=0)
    assert (report.wait_p50_ms, report.wait_p95_ms, report.wait_most_ms, report.gaps) == (None, None, None, 0)
