"""A simulation in words, as the terminal and the HTML page show it. Pure."""

import math
from collections.abc import Iterable

from orchestra.evaluation.simulation.runs import Failure, SimulatedRun

_P95 = 0.95


def format_share(share: float | None) -> str:
    """A share for a reader."""
    return "–" if share is None else f"{share:.1%}"


def failure_line(failure: Failure) -> str:
    """Where and why a run failed, to follow the name of the run."""
    turn = f", turn {failure.turn}" if failure.turn else ""
    return f"{turn}: {failure.what}: {failure.reason}"


def wait_p95(runs: Iterable[SimulatedRun]) -> float | None:
    """What callers waited for a reply, in ms: 95 % of the waits were not longer. None without any."""
    waits = sorted(wait for run in runs for wait in run.wait_ms)
    return waits[max(0, math.ceil(_P95 * len(waits)) - 1)] if waits else None
