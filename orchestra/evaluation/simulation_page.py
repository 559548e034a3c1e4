"""A simulation as an HTML page. The page is a template beside this module."""

from collections.abc import Iterator
from typing import Any

import msgspec

from orchestra.evaluation.html_page import page
from orchestra.evaluation.simulation.persona import Spoken
from orchestra.evaluation.simulation.runs import Failure, SimulatedRun
from orchestra.evaluation.simulation.simulate import Simulation
from orchestra.evaluation.simulation.wording import format_share, wait_p95
from orchestra.evaluation.wording import format_ms
from orchestra.history.views.turn_summaries import TurnSummary


class _Row(msgspec.Struct, frozen=True):
    """A turn of a run: what the caller has said and heard in it, how the system knows it, and what failed in it."""

    number: int
    said: tuple[Spoken, ...]
    heard: tuple[Spoken, ...]
    turn: TurnSummary | None
    failures: tuple[Failure, ...]


def simulation_report(found: Simulation, title: str, **around: Any) -> str:
    """The page: the scores of each scenario, then every run turn by turn, the failed ones open.

    It needs no other file, unless ``around`` names a frame; see `html_page.page`.
    """
    names = [score.scenario for score in found.scores]
    waits = {name: wait_p95(run for run in found.runs if run.scenario == name) for name in names}
    return page(
        "simulation_page.html.j2",
        title,
        found=found,
        runs=[(run, list(_rows(run))) for run in sorted(found.runs, key=lambda run: bool(run.passed))],
        share=format_share,
        ms=format_ms,
        wait=waits,
        **around,
    )


def _rows(run: SimulatedRun) -> Iterator[_Row]:
    turns = {turn.number: turn for turn in run.turns}
    for number in sorted({0, *turns, *(spoken.turn for spoken in run.conversation)}):
        spoken = [each for each in run.conversation if each.turn == number]
        yield _Row(
            number,
            tuple(each for each in spoken if each.who == "caller"),
            tuple(each for each in spoken if each.who == "agent"),
            turns.get(number),
            tuple(failure for failure in run.failures if failure.turn == number),
        )
