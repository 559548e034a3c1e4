"""Has simulated callers call an app, again and again, and scores the calls."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from orchestra.agents.lines import Lines, app_id
from orchestra.counted import counted
from orchestra.errors import UsageError
from orchestra.evaluation.sandbox import Candidate
from orchestra.evaluation.simulation.caller import SimulatedCaller
from orchestra.evaluation.simulation.persona import Persona
from orchestra.evaluation.simulation.runs import Conversation, Failure, HeldCall, SimulatedRun
from orchestra.evaluation.simulation.scenario import Scenario
from orchestra.evaluation.simulation.scoring import ScenarioScore, failures_of, mean_pass_hat, score
from orchestra.evaluation.simulation.text_conversation import answering_app, languages_of_call
from orchestra.history.call import CallHistory
from orchestra.history.views.turn_summaries import call_summary
from orchestra.lines import AppId

TURN_LIMIT = "turn_limit"
By = Literal["text", "voice"]


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge says of a call: whether its criterion holds (None: it has not decided), why, and in which turns."""

    passed: bool | None
    reason: str = ""
    turns: tuple[int, ...] = ()


#: decides whether a criterion holds in a call
AsksJudge = Callable[[CallHistory, str], Awaitable[Opinion]]
PlaysCaller = Callable[[Scenario, int], Persona]


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """Simulated calls of an app.

    Attributes:
        at: when they began, ISO 8601.
        version: what answered.
        model: that answered.
        persona: the model that played the callers; empty: none.
        by: text or voice.
        seed: of the first run of each scenario; the next has the next.
        repeat: runs of each scenario.
        scores: by scenario.
        runs: every run, scenario by scenario.
        problems: what is to be known of all of them, in sentences.

    """

    at: str
    version: str
    model: str
    persona: str
    by: By
    seed: int
    repeat: int
    scores: tuple[ScenarioScore, ...]
    runs: tuple[SimulatedRun, ...]
    problems: tuple[str, ...] = ()

    def pass_hat(self, k: int) -> float | None:
        """pass^k over all scenarios; None if a scenario has fewer valid runs."""
        return mean_pass_hat(self.scores, k)

    @property
    def unproven(self) -> tuple[str, ...]:
        """Scenarios without a single valid run."""
        return tuple(each.scenario for each in self.scores if not each.valid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """What simulated calls are made with.

    Attributes:
        candidate: answers.
        conversation: holds the calls.
        plays_caller: gives the persona of a scenario's run, by its seed.
        asks_judge: decides on criteria; None: there is no judge, so criteria do not count.
        keep: called with each call's scenario, seed and journal.

    """

    candidate: Candidate
    conversation: Conversation
    plays_caller: PlaysCaller
    asks_judge: AsksJudge | None = None
    keep: Callable[[SimulatedRun, HeldCall], None] = lambda _run, _held: None

    async def run(self, scenario: Scenario, seed: int) -> SimulatedRun:
        """One call of a scenario, scored.

        Raises:
            UsageError: what the app or the scenario opens for its tools cannot be opened, or no app answers.

        """
        began = time.monotonic()
        app = answering_app(self.candidate, scenario)
        if not scenario.language:
            scenario = replace(scenario, language=languages_of_call(self.candidate, app, scenario).first)
        caller = SimulatedCaller(scenario, self.plays_caller(scenario, seed), seed)
        async with AsyncExitStack() as stack:
            resources = await self._open(scenario, stack)
            held = await self.conversation(caller, resources)
            failures = await failures_of(caller, held, resources.get(app_id(app)))
        invalid = held.invalid
        if not invalid and scenario.criterion and self.asks_judge is not None:
            opinion = await self.asks_judge(held.history, scenario.criterion)
            if opinion.passed is None and not failures:  # what has failed is no pass, whatever a judge says
                invalid = f"the judge has not decided: {opinion.reason}"
            elif opinion.passed is False:
                turn = next(iter(opinion.turns), 0)
                failures = (*failures, Failure(what="judge", reason=opinion.reason or "no reason given", turn=turn))
        elif not invalid and not scenario.is_checked:
            invalid = "there is no judge, and nothing else says what success is"
        run = _result(caller, held, invalid, () if invalid else failures, time.monotonic() - began)
        self.keep(run, held)
        return run

    async def _open(self, scenario: Scenario, stack: AsyncExitStack) -> Mapping[AppId, Any]:
        """What each app's tools get in this run, opened for it alone."""
        apps, opened = Lines.of(self.candidate.app).apps, {}
        try:
            if scenario.lifespan is not None:
                own = await stack.enter_async_context(scenario.lifespan())
                return {app_id(app): own for app in apps}
            for app in apps:
                if app.lifespan is not None:
                    opened[app_id(app)] = await stack.enter_async_context(app.lifespan())
        except UsageError:
            raise
        except Exception as error:
            msg = f"scenario {scenario.name!r}: what its tools need cannot be opened: {type(error).__name__}: {error}"
            raise UsageError(msg) from error
        return opened


def _result(
    caller: SimulatedCaller, held: HeldCall, invalid: str, failures: tuple[Failure, ...], duration_s: float
) -> SimulatedRun:
    summary = call_summary(held.history)
    return SimulatedRun(
        scenario=caller.scenario.name,
        seed=caller.plan.seed,
        call=held.call,
        passed=None if invalid else not failures,
        invalid=invalid,
        failures=failures,
        ended=TURN_LIMIT if caller.out_of_turns else summary.end,
        conversation=tuple(caller.conversation),
        turns=summary.turns,
        wait_ms=held.wait_ms,
        duration_s=round(duration_s, 3),
    )


async def simulate(
    scenarios: Sequence[Scenario],
    simulator: Simulator,
    *,
    by: By = "text",
    persona: str = "",
    repeat: int = 1,
    seed: int = 1,
    at_a_time: int = 8,
    done: Callable[[SimulatedRun], None] = lambda _: None,
) -> Simulation:
    """Have each scenario's caller call, ``repeat`` times.

    Args:
        scenarios: who calls.
        simulator: what the calls are made with.
        by: what the simulator's conversations are held by.
        persona: the name of the model that plays the callers.
        repeat: runs of each scenario.
        seed: of the first; the next run has the next.
        at_a_time: how many calls are held at the same time.
        done: called with each run.

    Raises:
        UsageError: see `Simulator.run`.

    """
    at, gate = datetime.now(UTC).isoformat(timespec="seconds"), asyncio.Semaphore(at_a_time)

    async def one(scenario: Scenario, number: int) -> SimulatedRun:
        async with gate:
            run = await simulator.run(scenario, number)
        done(run)
        return run

    async with asyncio.TaskGroup() as group:
        tasks = [[group.create_task(one(scenario, seed + each)) for each in range(repeat)] for scenario in scenarios]
    runs = [[task.result() for task in each] for each in tasks]
    problems = []
    if simulator.asks_judge is None and (judged := sum(bool(scenario.criterion) for scenario in scenarios)):
        problems.append(f"there is no judge: the criterion of {counted(judged, 'scenario')} does not count")
    models = (turn.model for each in runs for run in each for turn in run.turns)
    return Simulation(
        at=at,
        version=simulator.candidate.version,
        model=next(filter(None, models), simulator.candidate.settings.model),
        persona=persona,
        by=by,
        seed=seed,
        repeat=repeat,
        scores=tuple(score(scenario, each) for scenario, each in zip(scenarios, runs, strict=True)),
        runs=tuple(run for each in runs for run in each),
        problems=tuple(problems),
    )


def failed_gates(simulation: Simulation, min_pass: float) -> list[str]:
    """Why the simulation does not pass, in sentences.

    Args:
        simulation: what was found.
        min_pass: the share of valid runs, over scenarios of the same weight, that have to pass.

    """
    problems = [f"{name} has no valid run" for name in simulation.unproven]
    share = simulation.pass_hat(1)
    if share is not None and share < min_pass:
        problems.append(f"{share:.1%} of the runs pass, at least {min_pass:.1%} is required")
    return problems
