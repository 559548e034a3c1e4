"""Recorded entries written to a Redis server, each once: what is there already is not written again."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from redis.exceptions import RedisError

from orchestra.bus import Bus, Entry, keys
from orchestra.bus.consumer.definition import PLATFORM
from orchestra.bus.redis.reply import text
from orchestra.bus.stream.stream_id import StreamId
from orchestra.counted import counted
from orchestra.errors import ServerError
from orchestra.replay.registry import Form
from orchestra.replay.rewrite import Rewrite
from orchestra.replay.selection import Selection
from orchestra.replay.sources.redis_journal import read_through_outages
from orchestra.replay.targets.port import ReplayResult, Report, Target, TargetOptions, TargetType
from orchestra.replay.targets.stream_writer import StreamWriter

_BATCH = 1000
_LOCK_KEY = f"{keys.PREFIX}:{{shared}}:replay"
_LOCK_MS = 15_000
_RENEW_S = 5.0


class RedisTarget:
    """Writes entries to a server; made by `redis_target`. ``already_there`` counts what it had before.

    Args:
        bus: the server.
        rewrite: makes the call ids, and with them all other ids.
        now: the times in a call's events are moved so that the call happens now.
        prompt: every entry is written at once, because somebody is waiting for it.
        until: only what was recorded before this time (epoch seconds) is wanted.

    """

    def __init__(
        self, bus: Bus, rewrite: Rewrite, *, now: bool = False, prompt: bool = False, until: float | None = None
    ) -> None:
        self.already_there = 0
        self.error: ServerError | None = None
        self._bus = bus
        self._rewrite = rewrite
        self._now = now
        self._prompt = prompt
        self._until = until
        self._writer = StreamWriter(bus)
        self._batch: list[Entry] = []
        self._known: dict[int, set[int]] = {}
        self._shifts: dict[str, float] = {}

    @property
    def written(self) -> int:
        """How many entries were written."""
        return self._writer.written

    def narrow(self, selection: Selection) -> Selection:
        """What was recorded before this replay began: it must not read what it writes."""
        return selection if selection.until is not None else replace(selection, until=self._until)

    async def already_taken(self, entry: Entry) -> None:
        """It was written before."""

    async def take(self, entry: Entry) -> None:
        """Write the entry with the next batch, unless the server has it."""
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
            await self.flush()

    async def flush(self) -> None:
        """Write what is left of the batch.

        Raises:
            ServerError: the server is away, or another replay or the platform's workers have begun to use it.

        """
        if self.error is not None:
            raise self.error
        batch, self._batch = self._batch, []
        await self._writer.write(batch)

    async def report(self, result: ReplayResult) -> Report:
        """How much was written."""
        before = f"; {self.already_there:,} were there already" if self.already_there else ""
        return Report(notes=(f"{counted(self.written, 'event')} of {counted(result.calls, 'call')} written{before}",))

    async def _stored(self, partition: int) -> set[int]:
        """What the server has of a partition."""
        return {
            _mark(entry)
            for stream in keys.STREAMS
            async for entry in read_through_outages(self._bus, partition, stream)
        }


def _mark(entry: Entry) -> int:
    return hash((entry.call, entry.id or entry.body))


@asynccontextmanager
async def redis_target(
    bus: Bus, rewrite: Rewrite, *, now: bool = False, prompt: bool = False, until: float | None = None
) -> AsyncIterator[RedisTarget]:
    """Lock the server for this replay: two at once would not see what the other one writes.

    Raises:
        ServerError: another replay has the lock, or the platform's workers run there and would answer the calls again.

    """
    await _refuse_workers(bus)
    token = os.urandom(8).hex()
    if await bus.shared_connection.call("SET", _LOCK_KEY, token, "NX", "PX", _LOCK_MS) is None:
        msg = f"another replay writes to {bus.servers.name}: let it end, or stop it and wait {_LOCK_MS // 1000} s"
        raise ServerError(msg)
    target = RedisTarget(bus, rewrite, now=now, prompt=prompt, until=until)
    renewing = asyncio.create_task(_renew_lock(bus, token, target))
    try:
        yield target
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        if await _holds(bus, token):
            await bus.shared_connection.call("DEL", _LOCK_KEY)


async def _refuse_workers(bus: Bus) -> None:
    """Raise ServerError if they run there: tools would act again, recordings and call records be overwritten."""
    running = sorted({each.group for each in await bus.groups() if each.owner} & PLATFORM.keys())
    if running:
        msg = (
            f"{', '.join(running)} run on {bus.servers.name} and would answer the recorded calls once more, tools"
            " included: end `orchestra up` and its workers there, or replay into a server of its own; consumers of"
            " your own may run"
        )
        raise ServerError(msg)


async def _renew_lock(bus: Bus, token: str, target: RedisTarget) -> None:
    while True:
        await asyncio.sleep(_RENEW_S)
        try:
            if not await _holds(bus, token):
                target.error = ServerError(f"another replay has begun to write to {bus.servers.name}; this one ends")
                return
            await bus.shared_connection.call("PEXPIRE", _LOCK_KEY, _LOCK_MS)
            await _refuse_workers(bus)
        except ServerError as error:
            target.error = error
            return
        except RedisError:
            continue  # the writer waits for the server, and the next round renews the lock


async def _holds(bus: Bus, token: str) -> bool:
    try:
        return text(await bus.shared_connection.call("GET", _LOCK_KEY) or b"") == token
    except RedisError:
        return False


@asynccontextmanager
async def _open(options: TargetOptions) -> AsyncIterator[Target]:
    bus = await Bus.connect(options.settings.model_copy(update={"redis_url": options.into}))
    try:
        seconds, micros = await bus.shared_connection.call("TIME")
        rewrite = Rewrite(bus.partitions, rename=options.rename)
        until = int(seconds) + int(micros) / 1e6 if options.growing else None
        async with redis_target(bus, rewrite, now=options.clock == "now", prompt=options.paced, until=until) as target:
            yield target
    finally:
        await bus.close()


TARGET = TargetType(
    form=Form(
        schemes=("redis", "rediss", "unix"),
        fallback=lambda text: "://" in text,  # connecting explains what a Redis URL is
        description="a Redis URL",
    ),
    open=_open,
)
