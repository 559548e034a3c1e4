"""The live page's stream of events, with a real Redis."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orchestra.bus import Bus, EmbeddedServer, Publisher, keys
from orchestra.clock import SYSTEM_CLOCK
from orchestra.console.live.projection import Projection
from orchestra.console.live.viewers import MOST_WAITING, Viewers
from orchestra.history.call_record import CallRecord
from orchestra.prices import Prices
from orchestra.settings import Settings
from orchestra.storage.call_records import changed_fields, index_call
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    Event,
    ReplyChunk,
    TranscriptPartial,
    UserSpeechStarted,
    UserTurnEnded,
)
from tests.console.consoles import RunningConsole, as_operator, console_settings, serving_console

WITHIN_S = 20.0


class Stream:
    """What one viewer gets."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque()
        #: every call as the messages so far have it
        self.calls: dict[str, dict[str, Any]] = {}
        #: the lines of the chosen call
        self.lines: dict[int, dict[str, Any]] = {}

    async def until(self, name: str, **fields: Any) -> dict[str, Any]:
        """The next message of this name; with ``fields``, that has a call or a line with them."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                got, data = await self._next()
                self._follow(got, data)
                each = [*data.get("calls", ()), *data.get("lines", ())]
                if got == name and (not fields or any(fields.items() <= one.items() for one in each)):
                    return data

    async def until_listed(self, call: str) -> None:
        """Until this call is in the list, in whichever message it came."""
        async with asyncio.timeout(WITHIN_S):
            while call not in self.calls:
                self._follow(*await self._next())

    def _follow(self, name: str, data: dict[str, Any]) -> None:
        if name in {"calls", "transcript"}:
            (self.calls if name == "calls" else self.lines).clear()
        for row in data.get("calls", ()):
            self.calls.setdefault(row["call"], {}).update(row)
        for gone in data.get("gone", ()):
            del self.calls[gone]
        for line in data.get("lines", ()):
            self.lines[line["n"]] = line

    async def _next(self) -> tuple[str, dict[str, Any]]:
        name = ""
        async for line in self._lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                return name, msgspec.json.decode(line.removeprefix("data: "))
        raise EOFError


@asynccontextmanager
async def followed(running: RunningConsole, call: str = "") -> AsyncIterator[Stream]:
    """A viewer of the console."""
    asked = running.http.stream("GET", "/api/live", params={"call": call}, headers=as_operator("read"), timeout=None)
    async with asked as answer:
        assert answer.status_code == 200
        yield Stream(answer.aiter_lines())


async def publish(publisher: Publisher, *events: Event) -> None:
    for event in events:
        publisher.publish(event)
    await publisher.flush()


async def test_a_viewer_sees_calls_and_the_words_of_one_as_they_come(bus: TestBus) -> None:
    publisher, call = bus.bus.publisher("edge"), bus.call()
    other = bus.call()
    await publish(publisher, CallStarted(call=call, from_number="+15550001", app="parcels"))
    async with serving_console(console_settings(bus.bus.settings)) as running, followed(running, call) as viewer:
        await viewer.until("calls", call=call)  # it began before the console did
        assert (viewer.calls[call]["caller"], viewer.calls[call]["state"]) == ("+15550001", "listening")
        await viewer.until("transcript", kind="event")
        await publish(publisher, CallStarted(call=other))
        await viewer.until("changes", call=other, state="listening")
        partial = TranscriptPartial(call=call, turn=1, text="where is")
        await publish(publisher, UserSpeechStarted(call=call), partial)
        await viewer.until("lines", interim="where is")
        await publish(publisher, UserTurnEnded(call=call, turn=1, text="Where is <b>it</b>?"))
        await viewer.until("lines", text="Where is <b>it</b>?")
        await publish(publisher, ReplyChunk(call=other, text="somebody else's"), CallEnded(call=call, reason="failed"))
        await viewer.until("changes", call=call, state="ended")
        assert viewer.calls[call]["end_reason"] == "failed"
        assert "somebody else's" not in str(viewer.lines)


@pytest.mark.parametrize("asked", ["x", "no-call", "<b>01-call</b>"])
async def test_who_looks_for_what_is_no_call_id_is_told_so_and_disturbs_nobody(bus: TestBus, asked: str) -> None:
    async with serving_console(console_settings(bus.bus.settings)) as running, followed(running) as viewer:
        await viewer.until("calls")
        async with followed(running, asked) as odd:
            assert (await odd.until("transcript"))["known"] is False
            publisher, call = bus.bus.publisher("edge"), bus.call()
            await publish(publisher, CallStarted(call=call))
            await viewer.until("changes", call=call)
            await publish(publisher, UserTurnEnded(call=call, turn=1, text="after the first reading"))
            await viewer.until("changes", call=call, turns=1)


async def test_a_call_that_began_long_ago_is_shown_with_its_stored_record(bus: TestBus) -> None:
    settings = bus.bus.settings
    began = SYSTEM_CLOCK.time() - 3000
    old = keys.new_call(3, int(began * 1000))
    record = CallRecord(call=old, agent="desk", turns=7, app="parcels", started_at=began)
    key = bus.bus.key(old, "call", old)
    await bus.bus.redis.hset(key, mapping={"status": "running", **changed_fields(CallRecord(), record)})
    await index_call(bus.bus, old, 9999)
    ended = bus.call()
    await bus.bus.redis.hset(bus.bus.key(ended, "call", ended), mapping={"status": "ended"})
    async with serving_console(console_settings(settings)) as running, followed(running, old) as viewer:
        await viewer.until("calls", call=old)
        transcript = await viewer.until("transcript")
        assert (transcript["known"], transcript["whole"]) == (True, False)
        publisher = bus.bus.publisher("edge")
        await publish(publisher, UserTurnEnded(call=ended, turn=9, text="late"))
        await publish(publisher, UserTurnEnded(call=old, turn=8, text="Hello?"))
        await viewer.until("changes", call=old, turns=8, state="thinking")
        assert viewer.calls[old]["agent"] == "desk"
        assert ended not in viewer.calls


async def test_a_call_whose_beginning_was_trimmed_is_shown_and_said_not_to_be_whole(bus: TestBus) -> None:
    publisher, call = bus.bus.publisher("edge"), bus.call()
    await publish(publisher, CallStarted(call=call), UserTurnEnded(call=call, turn=1, text="first"))
    await publish(publisher, UserTurnEnded(call=call, turn=2, text="second"))
    await bus.bus.redis.xtrim(bus.bus.key(call, keys.JOURNAL), maxlen=1, approximate=False)
    async with serving_console(console_settings(bus.bus.settings)) as running, followed(running, call) as viewer:
        transcript = await viewer.until("transcript", text="second")
        assert (transcript["whole"], viewer.calls[call]["state"]) == (False, "thinking")
        assert "first" not in str(transcript)


async def test_redis_goes_away_and_comes_back_and_the_viewers_go_on(tmp_path: Path) -> None:
    settings = console_settings(Settings(data_dir=tmp_path / "data"))
    async with serving_console(settings) as running, followed(running) as viewer:
        await viewer.until("standstill")
        async with EmbeddedServer(settings.data_dir):
            await viewer.until("calls")
        assert "Redis" in (await viewer.until("standstill"))["problem"]
        async with EmbeddedServer(settings.data_dir):
            bus = await Bus.connect(settings)
            call = bus.new_call()
            await publish(bus.publisher("edge"), CallStarted(call=call))
            await viewer.until_listed(call)
            await bus.close()


async def test_a_viewer_who_does_not_read_is_let_go_and_no_other_waits_for_them() -> None:
    viewers, projection = Viewers(), Projection(Prices())
    viewers.begin(projection, 0.0)
    slow, quick = viewers.add("", projection, 0.0), viewers.add("", projection, 0.0)
    got = quick.messages()
    await anext(got)
    for _ in range(MOST_WAITING):
        viewers.stand_still("away")
        viewers.begin(projection, 0.0)
        assert await anext(got)
    assert slow.too_slow
    assert [each async for each in slow.messages()] == []
    assert not quick.too_slow
