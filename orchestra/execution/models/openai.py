"""Any model behind an OpenAI-compatible endpoint: OpenAI, vLLM, Ollama, llama.cpp and the others.

https://platform.openai.com/docs/api-reference/chat/create
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
import structlog
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

from orchestra.errors import EngineError
from orchestra.execution.models.port import ModelAnswer, TextDelta
from schemas import Message, PromptRequested, ToolCall, ToolSchema

_LOG = structlog.get_logger("orchestra.execution")

_CONNECT_S = 3.0
#: between two pieces of a stream; the time to the first one is watched by whoever reads
_READ_S = 15.0
_WARM_S = 3.0
#: servers of one's own often need no key, but the client insists on one
_NO_KEY = "none"


class OpenAIModel:
    """A model that streams over the chat-completions protocol.

    Args:
        model: its name on the server.
        base_url: the endpoint up to ``/v1``; OpenAI's own unless given.
        api_key: empty where the server asks for none.
        retries: how often a request is made again that was refused (429, 5xx) or found no server.

    """

    def __init__(self, model: str, base_url: str | None = None, api_key: str = "", *, retries: int = 1) -> None:
        self.name = model
        self._client = AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or _NO_KEY,
            max_retries=retries,
            timeout=openai.Timeout(_READ_S, connect=_CONNECT_S),
        )

    async def warm(self) -> None:
        """Open the connection and load what the first answer needs: it would cost the first caller 0.2 s.

        A server that cannot be reached is logged, no more: it may be there when it is needed.
        """
        ChatCompletionChunk.model_validate(_SAMPLE)
        started = time.monotonic()
        try:
            async with asyncio.timeout(_WARM_S):
                await self._client.models.list()
        except openai.APIStatusError as error:
            _LOG.info("model.warm", model=self.name, url=str(self._client.base_url), status=error.status_code)
        except (openai.OpenAIError, TimeoutError) as error:
            _LOG.warning("model.not_reached", model=self.name, url=str(self._client.base_url), error=repr(error))
        else:
            _LOG.info("model.warm", model=self.name, ms=round((time.monotonic() - started) * 1000))

    async def stream(self, prompt: PromptRequested) -> AsyncIterator[TextDelta | ModelAnswer]:
        """See `Model.stream`; leaving it early closes the HTTP stream, so that the server stops generating."""
        try:
            stream = await self._client.chat.completions.create(**_request(self.name, prompt))
            try:
                async for part in _parts(stream):
                    yield part
            finally:
                # AutoGen's own client leaves this to the garbage collector, and the server talks to nobody meanwhile
                await asyncio.shield(asyncio.ensure_future(stream.close()))
        except (openai.OpenAIError, httpx2.HTTPError, json.JSONDecodeError) as error:
            msg = f"model {self.name}: {_reason(error)}"
            raise EngineError(msg) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


async def _parts(stream: AsyncStream[ChatCompletionChunk]) -> AsyncIterator[TextDelta | ModelAnswer]:
    text: list[str] = []
    calls: list[dict[str, Any]] = []
    finish_reason, usage = None, None
    async for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices[:1]:
            finish_reason = choice.finish_reason or finish_reason
            if choice.delta.content:
                text.append(choice.delta.content)
                yield TextDelta(choice.delta.content)
            for delta in choice.delta.tool_calls or ():
                _join(calls, delta)
    if finish_reason is None:
        msg = f"the stream broke off after {sum(map(len, text))} characters"
        raise EngineError(msg)
    yield ModelAnswer(
        text="".join(text),
        tool_calls=tuple(
            ToolCall(id=call["id"], name=call["name"], arguments=call["arguments"] or "{}") for call in calls
        ),
        finish_reason=finish_reason,
        prompt_tokens=usage.prompt_tokens if usage else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
    )


def _join(calls: list[dict[str, Any]], delta: ChoiceDeltaToolCall) -> None:
    """Add a piece of a tool call to those that are there; some servers leave the index out, or at 0 for every call."""
    call = next((call for call in reversed(calls) if call["index"] == delta.index), None)
    if call is None or (delta.id and call["id"] and delta.id != call["id"]):
        call = {"index": delta.index, "id": "", "name": "", "arguments": ""}
        calls.append(call)
    call["id"] = call["id"] or delta.id or ""
    if delta.function is not None:
        call["name"] += delta.function.name or ""
        call["arguments"] += delta.function.arguments or ""


def _request(model: str, prompt: PromptRequested) -> dict[str, Any]:
    request: dict[str, Any] = {
        **({"extra_body": prompt.parameters} if prompt.parameters else {}),  # servers of one's own know more names
        "model": model,
        "messages": [_message(message) for message in prompt.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if prompt.tools:
        request["tools"] = [_tool(tool) for tool in prompt.tools]
        request["tool_choice"] = prompt.tool_choice
    return request


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    if not message.tool_calls:
        return {"role": message.role, "content": message.content}
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in message.tool_calls
    ]
    return {"role": "assistant", "content": message.content or None, "tool_calls": calls}


def _tool(tool: ToolSchema) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
    }


def _reason(error: Exception) -> str:
    if isinstance(error, openai.APIStatusError):
        return f"HTTP {error.status_code}: {error.message}"
    return f"{type(error).__name__}: {error}"


_SAMPLE = {
    "id": "warm",
    "object": "chat.completion.chunk",
    "created": 0,
    "model": "warm",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "warm"}, "finish_reason": None}],
}
