"""Endpoints that refuse: fields, forms and orders are mended once and remembered; a refusal for now is one at once."""

import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from orchestra.errors import EngineError
from orchestra.execution.models.openai import OpenAIModel
from orchestra.execution.models.wire.request import ServerQuirks, wire_messages
from orchestra.testing import TestBus
from orchestra_schemas import Message, PromptCompleted, PromptRequested, ToolCall, ToolSchema
from tests.agents.test_openai_turn import RemoteLine
from tests.execution.test_model_faults import APOLOGY, heard
from tests.execution.test_openai import PROMPT
from tests.servers.openai import Call, OpenAIServer, Raw, Reply
from tests.servers.server import Faults

Body = dict[str, Any]
Refusal = tuple[int, Any] | None
Dicts = list[Body]


def fastapi(field: str) -> Callable[[Body], Refusal]:
    """A server whose model of a request forbids a field."""
    problem = {"detail": [{"type": "extra_forbidden", "loc": ["body", field], "msg": "Extra inputs are not permitted"}]}
    return lambda body: (422, problem) if field in body else None


def unsupported(field: str, words: str) -> Callable[[Body], Refusal]:
    """OpenAI's way of saying no."""
    error = {"message": words, "type": "invalid_request_error", "param": field, "code": "unsupported_parameter"}
    return lambda body: (400, {"error": error}) if field in body else None


def only_nine(body: Body) -> Refusal:
    """Mistral's ids."""
    for message in body["messages"]:
        for call in message.get("tool_calls") or ():
            if not re.fullmatch(r"[a-zA-Z0-9]{9}", call["id"]):
                words = f"Tool call id was {call['id']} but must be a-z, A-Z, 0-9, with a length of 9."
                return 400, {"object": "error", "message": words, "type": "invalid_function_call", "code": "3280"}
    return None


def no_null_content(body: Body) -> Refusal:
    if any(message.get("content") is None for message in body["messages"]):
        return 400, {"error": {"message": "messages.2.content: Input should be a valid string", "code": 400}}
    return None


def signed(body: Body) -> Refusal:
    """Gemini's signatures."""
    calls = [call for message in body["messages"] for call in message.get("tool_calls") or ()]
    if any("thought_signature" not in str(call.get("extra_content")) for call in calls):
        return 400, [{"error": {"code": 400, "message": "Function call is missing a thought_signature", "status": "X"}}]
    return None


def plainest(body: Body) -> Refusal:
    """A server that does not say what it does not like."""
    return (400, "Bad Request") if set(body) - {"model", "messages", "tools", "stream"} else None


