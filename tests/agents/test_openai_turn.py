"""Whole turns with a model behind an OpenAI-compatible server, chosen by the settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from orchestra.execution.handlers import Execution
from orchestra.execution.models import ModelRegistry, open_models
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import AgentChanged, PromptCompleted, ReplyChunk, TurnCancelled, TurnCompleted
from tests.agents.team import Line
from tests.servers.openai import Call, OpenAIServer, Reply

Dicts = list[dict[str, Any]]


class RemoteLine(Line):
    """A call whose model is behind this server."""

    def __init__(self, bus: TestBus, server: OpenAIServer, **settings: Any) -> None:
        super().__init__(bus, lambda _: "unused")
        self.settings = Settings(model="test-model", model_url=server.base_url, **settings)

    def execution(self) -> Execution:
        @asynccontextmanager
        async def models(_: Settings) -> AsyncIterator[ModelRegistry]:
            async with open_models(self.settings) as opened:
                yield opened

        return Execution(self.app, models)


def respond(messages: Dicts, tools: Dicts) -> Reply:
    names = [tool["function"]["name"] for tool in tools]
    if "transfer_to_tracking" in names:
        return [Call("transfer_to_tracking")]
    if messages[-1]["role"] == "tool" and messages[-1]["content"].startswith("found"):
        return "It is in the van. It comes today."
    return [Call("find_parcel", {"number": "4271"})]


async def test_a_turn_with_handoff_and_tool_is_answered(bus: TestBus) -> None:
    async with OpenAIServer(respond) as server, RemoteLine(bus, server).running() as line:
        await line.say("I wonder")
    assert [change.agent for change in await line.events(AgentChanged)] == ["reception", "tracking"]
    assert [chunk.text for chunk in await line.events(ReplyChunk)] == ["It is in the van.", "It comes today."]
    assert len(line.parcels.done) == 1
    assert {event.model for event in await line.events(PromptCompleted)} == {"test-model"}


async def test_interrupting_the_reply_ends_the_servers_stream(bus: TestBus) -> None:
    endless = OpenAIServer(lambda *_: "One. " + "word " * 5_000, token_s=0.01)
    async with endless as server, RemoteLine(bus, server).running() as line:
        await line.say("talk to me", settle=False)
        await line.until(ReplyChunk)
        await line.interrupt(1, "One.")
        async with asyncio.timeout(30):
            await server.left.wait()
    assert len(await line.events(TurnCancelled)) == 1
    assert await line.events(TurnCompleted) == []
