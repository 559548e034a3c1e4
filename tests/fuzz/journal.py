"""The door of the journal: foreign entries, while consumers run and a call is in progress."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from orchestra.bus import Bus, EmbeddedServer, partition_of
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, DecodeError, Event, TurnCompleted, decode, encode, event_types, tag_of
from orchestra_workers.persistence import consumer as persistence
from tests.agents.team import Line
from tests.fuzz import odd
from tests.fuzz.run import Outcome

_CALLS = 20
_HANDLED_WITHIN_S = 60.0


def _good(kind: type[Event], call: str) -> Event:
    """An event of this type with a value in every field."""
    own = {field.name for field in msgspec.structs.fields(Event)}
    given = {field.name: _filled(field.type) for field in msgspec.structs.fields(kind) if field.name not in own}
    return msgspec.convert({**given, "call": call, "turn": 1, "type": tag_of(kind)}, kind)


def _filled(kind: Any) -> Any:  # noqa: PLR0911 - one for each kind of type
    """A value, in terms of JSON, that a field of this type accepts."""
    info = kind if isinstance(kind, msgspec.inspect.Type) else msgspec.inspect.type_info(kind)
    match info:
        case msgspec.inspect.StrType() | msgspec.inspect.AnyType():
            return "where is my parcel"
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.BytesType():
            return ""
        case msgspec.inspect.LiteralType(values=values):
            return values[0]
        case msgspec.inspect.UnionType(types=types):
            return _filled(next(each for each in types if not isinstance(each, msgspec.inspect.NoneType)))
        case msgspec.inspect.StructType(fields=fields):
            return {field.encode_name: _filled(field.type) for field in fields}
        case msgspec.inspect.VarTupleType(item_type=item) | msgspec.inspect.ListType(item_type=item):
            return [_filled(item)]
        case msgspec.inspect.DictType():
            return {}
        case _:
            return 3


class Journal:
    """Foreign entries."""

    at_once = 64

    def __init__(self, bus: TestBus, line: Line) -> None:
        self._bus, self._line = bus, line
        self._calls = [bus.call() for _ in range(_CALLS)]
        self._kinds = list(event_types().values())

    async def take(self, number: int, chance: random.Random) -> Outcome:
        kind = self._kinds[number % len(self._kinds)]
        event = _good(kind, chance.choice(self._calls))
        fields: dict[bytes, bytes] = dict(encode(event))
        body = json.loads(fields[b"body"])
        body.update(id=f"{body['call']}:odd.{number}", at=chance.choice([1.8e9, 0, -1, 1e30, 1.8e15]))
        if chance.random() < 0.5:  # each field in turn
            body[list(body)[number // len(self._kinds) % len(body)]] = odd.value(chance)
        elif chance.random() < 0.9:
            body = odd.mutated(body, chance)
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
        await self._bus.bus.redis.xadd(stream, fields)
        try:
            return Outcome(1, int(decode(fields) is not None))
        except DecodeError:
            return Outcome(1, 0)

    async def beside(self) -> None:
        """A turn of a call is answered, however many foreign entries precede it."""
        async with aclosing(self._bus.bus.follow([partition_of(self._line.call)])) as follow:
            await follow.start()
            turn = await self._line.say("where is my parcel", settle=False)
            async with asyncio.timeout(_HANDLED_WITHIN_S):
                async for entry in follow:
                    if entry.call == self._line.call and entry.type == tag_of(TurnCompleted):
                        event = entry.event()
                        if isinstance(event, TurnCompleted) and event.turn == turn:
                            assert not event.failed, event
                            return

    async def idle(self) -> None:
        """End the calls, whose predicted turns wait for silent callers, and begin others."""
        await self._bus.publish(*(CallEnded(call=call, reason="caller_hung_up") for call in self._calls))
        self._calls = [self._bus.call() for _ in range(_CALLS)]
        await self._bus.settled(_HANDLED_WITHIN_S, allow_dead=True)


@asynccontextmanager
async def journal(folder: Path) -> AsyncIterator[Journal]:
    """Foreign entries on the journal."""
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
