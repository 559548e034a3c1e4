"""Who decides whether a scenario's criterion holds: the judge of calls that are over, by the agents' model."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from orchestra.agents.after import Judge
from orchestra.evaluation.simulation.scenario import Scenario
from orchestra.evaluation.simulation.simulate import AsksJudge, Opinion
from orchestra.execution.models.registry import OFFLINE, open_models
from orchestra.history.call import CallHistory
from orchestra.post_call.judging import judge
from orchestra.settings import Settings


@asynccontextmanager
async def open_judge(settings: Settings, scenarios: Sequence[Scenario]) -> AsyncIterator[AsksJudge | None]:
    """What decides on the criteria, with the settings' model; None: it is the offline one, or there are no criteria.

    Raises:
        SettingError: the model has no server.
        MissingExtraError: the model needs an extra that is not installed.

    """
    if settings.model == OFFLINE or not any(scenario.criterion for scenario in scenarios):
        yield None
        return
    async with open_models(settings) as models:

        async def asks(history: CallHistory, criterion: str) -> Opinion:
            (verdict,) = await judge(history, (Judge("criterion", criterion),), models)
            return Opinion(passed=verdict.passed, reason=verdict.reason or verdict.error, turns=verdict.turns)

        yield asks
