import asyncio
from contextlib import aclosing

import pytest

from orchestra.errors import EngineError
from orchestra.execution.models import ModelAnswer, TextDelta
from orchestra.execution.models.openai import OpenAIModel
from orchestra_schemas import Message, PromptRequested, ToolCall, ToolSchema
from tests.servers.openai import Answer, Call, OpenAIServer
from tests.servers.server import Faults

FIND = ToolSchema(name="find_parcel", description="Find a parcel.", parameters={"type": "object", "properties": {}})
PROMPT = PromptRequested(
    call="07-x",
    agent="tracking",
    messages=(
        Message(role="system", content="You track."),
        Message(role="user", content="where is it"),
        Message(role="assistant", tool_calls=(ToolCall(id="c1", name="find_parcel", arguments='{"number":"1"}'),)),
        Message(role="tool", name="find_parcel", content="in the van", tool_call_id="c1"),
    ),
    tools=(FIND,),
)


def model_of(server: OpenAIServer, key: str = "") -> OpenAIModel:
    return OpenAIModel("test-model", server.base_url, key)


async def read(model: OpenAIModel) -> tuple[str, ModelAnswer]:
    text, parts = "", [part async for part in model.stream(PROMPT)]
    for part in parts[:-1]:
        assert isinstance(part, TextDelta)
        text += part.text
    assert isinstance(parts[-1], ModelAnswer)
    await model.close()
    return text, parts[-1]


async def test_an_answer_comes_in_pieces_and_then_whole() -> None:
    async with OpenAIServer(lambda *_: "It is in the van.") as server:
        text, answer = await read(model_of(server))
    assert text == answer.text == "It is in the van."
    assert answer.finish_reason == "stop"
    assert answer.prompt_tokens > 0
    assert answer.completion_tokens > 0


async def test_the_prompt_is_sent_in_the_roles_of_the_protocol() -> None:
    async with OpenAIServer(lambda *_: "Yes.") as server:
        await read(model_of(server))
        body = server.seen[0].body
    assert body["model"] == "test-model"
    assert body["messages"] == [
        {"role": "system", "content": "You track."},
        {"role": "user", "content": "where is it"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "find_parcel", "arguments": '{"number":"1"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "in the van"},
    ]
    assert body["tools"][0]["function"]["name"] == "find_parcel"
    assert body["tool_choice"] == "auto"


async def test_several_tool_calls_are_put_together_from_their_pieces() -> None:
    calls = [Call("find_parcel", {"number": "4271"}), Call("find_parcel", {"number": "8316", "how": "fast"})]
    async with OpenAIServer(lambda *_: Answer("Let me see.", calls)) as server:
        text, answer = await read(model_of(server))
    assert text == "Let me see."
    assert [(call.name, call.arguments) for call in answer.tool_calls] == [(call.name, call.json) for call in calls]
    assert len({call.id for call in answer.tool_calls}) == 2


async def test_leaving_the_stream_ends_the_generation() -> None:
    async with OpenAIServer(lambda *_: "word " * 5_000, token_s=0.01) as server:
        model = model_of(server)
        async with aclosing(model.stream(PROMPT)) as stream:  # type: ignore[type-var]
            assert await anext(stream)
        await server_notices(server)
        await model.close()


async def test_cancelling_whoever_reads_the_stream_ends_the_generation() -> None:
    async with OpenAIServer(lambda *_: "word " * 5_000, token_s=0.01) as server:
        model = model_of(server)
        first = asyncio.Event()

        async def listen() -> None:
            async for _ in model.stream(PROMPT):
                first.set()

        task = asyncio.create_task(listen())
        await first.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server_notices(server)
        await model.close()


async def server_notices(server: OpenAIServer) -> None:
    async with asyncio.timeout(30):
        await server.left.wait()


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        (Faults(status=401), "HTTP 401"),
        (Faults(status=500), "HTTP 500"),
        (Faults(cut=True), "broke off"),
        (Faults(drop_after=3), "test-model"),
    ],
)
async def test_a_server_that_fails_is_an_engine_error(faults: Faults, reason: str) -> None:
    async with OpenAIServer(lambda *_: "It is in the van.", faults=faults) as server:
        model = model_of(server)
        with pytest.raises(EngineError, match=reason):
            await read(model)
        await model.close()


async def test_a_server_that_fails_once_is_asked_again() -> None:
    async with OpenAIServer(lambda *_: "Yes.", faults=Faults(status=500, times=1)) as server:
        assert (await read(model_of(server)))[0] == "Yes."


async def test_a_server_that_is_not_there_is_an_engine_error() -> None:
    model = OpenAIModel("gone", "http://127.0.0.1:9/v1")
    await model.warm()
    with pytest.raises(EngineError, match="gone"):
        await read(model)
    await model.close()


async def test_the_first_answer_of_a_warm_model_waits_for_no_connection() -> None:
    async with OpenAIServer(lambda *_: "Yes.", key="secret") as server:
        model = model_of(server, "secret")
        await model.warm()
        await read(model)
    assert len(server.seen) >= 2
    assert len({seen.peer for seen in server.seen}) == 1  # the connection was there already
