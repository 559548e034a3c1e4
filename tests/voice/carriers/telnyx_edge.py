"""An edge that takes Telnyx's calls, with the network that makes them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from orchestra.settings import Settings
from orchestra.simulator import CallOutcome, PhoneLine, TelnyxCaller, TelnyxNetwork
from orchestra.testing import TestBus
from tests.voice.edges import Greeting, RunningEdge, running_edge

WEBHOOK = "/telnyx/voice"


@dataclass
class TelnyxEdge:
    network: TelnyxNetwork
    running: RunningEdge

    async def call(self, talk: Callable[[PhoneLine], Awaitable[None]], **caller: Any) -> CallOutcome:
        line = PhoneLine()
        self.running.lines.append(line)
        async with asyncio.timeout(self.running.patience_s):
            return await TelnyxCaller(self.network, self.running.url, **caller).call(line, talk)

    async def post(self, body: bytes, headers: dict[str, str]) -> int:
        return await self.network.post(self.running.url + WEBHOOK, body, headers)

    def initiated(self) -> bytes:
        leg = self.network.new_leg("+15550001", "+15550100", "incoming", self.running.url + WEBHOOK)
        return self.network.event(leg, "call.initiated")

    def done(self, action: str) -> int:
        """How often the edge gave this command."""
        return sum(command.action == action for command in self.network.commands)

    def refused(self, kind: str) -> int:
        """How many refusals of this kind were noted."""
        _, written, unwritten = self.running.edge.refusals._kinds.get(kind, (0.0, 0, 0))
        return written + unwritten


@asynccontextmanager
async def telnyx_edge(
    bus: TestBus, settings: Settings, *hears: str, app: Greeting | None = None, **changed: Any
) -> AsyncIterator[TelnyxEdge]:
    async with (
        TelnyxNetwork() as network,
        running_edge(bus, settings, *hears, app=app, **(network.settings | changed)) as running,
    ):
        yield TelnyxEdge(network, running)
