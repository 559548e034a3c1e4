"""The door of tool servers: results, errors and notifications of any form, from a real process over stdio."""

import asyncio
import base64
import json
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from orchestra.agents import ToolContext
from orchestra.agents.mcp import mcp_tools
from orchestra.agents.mcp.schemas import accepted_names, accepted_parameters
from orchestra.agents.tool import Tool
from orchestra.errors import ToolFailed
from tests.fuzz import odd
from tests.fuzz.run import Outcome

_CONTEXT = ToolContext(call="07-x", turn=1, idempotency_key="key", caller_number="")
_ANSWERED_WITHIN_S = 60.0
_LONGEST = 200_000
_RESULTS: list[Any] = [
    {"content": [{"type": "text", "text": "It is in the van."}], "isError": False},
    {"content": [{"type": "text", "text": "one"}, {"type": "image", "data": "QUFB", "mimeType": "image/png"}]},
    {
        "content": [
            {"type": "resource", "resource": {"uri": "file:///a.txt", "text": "words", "mimeType": "text/plain"}}
        ]
    },
    {"content": [{"type": "resource_link", "uri": "https://a.example", "name": "a"}], "structuredContent": {"a": 1}},
    {"content": [], "structuredContent": {"price": 4.5, "rows": [{"a": None}]}, "_meta": {"x": 1}},
]
_MESSAGES: list[Any] = [
    {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 0.5}},
    {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "error", "data": "x"}},
    {"jsonrpc": "2.0", "id": 99, "method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 1}},
    {"jsonrpc": "2.0", "id": 98, "method": "roots/list"},
    {"jsonrpc": "2.0", "id": "@id", "error": {"code": -32000, "message": "broken", "data": {"a": 1}}},
]
_SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/c"}]}},
    "required": ["a"],
    "$defs": {"c": {"type": "object", "properties": {"d": {"$ref": "#/$defs/c"}}}},
}


class Servers:
    """Results and tool lists of tool servers."""

    at_once = 8

    def __init__(self, odd_server: dict[str, Tool], good_server: dict[str, Tool]) -> None:
        self._told, self._echo = odd_server["told"], good_server["echo"]

    async def take(self, _: int, chance: random.Random) -> Outcome:
        self._list(chance)
        line = self._line(chance)
        raw = json.dumps({"raw": base64.b64encode(line).decode()})
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN_S):
                answer, passed = await self._ask(self._told, raw), 1
        except ToolFailed as error:
            answer, passed = str(error), 0
        except Exception as error:
            msg = f"{type(error).__name__} {error} for {line[:2000]!r}"
            raise AssertionError(msg) from error
        assert isinstance(answer, str), line[:2000]
        assert len(answer) < _LONGEST, f"{len(answer)} characters for {line[:2000]!r}"
        answer.encode()
        return Outcome(1, passed)

    def _line(self, chance: random.Random) -> bytes:
        if chance.random() < 0.2:
            message = odd.mutated(chance.choice(_MESSAGES), chance)
        else:
            result = odd.mutated(chance.choice(_RESULTS), chance)
            message = {"jsonrpc": "2.0", "id": "@id", "result": result}
            message = odd.mutated(message, chance) if chance.random() < 0.2 else message
        return odd.dumped(message, chance).replace(b'"@id"', b"@id")

    def _list(self, chance: random.Random) -> None:
        """Names and schemas of a list, converted to what endpoints accept."""
        schema = odd.mutated(_SCHEMA, chance)
        made = accepted_parameters(schema)
        assert made["type"] == "object", schema
        assert _is_schema(made), f"{made} of {schema}"
        names = [odd.text(chance) for _ in range(chance.randrange(5))]
        known = accepted_names(names)
        assert len(set(known.values())) == len(set(names)), names
        assert all(name.isascii() and 0 < len(name) <= 64 for name in known.values()), names

    async def beside(self) -> None:
        for text in ("well", "how are you?"):
            assert await self._ask(self._echo, json.dumps({"text": text})) == text

    async def _ask(self, tool: Tool, arguments: str) -> str:
        if (ready := tool.ready()) is not None:
            await ready
        tool.check(arguments)
        return await tool.run(arguments, _CONTEXT)

    async def idle(self) -> None:
        while True:  # until the connection, which an odd message may have closed, is open again
            with suppress(ToolFailed):
                await self._ask(self._told, json.dumps({"raw": base64.b64encode(b"{}").decode()}))
                return
            await asyncio.sleep(0.5)


def _is_schema(node: Any) -> bool:
    """Whether a chat endpoint accepts it: an object without references, its keywords of the right types."""
    if not isinstance(node, dict) or "$ref" in node:
        return False
    inner = node.get("properties", {})
    lists = [node[word] for word in ("anyOf", "oneOf", "allOf") if word in node]
    if not isinstance(inner, dict) or not all(isinstance(each, list) and each for each in lists):
        return False
    return all(map(_is_schema, [*inner.values(), *(part for each in lists for part in each)]))


@asynccontextmanager
async def mcp(folder: Path) -> AsyncIterator[Servers]:
    """Output of tool servers."""
    command = [sys.executable, "-m", "tests.fuzz.mcp_server"]
    root = str(Path(__file__).parents[2])
    servers = [
        await asyncio.to_thread(mcp_tools, command, env={"PYTHONPATH": root, "SERVER": name})
        for name in ("odd", "good")
    ]
    try:
        yield Servers(*({tool.name: tool for tool in tools} for tools in servers))
    finally:
        for tools in servers:
            assert tools[0].source is not None
            await tools[0].source.close()
