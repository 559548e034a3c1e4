"""The server's memory fills up: operators are told at 70 %, callers when it is full, and then all goes on by itself."""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis.exceptions import OutOfMemoryError

from orchestra.bus import Bus, EmbeddedServer
from orchestra.settings import Settings
from orchestra.simulator import PhoneLine
from orchestra_schemas import AlarmCleared, AlarmRaised, CallEnded, Event
from tests.bus.conftest import REDIS_7
from tests.faults.spoken.caller import SpokenCall
from tests.faults.spoken.model import question
from tests.faults.spoken.running import spoken_stack
from tests.faults.spoken.tones import APOLOGY, GREETING, HOLDING, NONSENSE, encode, plain
from tests.faults.spoken.whole_call import LONGEST_SILENCE_S

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

MB = 2**20
LIMIT = 64 * MB
TOLD = frozenset(plain(f"{HOLDING} {APOLOGY}"))
MONITORS = 'builtin = false\n[[monitor]]\nname = "memory"\nfigure = "memory"\nabove = 0.7\nevery_s = 0.5\ntimes = 1\n'


@dataclass
class Asks(SpokenCall):
    """Asks before, while and after something has happened."""

    happens: Callable[[], Awaitable[None]] | None = None
    is_over: Callable[[], Awaitable[None]] | None = None
    told: list[str] = field(default_factory=list)

    async def _talk(self, line: PhoneLine) -> None:
        chance = random.Random(self.seed)
        await self._wait_for(frozenset(plain(GREETING)[-1:]), since=0, patience_s=30)
        if self.happens is not None:
            await self._ask(line, *chance.sample(NONSENSE, 2))
            await self.happens()
        since = len(self.ear.heard)
        said = line.say(encode(question(*chance.sample(NONSENSE, 2)))[0])
        await line.until(lambda: self._hear(done=line.now_s >= said.end_s), 10)
        await self._wait_for(TOLD, since=since, patience_s=30)
        self.told = [heard.word for heard in self.ear.heard[since:] if heard.word in TOLD]
        if self.is_over is not None:
            await self.is_over()
        await self._ask(line, *chance.sample(NONSENSE, 2))


@pytest.mark.skipif(REDIS_7 is None, reason="no redis-server here")
async def test_callers_are_told_while_the_memory_is_full_and_calls_go_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "monitors.toml").write_text(MONITORS)
    monkeypatch.setenv("ORCHESTRA_MONITORS", str(tmp_path / "monitors.toml"))
    server = EmbeddedServer(tmp_path, binary=Path(REDIS_7 or ""), options=("--maxmemory", str(LIMIT)))
    async with server:
        monkeypatch.setenv("ORCHESTRA_REDIS_URL", server.url)
        async with spoken_stack(tmp_path, monkeypatch) as running:
            bus = await Bus.connect(Settings(redis_url=running.redis_url, data_dir=tmp_path))
            room = asyncio.Event()
            second = Asks(2, 1, is_over=lambda: _until(room.wait))
            calling: list[asyncio.Task[None]] = []

            async def fill() -> None:
                await bus.redis.setrange("ballast", int(0.72 * LIMIT), "x")
                await _until(lambda: _published(bus, AlarmRaised, 1))
                await _until(lambda: _is_kept(bus))
                await bus.redis.setrange("more", int(0.4 * LIMIT), "x")
                with pytest.raises(OutOfMemoryError):
                    await bus.redis.set("no", "room")
                calling.append(asyncio.create_task(second.make(running.url, running.auth_token)))

            async def make_room() -> None:
                async with asyncio.timeout(60):
                    while not second.told:  # noqa: ASYNC110 - the second caller has to get there
                        await asyncio.sleep(0.1)
                await bus.redis.delete("ballast", "more")
                room.set()

            first = Asks(1, 2, happens=fill, is_over=make_room)
            await first.make(running.url, running.auth_token)
            await asyncio.gather(*calling)
            await _until(lambda: _published(bus, AlarmCleared, 1))
            await _until(lambda: _published(bus, CallEnded, 2))
            journal = await _journal(bus)
            dead = [each for each in await bus.groups() if each.dead]
            await bus.close()
    for call in (first, second):
        assert call.told, "nobody told the caller"
        assert call.unanswered == []
        assert call.ending is not None
        assert call.ending.how == "caller_hung_up"
        longest = max(span.end_s - span.start_s for span in call.silences)
        assert longest < LONGEST_SILENCE_S * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    (raised,) = [event for event in journal if isinstance(event, AlarmRaised)]
    assert (raised.monitor, raised.threshold) == ("memory", 0.7)
    assert 0.7 < raised.value < 0.8
    assert "of 64 MB" in raised.about
    assert len({event.id for event in journal}) == len(journal)
    assert dead == []


async def _until(what: Callable[[], Awaitable[object]], within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while await what() is False:  # noqa: ASYNC110 - other processes do it
            await asyncio.sleep(0.1)


async def _journal(bus: Bus) -> list[Event]:
    return [
        event
        for partition in range(bus.partitions)
        async for entry in bus.entries(partition, "events")
        if (event := entry.event()) is not None
    ]


async def _is_kept(bus: Bus) -> bool:
    """Whether the alarm would survive its process: the state of the monitor is stored after its event."""
    return b'"alarm"' in (await bus.redis.hget("orchestra:{shared}:monitors", "memory") or b"")


async def _published(bus: Bus, kind: type[Event], count: int) -> bool:
    return sum(isinstance(event, kind) for event in await _journal(bus)) >= count
