"""The OpenAI-compatible server of the tests, seen by OpenAI's own SDK."""

import asyncio
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.servers.openai import Answer, Call, OpenAIServer
from tests.servers.server import Faults

MESSAGES: Any = [{"role": "user", "content": "Where is parcel 4271?"}]
TOOLS: Any = [{"type": "function", "function": {"name": "find_parcel", "parameters": {"type": "object"}}}]
CALL = Call("find_parcel", {"number": "4271"})


def client(server: OpenAIServer) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=server.base_url, api_key="test-key", max_retries=0)


async def test_text_is_streamed_in_pieces_with_usage_at_the_end() -> None:
    async with OpenAIServer(lambda _messages, _tools: "It is on its way.") as server, client(server) as sdk:
        stream = await sdk.chat.completions.create(
            model="m", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert pieces == ["It", " is", " on", " its", " way."]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 5
    assert server.seen[0].headers["authorization"] == "Bearer test-key"


async def test_tool_calls_are_streamed_with_their_arguments_in_pieces() -> None:
    calls = [CALL, Call("end_call")]
    async with OpenAIServer(lambda _messages, _tools: Answer("One moment.", calls)) as server, client(server) as sdk:
        stream = await sdk.chat.completions.create(model="m", messages=MESSAGES, tools=TOOLS, stream=True)
        arguments = {0: "", 1: ""}
        deltas = 0
        reason = None
        async for chunk in stream:
            for call in chunk.choices[0].delta.tool_calls or []:
                assert call.function is not None
                arguments[call.index] += call.function.arguments or ""
                deltas += 1
            reason = chunk.choices[0].finish_reason or reason
    assert arguments == {0: '{"number": "4271"}', 1: "{}"}
    assert deltas > 3
    assert reason == "tool_calls"


async def test_an_answer_is_sent_whole_without_streaming() -> None:
    async def respond(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> list[Call]:
        assert messages == MESSAGES
        assert tools == TOOLS
        return [CALL]

    async with OpenAIServer(respond) as server, client(server) as sdk:
        whole = await sdk.chat.completions.create(model="m", messages=MESSAGES, tools=TOOLS)
    (call,) = whole.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.arguments == '{"number": "4271"}'


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, openai.AuthenticationError), (429, openai.RateLimitError), (500, openai.InternalServerError)],
)
async def test_a_refusal_raises_the_sdks_own_error(status: int, error: type[Exception]) -> None:
    async with (
        OpenAIServer(lambda _messages, _tools: "Yes.", faults=Faults(status=status)) as server,
        client(server) as sdk,
    ):
        with pytest.raises(error):
            await sdk.chat.completions.create(model="m", messages=MESSAGES)


async def test_a_limited_fault_affects_only_that_many_requests() -> None:
    faults = Faults(status=500, times=1)
    async with OpenAIServer(lambda _messages, _tools: "Yes.", faults=faults) as server, client(server) as sdk:
        with pytest.raises(openai.InternalServerError):
            await sdk.chat.completions.create(model="m", messages=MESSAGES)
        assert await sdk.chat.completions.create(model="m", messages=MESSAGES)


async def test_a_dropped_stream_fails_after_the_data_already_sent() -> None:
    pieces = []
    async with (
        OpenAIServer(lambda _messages, _tools: "one two three", faults=Faults(drop_after=3)) as server,
        client(server) as sdk,
    ):
        stream = await sdk.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        with pytest.raises(Exception, match=r"(?i)closed|incomplete|connection"):  # noqa: PT012 - fails midway
            async for chunk in stream:
                pieces.append(chunk.choices[0].delta.content)  # noqa: PERF401 - the chunks before the failure count
    assert pieces == ["", "one", " two"]


async def test_a_cut_stream_ends_without_a_finish_reason() -> None:
    async with (
        OpenAIServer(lambda _messages, _tools: "one two", faults=Faults(cut=True)) as server,
        client(server) as sdk,
    ):
        stream = await sdk.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        reasons = [chunk.choices[0].finish_reason async for chunk in stream]
    assert set(reasons) == {None}


async def test_a_client_that_disconnects_is_counted() -> None:
    async with OpenAIServer(lambda _messages, _tools: "word " * 1_000, token_s=0.005) as server, client(server) as sdk:
        stream = await sdk.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        await anext(aiter(stream))
        await stream.close()
        async with asyncio.timeout(5):
            await server.left.wait()
    assert server.disconnects == 1
