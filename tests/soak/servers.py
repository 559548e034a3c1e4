"""The servers around the system, which go away and stay silent like others' servers do; what they store, they keep."""

import asyncio
import random
from typing import Protocol, Self

from tests.faults.spoken.model import respond
from tests.servers.label_studio import LabelStudioServer
from tests.servers.openai import OpenAIServer
from tests.servers.openobserve import OpenObserveServer, Trouble
from tests.servers.webhook_receiver import WebhookReceiver

#: the receiver refuses this share of the messages, in every way it can
_REFUSED = 0.05


class Outage(Protocol):
    """A server that can be away, or take requests and not answer."""

    async def go_away(self, seconds: float) -> None:
        """Cut every connection, and take none for so long."""

    async def say_nothing(self, seconds: float) -> None:
        """Take requests, and answer them after so long."""


class Servers:
    """The model, OpenObserve, Label Studio and a receiver of webhooks, as stand-ins that speak their protocols."""

    def __init__(self, seed: int) -> None:
        self.model = OpenAIServer(respond, token_s=0.02)
        self.openobserve = OpenObserveServer()
        self.label_studio = LabelStudioServer()
        self.receiver = WebhookReceiver()
        self._chance = random.Random(seed)
        self._hangs = False
        self.outages: dict[str, Outage] = {
            "openobserve": _OpenObserveOutage(self.openobserve),
            "label-studio": _LabelStudioOutage(self.label_studio),
            "receiver": _ReceiverOutage(self.receiver),
        }

    async def __aenter__(self) -> Self:
        for server in (self.model, self.openobserve, self.label_studio):
            await server.__aenter__()
            server.fixed_port = server.port
        self.receiver.trouble = lambda _path, _message: (
            self._chance.choice((500, 503, "close", "late")) if self._chance.random() < _REFUSED else None
        )
        await self.receiver.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.receiver.stop()
        for server in (self.model, self.openobserve, self.label_studio):
            await server.__aexit__(None, None, None)

    def forget_requests(self) -> None:
        """Drop what the stand-ins remember of requests, which nobody asks for here and which only grows."""
        for server in (self.model, self.openobserve, self.label_studio):
            server.seen.clear()
        self.label_studio.sent.clear()
        self.receiver.headers.clear()
        self.receiver.requests.clear()


class _OpenObserveOutage:
    def __init__(self, server: OpenObserveServer) -> None:
        self._server = server

    async def go_away(self, seconds: float) -> None:
        await self._server.__aexit__(None, None, None)
        await asyncio.sleep(seconds)
        await self._server.__aenter__()

    async def say_nothing(self, seconds: float) -> None:
        self._server.troubles = [Trouble("slow", slow_s=seconds)]
        await asyncio.sleep(seconds)
        self._server.troubles = []


class _LabelStudioOutage:
    def __init__(self, server: LabelStudioServer) -> None:
        self._server = server

    async def go_away(self, seconds: float) -> None:
        self._server.fail_imports = [-1]  # the connection is cut after the tasks were stored, as a server's death can
        await asyncio.sleep(seconds / 2)
        await self._server.__aexit__(None, None, None)
        await asyncio.sleep(seconds / 2)
        self._server.fail_imports = []
        await self._server.__aenter__()

    async def say_nothing(self, seconds: float) -> None:
        self._server.fail_imports = [503, -504, -1]
        await asyncio.sleep(seconds)
        self._server.fail_imports = []


class _ReceiverOutage:
    def __init__(self, server: WebhookReceiver) -> None:
        self._server = server

    async def go_away(self, seconds: float) -> None:
        await self._server.stop()
        await asyncio.sleep(seconds)
        await self._server.start()

    async def say_nothing(self, seconds: float) -> None:
        self._server.answers_after_s = seconds
        await asyncio.sleep(seconds)
        self._server.answers_after_s = 0.0
