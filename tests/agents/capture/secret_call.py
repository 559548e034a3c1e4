"""A call with both workers and the edge's `Call`, without audio; and a search through everything that is stored."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from orchestra.agents.tool import Tool
from orchestra.bus.vault import Vault
from orchestra.history.reduce import history_of
from orchestra.storage.secrets import vault_key
from orchestra.testing import TestBus
from orchestra.voice.call.actions import SendMark, Speech
from orchestra.voice.call.call import Call
from orchestra.voice.call.script import Script
from orchestra.voice.carriers.port import Parties
from orchestra_schemas import Event, ReplyChunk, ToolRequested
from tests.agents.team import Decide, Line, Parcels, team

SCRIPT = Script(app="parcels", greeting="Hello.", holding="", max_call_s=600, caller_silence_s=600, apology="Again?")


class _Played:
    """Everything that is said is heard at once."""

    words_with_audio = 10_000
    queued_ms = sent_ms = 0.0

    def reply_heard(self) -> list[str]:
        return []

    def begin_reply(self) -> None:
        return

    def since_caller_sound(self, ago_s: float) -> float:
        return ago_s


class SecretCall(Line):
    """The caller speaks and presses keys at the edge, which publishes."""

    def __init__(self, bus: TestBus, decide: Decide, tools: tuple[Tool, ...]) -> None:
        parcels = Parcels()
        super().__init__(bus, decide, app=team(parcels, tools=tools))
        self.parcels = parcels
        self._passed: set[str] = set()
        self.edge = self.open_edge("edge-1")

    def open_edge(self, name: str, journal: Iterable[Event] = ()) -> Call:
        """An edge that answers the call, or takes it over with this journal."""
        self._publisher = self.bus.bus.publisher(name)
        state = history_of(journal).resume if journal else None
        parties = Parties(call=self.call, provider_call="CA1", from_number="+15550001", to_number="+15550100")
        keep = Vault(self.bus.bus, vault_key(self.bus.bus.settings)).keep
        edge = Call(
            parties,
            SCRIPT,
            "a/b",
            self._publisher,
            self._speak,
            resume_state=state,
            playback=_Played(),
            keep_secret=keep,
        )
        edge.seen_events.update({event.id: None for event in journal})
        return edge

    def _speak(self, speech: Speech) -> None:
        if isinstance(speech, SendMark):
            asyncio.get_running_loop().call_soon(lambda: self.edge.take_mark(speech.name))

    @asynccontextmanager
    async def answered(self) -> AsyncIterator["SecretCall"]:
        """The call with its workers."""
        async with self.bus.run(self.orchestration().consumer, self.execution().consumer):
            self.edge.started()
            self.edge.greet()
            await self.settle()
            yield self
            self.edge.ended("caller_hung_up")
            await self.settle()

    async def settle(self) -> None:
        """Everything is handled, and the edge knows of it."""
        while True:
            await self._publisher.flush(5)
            await self.bus.settled()
            journal = [event for event in await self.bus.published(None, self.call) if event.id not in self._passed]
            self._passed.update(event.id for event in journal)
            for event in journal:
                if event.source != self._publisher.source and event.stream == "events":
                    self.edge.take_event(event)
            if not journal:
                return

    async def hears(self, words: str, *, settle: bool = True, late: tuple[str, float] | None = None) -> None:
        """The caller says this, and the edge understands it.

        ``late``: the engine recognizes meanwhile what they said before, and when that began.
        """
        conversation, now = self.edge.conversation, time.time()
        conversation.speech_started(now)
        conversation.caller_started()
        if late is not None:
            conversation.final(late[0], began=late[1])
            words = f"{late[0]} {words}"
        conversation.partial(words)
        conversation.final(words, began=now)
        conversation.speech_ended(now)
        conversation.caller_stopped()
        conversation.turn_ended(words)
        self.edge.tick()
        await self._publisher.flush(5)
        if settle:
            await self.settle()

    async def keys(self, keys: str, *, question: int) -> None:
        """The caller presses these once they were asked for keys, and ``question`` chunks have come."""
        await self.until(ToolRequested)
        await self.until(ReplyChunk, question)
        for key in keys:
            self.edge.take_digit(key)
        await self.settle()

    async def presses(self, keys: str) -> None:
        """The caller presses these, although they were asked to speak."""
        for key in keys:
            self.edge.take_digit(key)
        await self.settle()

    async def said(self) -> list[str]:
        return [chunk.text for chunk in await self.events(ReplyChunk)]

    async def edge_dies(self) -> None:
        """Another edge takes the call over, with the journal."""
        self.edge = self.open_edge("edge-2", await self.bus.published(None, self.call))
        self.edge.started()
        self.edge.greet()
        await self.settle()


async def everything_stored(bus: TestBus) -> dict[str, str]:
    """Every key of the server with all that it holds, the vault too: it is encrypted."""
    redis = bus.bus.redis
    found: dict[str, str] = {}
    async for key in redis.scan_iter("*"):
        name = key.decode() if isinstance(key, bytes) else key
        found[name] = repr(await _value(redis, key))
    return found


async def _value(redis: object, key: object) -> object:
    match await redis.type(key):  # type: ignore[attr-defined]
        case b"stream" | "stream":
            return await redis.xrange(key)  # type: ignore[attr-defined]
        case b"hash" | "hash":
            return await redis.hgetall(key)  # type: ignore[attr-defined]
        case b"zset" | "zset":
            return await redis.zrange(key, 0, -1)  # type: ignore[attr-defined]
        case b"set" | "set":
            return await redis.smembers(key)  # type: ignore[attr-defined]
        case b"list" | "list":
            return await redis.lrange(key, 0, -1)  # type: ignore[attr-defined]
    return await redis.get(key)  # type: ignore[attr-defined]
