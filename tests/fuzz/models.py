"""The door of model endpoints: mutated streams, each read as in a call, and one in a hundred in a call itself."""

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from orchestra.bus import Bus, EmbeddedServer
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallStarted, ReplyChunk, TurnCompleted, UserTurnEnded
from tests.agents.test_openai_turn import RemoteLine
from tests.execution.test_model_faults import APOLOGY
from tests.fuzz.run import Outcome
from tests.servers.mutations import SECRET, Mutated, check, mutated
from tests.servers.openai import OpenAIServer, Raw
from tests.servers.shapes import ANSWER, bytes_of, chunk, in_pieces, says

_GOOD = next(raw for _, raw in says())
_ANSWER = Raw([chunk({"content": ANSWER}), chunk({}, "stop")])
_ANSWERED_WITHIN_S = 60.0
#: one of this many streams is the endpoint's answer to a caller's turn
_IN_A_CALL = 100


class _Told:
    """The result of a turn: its sentences, and its end."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.end: asyncio.Future[TurnCompleted] = asyncio.get_running_loop().create_future()


class Models:
    """Streams of model endpoints."""

    at_once = 8

    def __init__(self, bus: TestBus) -> None:
        self._bus = bus
        self.server = OpenAIServer(self._respond)
        self._streams: dict[str, bytes] = {}
        self._turns: dict[str, _Told] = {}

    def _respond(self, messages: list[dict[str, Any]], _: list[dict[str, Any]]) -> Raw:
        """The endpoint's answer: the stream for the number in the caller's words, once; after that a good one."""
        asked = [str(message["content"]) for message in messages if message["role"] == "user"]
        found = re.search(r"order (\d+)", asked[-1]) if asked else None
        stream = self._streams.pop(found[1], None) if found else None
        return _ANSWER if stream is None else Raw([stream])

    async def listen(self) -> None:
        """Pass events to the turns that wait for them."""
        async with aclosing(self._bus.bus.follow(since="0")) as entries:
            async for entry in entries:
                told, event = self._turns.get(entry.call), entry.event()
                if told is not None and isinstance(event, ReplyChunk):
                    told.sentences.append(event.text)
                elif told is not None and isinstance(event, TurnCompleted) and not told.end.done():
                    told.end.set_result(event)

    async def take(self, number: int, chance: random.Random) -> Outcome:
        stream = mutated(chance)
        try:
            answer = check(stream)
        except Exception as error:
            msg = f"{type(error).__name__} {error} for {b''.join(stream.pieces)[:2000]!r}"
            raise AssertionError(msg) from error
        if number % _IN_A_CALL == 0:
            await self._in_a_call(number, stream)
        return Outcome(1, int(answer is not None))

    async def _in_a_call(self, number: int, stream: Mutated) -> None:
        data = b"".join(stream.pieces)
        self._streams[str(number)] = data
        told = await self._turn(f"where is order {number}")
        self._streams.pop(str(number), None)
        said = [text for text in told.sentences if text != APOLOGY]
        assert not (stream.in_form and any(SECRET in text for text in said)), f"{said} for {data[:2000]!r}"

    async def _turn(self, words: str) -> _Told:
        """A call in which the caller says this; returns the reply."""
        call = self._bus.call()
        told = self._turns[call] = _Told()
        await self._bus.publish(
            CallStarted(call=call, from_number="+15550001", greeting="Hello."),
            UserTurnEnded(call=call, turn=1, text=words),
        )
        async with asyncio.timeout(_ANSWERED_WITHIN_S):
            await told.end
        del self._turns[call]
        return told

    async def beside(self) -> None:
        answer = check(Mutated(in_pieces(bytes_of(list(_GOOD.pieces)), 7), in_form=True))
        assert answer is not None
        assert answer.text == ANSWER, answer.text
        told = await self._turn("where is my parcel")
        assert " ".join(told.sentences) == ANSWER, told.sentences

    async def idle(self) -> None:
        """Wait until no call is in progress and the endpoint has closed its pooled connections, whose number varies."""
        await self._bus.settled(_ANSWERED_WITHIN_S)
        await self.server.close_idle()


@asynccontextmanager
async def models(folder: Path) -> AsyncIterator[Models]:
    """Output of model endpoints."""
    redis = EmbeddedServer(folder)
    await redis.start()
    bus = await Bus.connect(Settings(redis_url=redis.url, data_dir=folder / "data"))
    try:
        tried = Models(TestBus(bus))
        async with (
            tried.server as server,
            RemoteLine(TestBus(bus), server, model_retries=0, model_breaker_failures=10**6).running(),
        ):
            listening = asyncio.create_task(tried.listen())
            try:
                yield tried
            finally:
                listening.cancel()
                await asyncio.wait([listening])
    finally:
        await bus.close()
        await redis.stop()