REFUSALS: dict[str, Callable[[Body], Refusal]] = {
    "stream_options": fastapi("stream_options"),
    "tool_choice": fastapi("tool_choice"),
    "temperature": unsupported("temperature", "Unsupported value: 'temperature' does not support 0.2 with this model."),
    "max_tokens": unsupported(
        "max_tokens", "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    ),
    "parallel_tool_calls": unsupported("parallel_tool_calls", "parallel_tool_calls is not supported"),
    "in words only": lambda body: (400, "unknown field stream_options") if "stream_options" in body else None,
    "with 200": lambda body: (200, {"error": "stream_options unsupported"}) if "stream_options" in body else None,
    "with 500": lambda body: (500, {"detail": "stream_options: unexpected"}) if "stream_options" in body else None,
    "ids": only_nine,
    "content": no_null_content,
    "signature": signed,
    "no reason": plainest,
}
PARAMETERS = {"temperature": 0.2, "max_tokens": 100, "parallel_tool_calls": False}


@pytest.mark.parametrize("refuses", REFUSALS.values(), ids=REFUSALS)
async def test_fields_that_a_server_refuses_are_left_out_from_then_on(refuses: Callable[[Body], Refusal]) -> None:
    prompt = PromptRequested(
        call=PROMPT.call, agent="a", messages=PROMPT.messages, tools=PROMPT.tools, parameters=PARAMETERS
    )
    async with OpenAIServer(lambda *_: "Yes.", refuses=refuses) as server:
        model = OpenAIModel("test-model", server.base_url, retries=0)
        for _ in range(2):
            parts = [part async for part in model.stream(prompt)]
            assert "".join(part.text for part in parts[:-1]) == "Yes."
        await model.close()
    refused = [refuses(seen.body) is not None for seen in server.seen]
    assert refused == [True, False, False]
    if refuses is REFUSALS["max_tokens"]:
        assert server.seen[-1].body["max_completion_tokens"] == 100


async def test_the_request_adapts_to_several_refusals_one_after_another() -> None:
    def refuses(body: Body) -> Refusal:
        return next(
            (no for each in ("stream_options", "temperature", "ids", "content") if (no := REFUSALS[each](body))), None
        )

    prompt = PromptRequested(
        call="07-x", agent="a", messages=PROMPT.messages, tools=PROMPT.tools, parameters=PARAMETERS
    )
    async with OpenAIServer(lambda *_: "Yes.", refuses=refuses) as server:
        model = OpenAIModel("test-model", server.base_url, retries=0)
        assert [part async for part in model.stream(prompt)][-1].text == "Yes."
        await model.close()


@pytest.mark.parametrize(
    "problem",
    [
        {"error": {"message": "This model's maximum context length is 4096 tokens.", "param": "messages"}},
        {"error": {"message": "The response was filtered due to Azure OpenAI's content management policy."}},
        {"error": {"message": "The model `m` does not exist", "code": "model_not_found"}},
    ],
)
async def test_a_request_is_not_repeated_if_no_other_form_would_help(problem: Any) -> None:
    async with OpenAIServer(lambda *_: "unheard", refuses=lambda _: (400, problem)) as server:
        model = OpenAIModel("test-model", server.base_url, retries=3)
        with pytest.raises(EngineError, match="HTTP 400 Bad Request"):
            assert [part async for part in model.stream(PROMPT)]
        await model.close()
    assert len(server.seen) == 1


# -- order


def strict(body: Body) -> Refusal:
    """What Mistral, Gemma's template and gateways to Anthropic want of a conversation, all at once."""
    messages, known = body["messages"], set[str]()
    roles = [message["role"] for message in messages]
    told = roles[1:] if roles[0] == "system" else roles
    after = {"user": {"assistant"}, "assistant": {"user", "tool"}, "tool": {"tool", "assistant"}}
    fine = "system" not in told and told[0] == "user" and told[-1] in {"user", "tool"}
    fine = fine and all(then in after[role] for role, then in pairwise(told))
    for message in messages:
        calls = message.get("tool_calls") or []
        fine = fine and bool(message["content"] or calls)
        for call in calls:
            fine = fine and isinstance(json.loads(call["function"]["arguments"]), dict)
            known.add(call["id"])
        if message["role"] == "tool":
            fine = fine and message["tool_call_id"] in known
            known.discard(message["tool_call_id"])
        elif message["role"] == "user" and known:
            fine = False
    return None if fine else (400, {"error": {"message": "Conversation roles must alternate", "type": "order"}})


#: a message a word: whose it is, what it says, behind ">" the ids of its calls, behind "<" that of the call it answers
ORDERS: dict[str, str] = {
    "the greeting first": "s:S a:Hello. u:hi",
    "nobody has spoken": "s:S",
    "nothing": "",
    "the greeting alone": "s:S a:Hello.",
    "two of the user's": "u:a u:b",
    "two of the assistant's": "u:a a:b a:c u:d",
    "a note at the end": "u:a a:b s:Go",
    "a note in the middle": "s:S u:a s:N a:b u:c",
    "two notes at the beginning": "s:S s:T u:a",
    "the user behind a tool": "u:a a:>1 t:r<1 u:b",
    "a call without result": "u:a a:>1>2 t:r<2 u:b",
    "a result without call": "u:a t:r<9 a:b u:c",
    "results far behind": "u:a a:>1 a:b t:r<1 u:c",
    "words and a call": "u:a a:b a:c>1 t:<1",
    "silence": "u: a: u:",
    "the same id twice": "u:a a:>1 t:r<1 a:b u:c a:>1 t:s<1",
}
ROLES: dict[str, Any] = {"s": "system", "a": "assistant", "u": "user", "t": "tool"}


def conversation(written: str) -> tuple[Message, ...]:
    found = []
    for word in written.split():
        role, _, rest = word.partition(":")
        rest, _, answers = rest.partition("<")
        text, *ids = rest.split(">")
        calls = tuple(ToolCall(id=call, name="find", arguments="{}") for call in ids)
        found.append(Message(role=ROLES[role], content=text, tool_calls=calls, tool_call_id=answers))
    return tuple(found)


@pytest.mark.parametrize("written", ORDERS.values(), ids=ORDERS)
def test_messages_go_out_in_the_order_that_strict_templates_want(written: str) -> None:
    messages = conversation(written)
    wire = wire_messages(messages, ServerQuirks())
    assert strict({"messages": wire}) is None
    assert {text for each in messages if each.role != "tool" for text in each.content.split()} <= {
        word for each in wire for word in (each["content"] or "").split()
    }


async def test_a_whole_call_goes_by_a_strict_server(bus: TestBus) -> None:
    def respond(messages: Dicts, tools: Dicts) -> Reply:
        if messages[-1]["role"] == "user" and "parcel" in messages[-1]["content"]:
            return [Call("find_parcel", '{"number": "42'), Call("find_parcel", {"number": "4271"})]
        return "It is in the van." if tools else "Well."

    async with OpenAIServer(respond, refuses=strict) as server:
        line = RemoteLine(bus, server, model_retries=0)
        async with line.running():
            for words in ("where is my parcel", "and then", "", "where is my parcel now", "thank you"):
                await line.say(words)
            await line.interrupt(5, "It is")
            await line.say("what")
    assert {completed.error for completed in await line.events(PromptCompleted)} == {""}
    assert len(server.seen) == 9


# -- refused for now


async def test_a_long_retry_after_is_a_failure_now_and_the_next_model_answers(bus: TestBus) -> None:
    problem = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}
    busy = Raw(
        [json.dumps(problem).encode()], status=429, content_type="application/json", headers={"Retry-After": "30"}
    )
    async with OpenAIServer(lambda *_: busy) as server, OpenAIServer(lambda *_: "I am here.") as good:
        line = RemoteLine(bus, server, model_retries=3, model_fallback="spare", model_fallback_url=good.base_url)
        assert await heard(line, "hello") == ["I am here."]
        assert len([seen for seen in server.seen if "completions" in seen.path]) == 1
    assert (await line.events(PromptCompleted))[0].duration_ms < 5_000


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("header", ["30", "Fri, 31 Dec 2100 23:59:59 GMT"])
async def test_without_another_model_the_error_says_why(bus: TestBus, status: int, header: str) -> None:
    busy = Raw([b'{"error":{"message":"come back"}}'], status, "application/json", {"Retry-After": header})
    async with OpenAIServer(lambda *_: busy) as server:
        line = RemoteLine(bus, server, model_retries=3)
        assert await heard(line, "hello") == [APOLOGY]
    error = (await line.events(PromptCompleted))[0].error
    assert f"HTTP {status}" in error
    assert "come back" in error
    assert "wants to be left alone for" in error


