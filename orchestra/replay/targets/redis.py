"""Recorded entries into another server, each once: what is there already is not written again."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.exceptions import RedisError

from orchestra.bus import Bus, Entry, keys
from orchestra.bus.consumer.definition import PLATFORM
from orchestra.bus.redis.reply import text
from orchestra.bus.stream.stream_id import StreamId
from orchestra.errors import ServerError
from orchestra.replay.rewrite import Rewrite
from orchestra.replay.sources.redis_journal import read_through_outages
from orchestra.replay.targets.stream_writer import StreamWriter

_BATCH = 1000
_LOCK_KEY = f"{keys.PREFIX}:{{shared}}:replay"
_LOCK_MS = 15_000
_RENEW_S = 5.0


class RedisTarget:
    """Writes entries to the server of a bus; made by `redis_target`. ``written`` and ``there`` (already) are counts.

    Args:
        bus: of the target.
        rewrite: what becomes of ids.
        now: the moments in the events of a call are moved so that it happens now.
        prompt: every entry is written at once, since somebody waits for it.

    """

    def __init__(self, bus: Bus, rewrite: Rewrite, *, now: bool = False, prompt: bool = False) -> None:
        self.already_there = 0
        self.error: ServerError | None = None
        self._bus = bus
        self._rewrite = rewrite
        self._now = now
        self._prompt = prompt
        self._feed = StreamWriter(bus)
        self._batch: list[Entry] = []
        self._known: dict[int, set[int]] = {}
        self._shifts: dict[str, float] = {}

    @property
    def written(self) -> int:
        """How many entries were written."""
        return self._feed.written

    async def passed(self, entry: Entry) -> None:
        """It was written before."""

    async def take(self, entry: Entry) -> None:
        """Write the entry soon, unless it is there."""
        shift_s = 0.0
        if self._now:
            shift_s = self._shifts.setdefault(entry.call, time.time() - StreamId.parse(entry.stream_id).seconds)
        entry = self._rewrite.entry(entry, shift_s=shift_s)
        known = self._known.get(entry.partition)
        if known is None:
            known = self._known[entry.partition] = await self._stored(entry.partition)
        mark = _mark(entry)
        if mark in known:
            self.already_there += 1
            return
        known.add(mark)
        self._batch.append(entry)
        if self._prompt or len(self._batch) >= _BATCH:
            await self.settle()

    async def settle(self) -> None:
        """Everything taken is on the server."""
        if self.error is not None:
            raise self.error
        batch, self._batch = self._batch, []
        await self._feed.write(batch)

    async def _stored(self, partition: int) -> set[int]:
        """What the target has of a partition."""
        return {
            _mark(entry)
            for stream in keys.STREAMS
            async for entry in read_through_outages(self._bus, partition, stream)
        }


def _mark(entry: Entry) -> int:
    return hash((entry.call, entry.id or entry.body))


@asynccontextmanager
async def redis_target(
    bus: Bus, rewrite: Rewrite, *, now: bool = False, prompt: bool = False
) -> AsyncIterator[RedisTarget]:
    """The only replay that writes to this server meanwhile: two at once would not see what the other writes.

    Raises:
        ServerError: another one does, or the platform's workers run there, which would answer the calls once more.

    """
    await _refuse_workers(bus)
    token = os.urandom(8).hex()
    if await bus.shared_connection.call("SET", _LOCK_KEY, token, "NX", "PX", _LOCK_MS) is None:
        msg = f"another replay writes to {bus.servers.name}: let it end, or stop it and wait {_LOCK_MS // 1000} s"
        raise ServerError(msg)
    copy = RedisTarget(bus, rewrite, now=now, prompt=prompt)
    renewing = asyncio.create_task(_keep(bus, token, copy))
    try:
        yield copy
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        if await _holds(bus, token):
            await bus.shared_connection.call("DEL", _LOCK_KEY)


async def _refuse_workers(bus: Bus) -> None:
    """Raise ServerError where they run: tools would act again, recordings and records be written over."""
    running = sorted({each.group for each in await bus.groups() if each.owner} & PLATFORM.keys())
    if running:
        msg = (
            f"{', '.join(running)} run on {bus.servers.name} and would answer the recorded calls once more, tools"
            " included: end `orchestra up` and its workers there, or replay into a server of its own; consumers of"
            " your own may run"
        )
        raise ServerError(msg)


async def _keep(bus: Bus, token: str, copy: RedisTarget) -> None:
    while True:
        await asyncio.sleep(_RENEW_S)
        try:
            if not await _holds(bus, token):
                copy.error = ServerError(f"another replay has begun to write to {bus.servers.name}; this one ends")
                return
            await bus.shared_connection.call("PEXPIRE", _LOCK_KEY, _LOCK_MS)
            await _refuse_workers(bus)
        except ServerError as error:
            copy.error = error
            return
        except RedisError:
            continue  # whoever writes waits for the server, and the lock is asked for again


async def _holds(bus: Bus, token: str) -> bool:
    try:
        return text(await bus.shared_connection.call("GET", _LOCK_KEY) or b"") == token
    except RedisError:
        return False
