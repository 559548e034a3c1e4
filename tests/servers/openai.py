"""An OpenAI-compatible endpoint: ``/v1/chat/completions``, whole or streamed, with tool calls and usage; embeddings.

https://platform.openai.com/docs/api-reference/chat and /embeddings
"""

import asyncio
import inspect
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.servers.server import NO_FAULTS, Dropped, Faults, Fuse, ProtocolServer

_ARGUMENT_PIECE = 7


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that the model makes; ``arguments`` are sent as JSON, a string as it is."""

    name: str
    arguments: dict[str, Any] | str = field(default_factory=dict)

    @property
    def json(self) -> str:
        """The arguments as they are sent."""
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclass(frozen=True, slots=True)
class Answer:
    """The model's text, and the tools it calls after it."""

    text: str = ""
    calls: Sequence[Call] = ()


@dataclass(frozen=True, slots=True)
class Raw:
    """The exact bytes that are sent: the pieces of the body, each in a packet of its own, ``pause_s`` apart.

    A dictionary is an event of the stream. ``cut``: the connection is cut after the last piece without a word.
    """

    pieces: Sequence[bytes | dict[str, Any]]
    status: int = 200
    content_type: str = "text/event-stream"
    headers: Mapping[str, str] = field(default_factory=dict)
    pause_s: float = 0.0
    cut: bool = False


Reply = str | Sequence[Call] | Answer | Raw
Embed = Callable[[str], Sequence[float]]
Refuses = Callable[[dict[str, Any]], tuple[int, Any] | None]
Respond = Callable[[list[dict[str, Any]], list[dict[str, Any]]], Reply | Awaitable[Reply]]


