"""An edge in this process with a SIP gateway in front of it, for telephones on this machine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from orchestra.settings import Settings
from orchestra.simulator import CallOutcome, PhoneLine, SipCaller
from orchestra.testing import TestBus
from orchestra_schemas import CallTransferRequested, ReplyChunk, ReplySpoken, TurnCompleted, UserTurnEnded
from tests.sip.gateways import RunningGateway, running_gateway
from tests.voice.edges import Greeting, RunningEdge, running_edge, tone

PATIENCE_S = 60.0
QUIET_S = 0.2
Talk = Callable[[PhoneLine], Awaitable[None]]


@dataclass
class SipLine:
    """What telephones reach: a gateway, and the edge behind it."""

    edge: RunningEdge
    gateway: RunningGateway
    callers: list[SipCaller] = field(default_factory=list)

    def target(self, user: str = "demo", transport: str = "") -> str:
        port = self.gateway.port + (transport == "tls")
        return f"sip:{user}@127.0.0.1:{port}" + (f";transport={transport}" if transport else "")

    async def call(self, talk: Talk, *, user: str = "demo", transport: str = "", **caller: Any) -> CallOutcome:
        """Call as a telephone does, and talk."""
        line = PhoneLine()
        self.edge.lines.append(line)
        self.callers.append(SipCaller(self.target(user, transport), **caller))
        async with asyncio.timeout(PATIENCE_S):
            return await self.callers[-1].call(line, talk)

    async def asks(self, line: PhoneLine, turn: int = 1, for_s: float = 0.4) -> str:
        """The caller says something once the greeting is over. Returns the call's id."""
        await self.edge.event(ReplySpoken, turn=0)
        line.say(tone(for_s))
        return (await self.edge.event(UserTurnEnded, turn=turn)).call

    async def answer(self, call: str, text: str, turn: int = 1) -> None:
        """An agent answers a turn."""
        reply = ReplyChunk(call=call, turn=turn, text=text, agent="a")
        await self.edge.bus.publish(reply, TurnCompleted(call=call, turn=turn, agent="a"))

    async def transfer(self, call: str, target: str, turn: int = 1, **more: str) -> None:
        """An agent has the call transferred."""
        transfer = CallTransferRequested(call=call, turn=turn, target=target, **more)
        await self.edge.bus.publish(transfer, TurnCompleted(call=call, turn=turn, agent="a"))

    @property
    def complaints(self) -> list[str]:
        """What the gateway did against the protocol, by the telephones that called."""
        return [complaint for caller in self.callers for complaint in caller.telephone.complaints]


@asynccontextmanager
async def sip_line(
    bus: TestBus,
    settings: Settings,
    *hears: str,
    app: Greeting | None = None,
    edge: dict[str, Any] | None = None,
    **gateway: object,
) -> AsyncIterator[SipLine]:
    """A line whose callers say these words; ``edge`` and ``gateway`` are settings of either."""
    async with (
        running_edge(bus, settings, *hears, app=app, sip=True, **(edge or {})) as running,
        running_gateway(settings.data_dir, [running.url], **gateway) as started,
    ):
        yield SipLine(running, started)


async def quiet(line: PhoneLine) -> None:
    """Wait until the agent has said all that it said so far."""
    await line.until(lambda: not line.playout and line.now_s - line.agent_last_audible_s > QUIET_S, PATIENCE_S)


async def hear_greeting(line: PhoneLine) -> None:
    """Listen to the first words."""
    assert await line.until(lambda: line.agent_audible_s > 0.15, PATIENCE_S)
