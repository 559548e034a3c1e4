"""The door of the journal: entries of others, under consumers that run, and a call that goes on beside."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from orchestra.bus import Bus, EmbeddedServer
from orchestra.settings import Settings
from orchestra.testing import TestBus
from schemas import (
    AgentChanged,
    AudioChunk,
    CallEnded,
    CallStarted,
    DigitPressed,
    Event,
    PromptCompleted,
    RecordingSaved,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    ToolCompleted,
    TranscriptFinal,
    TurnCompleted,
    TurnMeasured,
    UserTurnEnded,
    encode,
)
from tests.conversation.team import Line
from tests.fuzz import odd
from workers.persistence import consumer as persistence

_CALLS = 20
_HANDLED_WITHIN_S = 60.0


def _good(call: str) -> list[Event]:
    return [
        CallStarted(call=call, from_number="+15550001", greeting="Hello."),
        AgentChanged(call=call, agent="reception", reason="entry"),
        TranscriptFinal(call=call, text="where is my parcel"),
        UserTurnEnded(call=call, turn=1, text="where is my parcel"),
        PromptCompleted(call=call, turn=1, request="x", model="m", text="Here.", prompt_tokens=3),
        ToolCompleted(call=call, turn=1, request="x", name="find_parcel", result="in the van"),
        ReplyChunk(call=call, turn=1, text="It is in the van."),
        ReplyInterrupted(call=call, turn=1, heard="It is"),
        ReplySpoken(call=call, turn=1, text="It is in the van."),
        TurnMeasured(call=call, turn=1, total_ms=900.0),
        TurnCompleted(call=call, turn=1, text="It is in the van.", agent="reception"),
        DigitPressed(call=call, digit="4"),
        RecordingSaved(call=call, url="file:///tmp/x.wav", duration_s=1.0),
        AudioChunk(call=call, speaker="caller", offset_ms=0),
        CallEnded(call=call, reason="caller_hung_up", duration_s=3.0),
    ]


class Journal:
    """Entries of others."""

    batch = 200

    def __init__(self, bus: TestBus, line: Line) -> None:
        self._bus, self._line = bus, line
        self._calls = [bus.call() for _ in range(_CALLS)]
        self._writing = asyncio.Semaphore(8)

    async def take(self, number: int, chance: random.Random) -> None:
        event = chance.choice(_good(chance.choice(self._calls)))
        fields: dict[bytes, bytes] = dict(encode(event))
        body = json.loads(fields[b"body"])
        body.update(id=f"{body['call']}:odd.{number}", at=chance.choice([1.8e9, 0, -1, 1e30, 1.8e15]))
        body = odd.mutated(body, chance) if chance.random() < 0.9 else body
        fields[b"body"] = odd.dumped(body, chance)
        fields[b"id"] = f"{event.call}:odd.{number}".encode()
        if chance.random() < 0.3:
            name = chance.choice([*fields, b"audio", b"x"])
            if chance.random() < 0.4 and len(fields) > 1:
                fields.pop(name, None)
            else:
                fields[name] = chance.choice(
                    [odd.text(chance).encode("utf-8", "replace"), b"\xff\xfe\x00", b"x" * 9000]
                )
        stream = self._bus.bus.key(
            int(event.call[:2]), "events" if b"audio" not in fields or chance.random() < 0.5 else "media"
        )
        async with self._writing:
            await self._bus.bus.redis.xadd(stream, fields)

    async def beside(self) -> None:
        said = len(self._line.model.prompts)
        await self._line.say("where is my parcel", settle=False)
        async with asyncio.timeout(_HANDLED_WITHIN_S):
            while await self._answered() < self._line.turn:  # noqa: ASYNC110 - the journal is asked again
                await asyncio.sleep(0.1)
        assert len(self._line.model.prompts) > said

    async def _answered(self) -> int:
        turns = await self._bus.published(TurnCompleted, self._line.call)
        return sum(not turn.failed for turn in turns)

    async def idle(self) -> None:
        await self._bus.settled(_HANDLED_WITHIN_S, allow_dead=True)


@asynccontextmanager
async def journal(folder: Path) -> AsyncIterator[Journal]:
    """Entries of others on the journal."""
    server = EmbeddedServer(folder)
    await server.start()
    bus = await Bus.connect(Settings(redis_url=server.url, data_dir=folder / "data"))
    try:
        test = TestBus(bus)
        line = Line(test, lambda _: "It is in the van.")
        async with test.run(persistence), line.running():
            yield Journal(test, line)
    finally:
        await bus.close()
        await server.stop()
