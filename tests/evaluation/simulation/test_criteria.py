"""A scenario's criterion is decided by the judge of calls, with the agents' model."""

from dataclasses import replace
from typing import Any

from orchestra.demo.scenarios import scenarios
from orchestra.evaluation.simulation.criteria import open_judge
from orchestra.evaluation.simulation.simulate import Opinion
from orchestra.history.reduce import history_of
from orchestra.settings import Settings
from orchestra_schemas import CallStarted, UserTurnEnded
from tests.servers.openai import Call, OpenAIServer, Reply

HISTORY = history_of([CallStarted(call="c", greeting="Hello."), UserTurnEnded(call="c", turn=1, text="Are you open?")])


async def test_a_criterion_is_decided_by_the_model_and_one_that_is_down_decides_nothing() -> None:
    def respond(messages: list[dict[str, Any]], _: list[dict[str, Any]]) -> Reply:
        assert any("politeness" in str(each["content"]) for each in messages)
        return [Call("report", {"verdicts": {"criterion": {"passed": False, "reason": "rude", "turns": [1]}}})]

    judged = [replace(scenarios[0], criterion="politeness")]
    async with OpenAIServer(respond) as server:
        settings = Settings(model="m", model_url=server.base_url, model_retries=0, redis_url=None)
        async with open_judge(settings, judged) as asks:
            assert asks is not None
            assert await asks(HISTORY, "politeness") == Opinion(passed=False, reason="rude", turns=(1,))
    async with open_judge(settings, judged) as asks:
        assert asks is not None
        down = await asks(HISTORY, "politeness")
        assert down.passed is None
        assert "model m" in down.reason
    async with open_judge(Settings(model="offline", redis_url=None), judged) as asks:
        assert asks is None
