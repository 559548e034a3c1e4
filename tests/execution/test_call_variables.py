"""An app says what it knows of a call that begins: in prompts, tools and rules, and never later than the deadline."""

import asyncio
import dataclasses
import time
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from standardwebhooks import Webhook

from orchestra.agents import Agent, App, ToolContext, tool
from orchestra.agents.fingerprint import fingerprint
from orchestra.agents.loader import check_app
from orchestra.agents.new_call import NewCall
from orchestra.agents.rule import Sentence, ToolUse, rule
from orchestra.errors import AppError
from orchestra.execution.call_variables import ask_app
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallGreeted,
    CallStarted,
    CallVariablesRequested,
    CallVariablesSet,
    PromptRequested,
    ReplyChunk,
    ToolCompleted,
)
from tests.agents.team import Line, call_of, last

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ASKED = CallVariablesRequested(
    call="07-1", id="07-1:edge.2", from_number="+15550001", to_number="+15550100", line="help", at=1.0
)


def an_app(**more: Any) -> App:
    agent = Agent(name="desk", about="all", prompt="You speak with {customer.name|somebody} of {ref}.")
    return App(name="shop", agents=(agent,), entry="desk", **more)


async def answer(function: Any, within_s: float = 5.0, http: httpx.AsyncClient | None = None) -> CallVariablesSet:
    async with http or httpx.AsyncClient() as client:
        asked = msgspec.structs.replace(ASKED, deadline=time.time() + within_s)
        return await ask_app(an_app(variables_from=function), asked, "resources", client, (SECRET,))


async def test_a_function_is_told_who_calls_and_answers() -> None:
    told: list[NewCall] = []

    async def know(call: NewCall) -> dict[str, object]:
        told.append(call)
        return {"customer": {"name": "Ada"}}

    known = await answer(know)
    assert (known.variables, known.origin, known.error) == ({"customer": {"name": "Ada"}}, "function", "")
    assert (told[0].caller_number, told[0].to_number, told[0].line) == ("+15550001", "+15550100", "help")
    assert told[0].resources == "resources"
    assert (await answer(lambda call: {"line": call.line})).variables == {"line": "help"}


def _fails(_: NewCall) -> None:
    msg = "password=hunter2"
    raise ValueError(msg)


def _exits(_: NewCall) -> None:
    raise SystemExit


async def _slow(_: NewCall) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (_fails, "failed: ValueError"),
        (_exits, "failed: SystemExit"),
        (_slow, "no answer within"),
        (lambda _: [1], "not used: it is list"),
    ],
)
async def test_a_function_that_gives_no_answer_is_named_and_its_words_are_not(
    function: Callable[[NewCall], Any], error: str
) -> None:
    known = await answer(function, 0.05 if function is _slow else 5.0)
    assert known.variables == {}
    assert known.error.startswith(error)
    assert "hunter2" not in known.error


async def test_who_is_asked_too_late_is_not_called() -> None:
    assert (await answer(_fails, -1.0)).error == "asked too late"


@pytest.mark.parametrize(
    ("response", "variables", "error"),
    [
        (httpx.Response(200, json={"tier": "gold"}), {"tier": "gold"}, ""),
        (httpx.Response(302, headers={"location": "http://elsewhere"}), {}, "not used: the server answers 302"),
        (httpx.Response(200, text="{"), {}, "not used: the server's answer is not JSON"),
        (httpx.Response(200, text='{"a":"' + "x" * 20_000 + '"}'), {}, "not used: it has more than 16384 bytes"),
    ],
    ids=lambda given: str(given)[:20],
)
async def test_a_server_is_asked_with_a_signature(
    response: httpx.Response, variables: dict[str, str], error: str
) -> None:
    requests: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return response

    client = httpx.AsyncClient(transport=httpx.MockTransport(serve))
    known = await answer("https://crm.test/calls", http=client)
    assert (known.variables, known.origin, known.error) == (variables, "url", error)
    (request,) = requests
    body, headers = request.content, request.headers
    assert msgspec.json.decode(body)["data"]["from_number"] == "+15550001"
    assert Webhook(SECRET).verify(body, dict(headers))["type"] == "call.variables.requested"


async def test_variables_stand_in_prompts_tools_and_rules(bus: TestBus) -> None:
    seen: list[object] = []

    @rule
    def on_sentences(sentence: Sentence) -> None:
        seen.append(("said", sentence.variables["customer"]))

    @rule
    def on_tools(use: ToolUse) -> None:
        seen.append(("use", use.variables["customer"]))

    @tool
    async def look_up(context: ToolContext) -> str:
        """Look it up."""
        return f"{context.variables['customer']['name']} {context.variables['ref']}"

    app = an_app(rules=(on_sentences, on_tools))
    app = dataclasses.replace(app, agents=(dataclasses.replace(app.agents[0], tools=(look_up,)),))

    @app.on_call
    async def know(call: NewCall) -> dict[str, object]:
        return {"customer": {"name": "Ada"}} if call.variables == {"ref": "R7", "customer": "?"} else {}

    def decide(prompt: PromptRequested) -> object:
        return "It is there." if last(prompt).startswith("tool:") else [call_of("look_up")]

    given = {"ref": "R7", "customer": "?"}
    async with Line(bus, decide, app=app).running(CallStarted(call="", variables=given)) as line:
        await bus.publish(CallVariablesRequested(call=line.call, variables=given, deadline=time.time() + 60))
        await bus.settled()
        await bus.publish(CallGreeted(call=line.call, greeting="Hello Ada."))
        await line.say("where is it")
    (known,) = await line.events(CallVariablesSet)
    assert known.variables == {"customer": {"name": "Ada"}}
    prompt = (await line.events(PromptRequested))[0]
    assert prompt.messages[0].content.startswith('You speak with "Ada" of "R7".')
    assert ("assistant", "Hello Ada.") in [(each.role, each.content) for each in prompt.messages]
    assert [each.result for each in await line.events(ToolCompleted)] == ["Ada R7"]
    assert seen == [("use", {"name": "Ada"}), ("said", {"name": "Ada"})]
    assert [each.text for each in await line.events(ReplyChunk)] == ["It is there."]


def test_mistakes_are_found_where_they_are_made() -> None:
    app = an_app(variables=("customer.name",))
    with pytest.raises(AppError, match=r"the prompt of agent 'desk' has \{ref\}"):
        check_app(app, "shop")
    check_app(an_app(variables=("customer.name", "ref")), "shop")
    for wrong in ("crm.example.com", 7, NewCall):
        with pytest.raises(AppError, match="variables_from"):
            an_app(variables_from=wrong)
    plain = an_app()
    before = fingerprint(plain)
    plain.on_call(_fails)
    assert dataclasses.replace(plain).variables_from is _fails
    assert fingerprint(plain) != before
    with pytest.raises(AppError, match="asks another already"):
        plain.on_call(_exits)
    used = an_app()
    assert used.version
    with pytest.raises(AppError, match="is in use"):
        used.on_call(_exits)