@pytest.mark.parametrize("headers", [{"Retry-After": "0.1"}, {"retry-after-ms": "50"}, {"Retry-After": "soon"}, {}])
async def test_a_short_wait_is_waited(headers: dict[str, str]) -> None:
    answers = iter([Raw([b"{}"], 429, "application/json", headers), "Yes."])
    async with OpenAIServer(lambda *_: next(answers)) as server:
        model = OpenAIModel("test-model", server.base_url)
        assert [part async for part in model.stream(PROMPT)][-1].text == "Yes."
        await model.close()


async def test_a_key_that_a_server_repeats_is_hidden() -> None:
    no = {"error": {"message": "Incorrect API key provided: sk-verysecret. You can find yours at …"}}
    async with OpenAIServer(lambda *_: "unheard", refuses=lambda _: (401, no)) as server:
        model = OpenAIModel("test-model", server.base_url, "sk-verysecret")
        with pytest.raises(EngineError, match="HTTP 401 Unauthorized: Incorrect API key provided: …") as caught:
            assert [part async for part in model.stream(PROMPT)]
        assert "verysecret" not in str(caught.value)
        await model.close()


async def test_a_model_that_begins_in_its_thoughts_is_known_after_its_first_answer() -> None:
    def respond(*_: Any) -> Reply:
        return "They are angry. Say no.</think>It is in the van."

    prompt = PromptRequested(call="07-x", agent="a", messages=PROMPT.messages, tools=(ToolSchema(name="find"),))
    async with OpenAIServer(respond) as server:
        model = OpenAIModel("alias", server.base_url)
        assert [part async for part in model.stream(prompt)][-1].text == "It is in the van."
        server.token_s = 0.2  # the next time its thoughts take longer than an unknown server is waited for
        assert [part async for part in model.stream(prompt)][-1].text == "It is in the van."
        server.faults = Faults(cut=True)
        with pytest.raises(EngineError, match="broke off"):
            assert not [part.text async for part in model.stream(prompt) if "angry" in part.text]
        await model.close()
