"""Models that fail: the caller hears the fallback model, or an apology, and never silence or a sentence twice."""

from itertools import count
from typing import Any

import pytest

from orchestra.errors import EngineError
from orchestra.execution.models.breaker import Breaker
from orchestra.testing import TestBus
from orchestra_schemas import PromptCompleted, PromptRequested, ReplyChunk, ToolCompleted, TurnCompleted
from tests.agents.team import Line, ScriptedModel, call_of, last
from tests.agents.test_openai_turn import RemoteLine
from tests.servers.openai import OpenAIServer
from tests.servers.server import NO_FAULTS, Faults

APOLOGY = "I am sorry, that did not work."


def _patience_s(faults: Faults) -> float:
    """How long a first token is waited for: a busy machine must not be taken for a slow model."""
    return 1.5 if faults.slow_s else 15.0


async def heard(line: Line, *turns: str) -> list[str]:
    async with line.running():
        for text in turns:
            await line.say(text)
    return [chunk.text for chunk in await line.events(ReplyChunk)]


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        (Faults(status=500), "HTTP 500"),
        (Faults(status=429), "HTTP 429"),
        (Faults(status=401), "HTTP 401"),
        (Faults(slow_s=60), "has not answered within"),
        (Faults(drop_after=0), "test-model"),
    ],
    ids=["500", "429", "401", "slow", "dropped"],
)
async def test_without_a_fallback_the_caller_hears_an_apology(bus: TestBus, faults: Faults, reason: str) -> None:
    async with OpenAIServer(lambda *_: "Hello. You there.", faults=faults) as server:
        line = RemoteLine(bus, server, model_first_token_s=_patience_s(faults), model_retries=0)
        assert await heard(line, "hello") == [APOLOGY]
    (completed,) = await line.events(PromptCompleted)
    assert reason in completed.error
    assert (await line.events(TurnCompleted))[0].failed


@pytest.mark.parametrize(
    "faults", [Faults(status=500), Faults(slow_s=60), Faults(drop_after=0)], ids=["500", "slow", "dropped"]
)
async def test_the_fallback_answers_for_a_model_that_fails(bus: TestBus, faults: Faults) -> None:
    async with (
        OpenAIServer(lambda *_: "unheard", faults=faults) as broken,
        OpenAIServer(lambda *_: "I am here.") as good,
    ):
        line = RemoteLine(
            bus,
            broken,
            model_first_token_s=_patience_s(faults),
            model_retries=0,
            model_fallback="spare",
            model_fallback_url=good.base_url,
        )
        assert await heard(line, "hello") == ["I am here."]
    (completed,) = await line.events(PromptCompleted)
    assert (completed.model, completed.error) == ("spare", "")
    assert not (await line.events(TurnCompleted))[0].failed


async def test_the_offline_model_may_be_the_fallback(bus: TestBus) -> None:
    async with OpenAIServer(lambda *_: "unheard", faults=Faults(status=500)) as server:
        line = RemoteLine(bus, server, model_retries=0, model_fallback="offline")
        said = await heard(line, "hello")
    assert APOLOGY not in said
    assert (await line.events(PromptCompleted))[0].model == "offline"


async def test_a_refused_request_is_repeated(bus: TestBus) -> None:
    async with OpenAIServer(lambda *_: "Hello.", faults=Faults(status=500, times=1)) as server:
        assert await heard(RemoteLine(bus, server, model_retries=1), "hello") == ["Hello."]
        assert len([seen for seen in server.seen if "completions" in seen.path]) >= 1


async def test_the_fallback_goes_on_where_the_model_broke_off(bus: TestBus) -> None:
    def breaks_off(_: PromptRequested) -> str:
        return "One. Two. Three."

    line = Line(bus, breaks_off)
    stream = line.model.stream

    async def broken(prompt: PromptRequested) -> object:
        async for part in stream(prompt):
            if getattr(part, "text", "") == " Three.":
                msg = "the stream broke off"
                raise EngineError(msg)
            yield part

    line.model.stream = broken  # type: ignore[method-assign, assignment]
    line.fallback = ScriptedModel(lambda _: "And three.")
    assert await heard(line, "count") == ["One.", "And three."]
    (prompt,) = line.fallback.prompts
    assert [(message.role, message.content[:20]) for message in prompt.messages[-2:]] == [
        ("assistant", "One."),
        ("system", "Your last answer bro"),
    ]
    assert (await line.events(PromptCompleted))[0].text == "One. And three."


async def test_a_stream_that_is_cut_in_the_middle_is_followed_by_an_apology_and_the_next_turn_is_answered(
    bus: TestBus,
) -> None:
    def answer(messages: list[dict[str, Any]], _: object) -> str:
        return "At nine." if messages[-1]["content"] == "when" else "We open at nine. We close at six."

    async with OpenAIServer(answer) as server:
        line = RemoteLine(bus, server, model_retries=0)
        async with line.running():
            server.faults = Faults(drop_after=7)
            await line.say("tell me your hours")
            server.faults = NO_FAULTS
            await line.say("when")
    said = [chunk.text for chunk in await line.events(ReplyChunk)]
    assert said == ["We open at nine.", APOLOGY, "At nine."]
    assert [bool(prompt.error) for prompt in await line.events(PromptCompleted)] == [True, False]
    assert [turn.failed for turn in await line.events(TurnCompleted)] == [True, False]


async def test_a_first_token_that_is_slow_but_in_time_is_waited_for(bus: TestBus) -> None:
    async with OpenAIServer(lambda *_: "I am here.", faults=Faults(slow_s=0.4)) as server:
        line = RemoteLine(bus, server, model_first_token_s=5.0, model_retries=0)
        assert await heard(line, "hello") == ["I am here."]
    (completed,) = await line.events(PromptCompleted)
    assert completed.first_token_ms >= 400
    assert completed.error == ""


async def test_an_empty_answer_is_followed_by_the_fallback_and_then_an_apology(bus: TestBus) -> None:
    line = Line(bus, lambda _: "")
    line.fallback = ScriptedModel(lambda prompt: "" if last(prompt) == "user: second" else "I am here.")
    assert await heard(line, "first", "second") == ["I am here.", APOLOGY]


async def test_a_model_that_always_fails_is_left_alone_for_a_while(bus: TestBus) -> None:
    line = Line(bus, lambda _: EngineError("no"))
    line.fallback = ScriptedModel(lambda _: "I am here.")
    assert await heard(line, *"12345") == ["I am here."] * 5
    assert len(line.model.prompts) == 3


async def test_an_agent_learns_that_a_tool_does_not_exist(bus: TestBus) -> None:
    def decide(prompt: PromptRequested) -> object:
        return [call_of("make_coffee")] if last(prompt).startswith("user") else "I cannot do that."

    line = Line(bus, decide)
    assert await heard(line, "where is my parcel") == ["I cannot do that."]
    assert all(event.failed for event in await line.events(ToolCompleted))


async def test_a_word_of_thirty_kilobytes_is_not_spoken(bus: TestBus) -> None:
    line = Line(bus, lambda _: "Here it is. " + "x" * 30_000)
    first, *rest = await heard(line, "talk")
    assert first == "Here it is."
    assert len("".join(rest)) < 100


def test_a_breaker_opens_rests_and_lets_one_through() -> None:
    now = count().__next__
    breaker = Breaker(2, 3, clock=lambda: float(now()))
    breaker.failed()
    assert not breaker.open
    breaker.failed()  # second 0, rests until 3
    assert [breaker.open for _ in range(4)] == [True, True, False, True]  # seconds 1 to 4
    breaker.succeeded()
    assert not breaker.open
