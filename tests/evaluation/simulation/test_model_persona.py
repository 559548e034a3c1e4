"""A caller who is played by a model: what it is told, how it hangs up, and a server that misbehaves in every way."""

from collections.abc import Sequence
from typing import Any

import pytest

from orchestra.errors import EngineError, SettingError, StrayedError
from orchestra.evaluation.simulation.caller import SimulatedCaller
from orchestra.evaluation.simulation.model_persona import ModelPersona, open_persona_model
from orchestra.evaluation.simulation.persona import CallerTurn, Spoken
from orchestra.evaluation.simulation.scenario import Scenario
from orchestra.settings import Settings
from tests.servers.openai import Answer, Call, OpenAIServer, Raw, Reply

SCENARIO = Scenario(
    name="parcel",
    goal="know where the parcel is",
    facts={"parcel number": "4271"},
    must_not_know=("Hill Street",),
    words=("depot",),
)
GREETING = Spoken(who="agent", text="Welcome to Swift Parcel.", turn=0)
GARBAGE = Raw((b"data: {nonsense\n\n",), cut=True)


def settings(url: str, **changed: Any) -> Settings:
    given = {"persona_model": "player", "persona_url": url, "model_retries": 0, "redis_url": None, **changed}
    return Settings(**given)


async def played(reply: Reply, *conversation: Spoken, scenario: Scenario = SCENARIO) -> tuple[CallerTurn, Any]:
    """What the caller does when the model answers like this, and the request."""
    async with (
        OpenAIServer(lambda _messages, _tools: reply) as server,
        open_persona_model(settings(server.base_url)) as m,
    ):
        turn = await ModelPersona(scenario, m, seed=7, language="Spanish").next(conversation or (GREETING,))
        return turn, server.seen[-1].body


async def test_the_model_is_told_its_role_and_hears_the_agents_as_its_user() -> None:
    said = Spoken(who="caller", text="Where is it?", turn=1)
    turn, body = await played(
        "“It is 4271.”", GREETING, said, Spoken(who="agent", text="Which number", turn=1, cut=True)
    )
    assert turn == CallerTurn(text="It is 4271.")
    system, *talk = body["messages"]
    for told in ("know where the parcel is", "- parcel number: 4271", "never say first:\n- Hill Street", "in Spanish"):
        assert told in system["content"]
    assert [(each["role"], each["content"]) for each in talk] == [
        ("user", "Welcome to Swift Parcel."),
        ("assistant", "Where is it?"),
        ("user", "Which number …"),
    ]
    assert (body["seed"], [tool["function"]["name"] for tool in body["tools"]]) == (7, ["hang_up", "press_keys"])


async def test_the_caller_hangs_up_with_the_tool_or_with_words_and_presses_keys() -> None:
    hang_up = Call("hang_up", {"satisfied": True, "reason": "I know it"})
    assert (await played(Answer("Thanks, bye.", (hang_up,))))[0] == CallerTurn(
        text="Thanks, bye.", hang_up=True, satisfied=True, reason="I know it"
    )
    assert (await played("Thanks, bye. [hangs up]"))[0] == CallerTurn(text="Thanks, bye.", hang_up=True)
    assert (await played([Call("press_keys", {"keys": "42 71#"})]))[0] == CallerTurn(keys="4271#")
    assert (await played([Call("hang_up", "{broken")]))[0].hang_up
    opened = Scenario(name="opened", goal="…", opening="Hello, it is me.", words=("depot",))
    async with OpenAIServer(lambda *_: "?") as server, open_persona_model(settings(server.base_url)) as model:
        assert (await ModelPersona(opened, model, seed=1).next([GREETING])).text == "Hello, it is me."
        assert [seen for seen in server.seen if seen.body] == []


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        (["I'm sorry, but I can't assist with that."], "refuses to play"),
        (["How may I assist you today?"], "plays the agent"),
        (["", ""], "neither says nor does anything"),
        (['{"say": "hello"}'], "cannot be said"),
        (["Hill Street, I think."], "must not know"),
        (["on and " * 5000], "makes a speech"),
        ([GARBAGE], "nobody plays the caller"),
        ([Raw((b'{"error": {"message": "overloaded"}}',), status=500, content_type="application/json")], "HTTP 500"),
        (["Where is it?"] * 4, "again and again"),
    ],
)
async def test_whatever_the_model_does_wrong_the_caller_has_strayed(replies: Sequence[Reply], reason: str) -> None:
    left = list(replies)
    async with (
        OpenAIServer(lambda *_: left.pop(0)) as server,
        open_persona_model(settings(server.base_url)) as model,
    ):
        caller = SimulatedCaller(SCENARIO, ModelPersona(SCENARIO, model, seed=1), seed=1)

        async def hold() -> None:
            for number in range(len(replies) + 1):
                caller.hear(f"Something else, number {number}.")
                await caller.next()

        with pytest.raises(StrayedError, match=reason):
            await hold()


async def test_a_model_that_is_down_strays_and_one_that_cannot_play_is_refused(unused_tcp_port: int) -> None:
    async with open_persona_model(settings(f"http://127.0.0.1:{unused_tcp_port}/v1")) as model:
        with pytest.raises(EngineError, match="player"):
            await ModelPersona(SCENARIO, model, seed=1).next([GREETING])
    with pytest.raises(SettingError, match="only plays agents"):
        async with open_persona_model(settings("http://x", persona_model="offline")):
            pass


async def test_the_key_of_the_agents_model_is_not_shown_to_another_server() -> None:
    async with OpenAIServer(lambda *_: "Hello.") as server:
        for own, sent in (("", "Bearer none"), ("persona-key", "Bearer persona-key")):
            given = settings(server.base_url, model_api_key="agents-key", persona_api_key=own)
            async with open_persona_model(given) as model:
                await ModelPersona(SCENARIO, model, seed=1).next([GREETING])
            assert server.seen[-1].headers["authorization"] == sent