class OpenAIServer(ProtocolServer):
    """Answers with ``respond(messages, tools)``: text, tool calls, both as an ``Answer``, or a `Raw` body.

    ``refuses(body)`` returns a status and a body where a stricter endpoint would refuse the request.

    ``seen[n].body`` is the n-th request. ``token_s`` is the pause between two pieces of a stream, in seconds.
    ``embed(text)`` returns the vector of a text; ``embedded`` lists all texts received.
    """

    def __init__(
        self,
        respond: Respond,
        *,
        token_s: float = 0.0,
        key: str | None = None,
        faults: Faults = NO_FAULTS,
        embed: Embed | None = None,
        refuses: Refuses | None = None,
    ) -> None:
        super().__init__(faults)
        self.refuses = refuses
        self.respond = respond
        self.embed = embed
        self.embedded: list[str] = []
        self.token_s = token_s
        self.key = key
        self._calls = 0

    @property
    def base_url(self) -> str:
        """The base URL for a client."""
        return f"{self.url}/v1"

    def routes(self) -> list[web.RouteDef]:
        """The paths that are served."""
        return [
            web.post("/v1/chat/completions", self._complete),
            web.post("/v1/embeddings", self._embeddings),
            web.get("/v1/models", self._models),
        ]

    async def _models(self, request: web.Request) -> web.Response:
        self._let_in(request)
        return web.json_response({"object": "list", "data": [{"id": "test-model", "object": "model"}]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        faults = self._let_in(request, body)
        refused = self.refuses(body) if self.refuses else None
        if refused is not None:
            status, problem = refused
            return web.json_response(problem, status=status)
        reply = self.respond(body["messages"], body.get("tools", []))
        reply = await reply if inspect.isawaitable(reply) else reply
        await asyncio.sleep(faults.slow_s)
        if isinstance(reply, Raw):
            return await self._raw(request, reply)
        answer = _answer(reply)
        if not body.get("stream"):
            return web.json_response(self._whole(body, answer))
        return await self._stream(request, body, answer, faults)

    def _let_in(self, request: web.Request, body: dict[str, Any] | None = None) -> Faults:
        seen, faults = self.admit(request, body)
        if self.key is not None and seen.headers.get("authorization") != f"Bearer {self.key}":
            raise web.HTTPUnauthorized(
                text='{"error":{"message":"Incorrect API key","type":"invalid_request_error"}}',
                content_type="application/json",
            )
        return faults

    async def _embeddings(self, request: web.Request) -> web.Response:
        body = await request.json()
        await asyncio.sleep(self._let_in(request, body).slow_s)
        if self.embed is None:
            error = {"message": f"The model {body['model']} does not exist", "type": "invalid_request_error"}
            return web.json_response({"error": error}, status=404)
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        self.embedded += texts
        data = [
            {"object": "embedding", "index": place, "embedding": list(self.embed(text))}
            for place, text in enumerate(texts)
        ]
        words = sum(len(text.split()) for text in texts)
        usage = {"prompt_tokens": words, "total_tokens": words}
        return web.json_response({"object": "list", "data": data, "model": body["model"], "usage": usage})

    async def _stream(
        self, request: web.Request, body: dict[str, Any], answer: Answer, faults: Faults
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        fuse = Fuse(request, faults)
        try:
            async for event in self._events(body, answer, cut=faults.cut):
                await fuse.burn()
                await response.write(f"data: {event}\n\n".encode())
        except (Dropped, ConnectionError):
            self.lose()
        except asyncio.CancelledError:  # the client went away
            self.lose()
            raise
        else:
            await response.write_eof()
        return response

    async def _raw(self, request: web.Request, raw: Raw) -> web.StreamResponse:
        headers = {"Content-Type": raw.content_type, **raw.headers}
        response = web.StreamResponse(status=raw.status, headers=headers)
        await response.prepare(request)
        try:
            for number, piece in enumerate(raw.pieces):
                await asyncio.sleep(raw.pause_s if number else 0)
                data = b"data: " + json.dumps(piece).encode() + b"\n\n" if isinstance(piece, dict) else piece
                if data:  # an empty piece would end the body
                    await response.write(data)
            if raw.cut:
                await Fuse(request, Faults(drop_after=0)).burn()
        except (Dropped, ConnectionError):
            self.lose()
        except asyncio.CancelledError:  # the client went away
            self.lose()
            raise
        else:
            await response.write_eof()
        return response

    async def _events(self, body: dict[str, Any], answer: Answer, *, cut: bool) -> AsyncIterator[str]:
        head = {"id": self._id(), "object": "chat.completion.chunk", "created": int(time.time())}

        def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> str:
            choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
            return json.dumps({**head, "model": body["model"], "choices": [choice]})

        yield chunk({"role": "assistant", "content": ""})
        for delta in self._deltas(answer):
            yield chunk(delta)
            await asyncio.sleep(self.token_s)
        if cut:
            return
        yield chunk({}, _finish_reason(answer))
        if (body.get("stream_options") or {}).get("include_usage"):
            yield json.dumps({**head, "model": body["model"], "choices": [], "usage": _usage(body, answer)})
        yield "[DONE]"

    def _deltas(self, answer: Answer) -> Iterator[dict[str, Any]]:
        for piece in re.findall(r"\s*\S+", answer.text):
            yield {"content": piece}
        for index, call in enumerate(answer.calls):
            function: dict[str, Any] = {"name": call.name, "arguments": ""}
            yield {"tool_calls": [{"index": index, "id": self._id("call"), "type": "function", "function": function}]}
            for start in range(0, len(call.json), _ARGUMENT_PIECE):
                piece = call.json[start : start + _ARGUMENT_PIECE]
                yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}

    def _whole(self, body: dict[str, Any], answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
        if answer.calls:
            message["tool_calls"] = [
                {"id": self._id("call"), "type": "function", "function": {"name": call.name, "arguments": call.json}}
                for call in answer.calls
            ]
        return {
            "id": self._id(),
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": _finish_reason(answer)}],
            "usage": _usage(body, answer),
        }

    def _id(self, kind: str = "chatcmpl") -> str:
        self._calls += 1
        return f"{kind}-{self._calls}"


def _answer(reply: str | Sequence[Call] | Answer) -> Answer:
    if isinstance(reply, Answer):
        return reply
    return Answer(text=reply) if isinstance(reply, str) else Answer(calls=reply)


def _finish_reason(answer: Answer) -> str:
    return "tool_calls" if answer.calls else "stop"


def _usage(body: dict[str, Any], answer: Answer) -> dict[str, int]:
    prompt = sum(len(str(message.get("content") or "").split()) for message in body["messages"])
    completion = len(answer.text.split()) + sum(len(call.json) for call in answer.calls)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
