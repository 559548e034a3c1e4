"""Calls that a process is judging: while it holds a call, no other one pays for the same verdict.

A claim is a key in Redis that expires unless it is renewed, so the calls of a process that was killed are free again
after some seconds. Whoever gets a claim reads first what came to the journal since it began: verdicts of the process
that had the claim before, or of the worker ``analysis``.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog
from redis.exceptions import RedisError

from orchestra.async_tasks import cancel_and_wait
from orchestra.bus import Bus, keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.redis.connection import Argument
from orchestra.bus.stream.entry import Entry
from orchestra.bus.stream.publish_once import publish_once
from orchestra_schemas import CallAnalysed, DecodeError, Verdict, tag_of

_LOG = structlog.get_logger("orchestra.post_call")

_CLAIMED_MS: Final = 10_000
_RENEWED_EVERY_S: Final = 2.5
_RELEASE: Final = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0"
#: how long a verdict is tried to be stored while the server is away, in seconds
_STORED_WITHIN_S: Final = 60.0
_ANALYSED: Final = tag_of(CallAnalysed)
SOURCE: Final = "judge"


class Claims:
    """The claims of one process. Use `open_claims`, before the calls are listed."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._token = os.urandom(8).hex()
        self._held: set[str] = set()
        self._read: dict[int, str] = {}
        self._new: defaultdict[str, list[Verdict]] = defaultdict(list)
        self._reading: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def begin(self) -> None:
        """Note where the journals end now."""
        for partition in range(self._bus.partitions):
            key = keys.key(partition, keys.JOURNAL)
            newest = await self._bus.connection(partition).call("XREVRANGE", key, "+", "-", "COUNT", 1)
            self._read[partition] = newest[0][0].decode() if newest else "0-0"

    def has_place_for(self, call: str) -> bool:
        """Whether the call's partition is one of this journal."""
        try:
            return keys.partition_of(call) in self._read
        except ValueError:  # the id of another program
            return False

    async def take(self, call: str) -> bool:
        """Claim a call; False: another process has it."""
        taken = await self._bus.redis.set(self._key(call), self._token, nx=True, px=_CLAIMED_MS)
        if taken:
            self._held.add(call)
        return bool(taken)

    async def release(self, call: str) -> None:
        """Give the claim back."""
        self._held.discard(call)
        await self._bus.redis.eval(_RELEASE, 1, self._key(call), self._token)

    async def renew(self) -> None:
        """Renew what is held, until cancelled. While the server is away, claims may be lost: see `publish`."""
        while True:
            await asyncio.sleep(_RENEWED_EVERY_S)
            try:
                for call in list(self._held):
                    await self._bus.redis.set(self._key(call), self._token, xx=True, px=_CLAIMED_MS)
            except RedisError as error:
                _LOG.debug("judge.claims_wait", error=repr(error))

    async def new_verdicts(self, call: str) -> list[Verdict]:
        """The verdicts on a call that have come to its journal since the beginning, in order."""
        partition = keys.partition_of(call)
        async with self._reading[partition]:
            since = self._read[partition]
            async for entry in self._bus.entries(partition, keys.JOURNAL, since=f"({since}"):
                self._read[partition] = entry.stream_id
                if entry.type == _ANALYSED:
                    self._new[entry.call] += _verdicts(entry)
        return self._new[call]

    async def publish(self, event: CallAnalysed, request: str) -> bool:
        """Store an event, even if the server is away for a moment; False: it is stored for this request already.

        Raises:
            RedisError: the server was away for too long, or refuses.

        """
        backoff = Backoff()
        deadline = asyncio.get_running_loop().time() + _STORED_WITHIN_S
        while True:
            try:
                return await publish_once(self._bus, event, source=SOURCE, request=request)
            except RedisError:  # it is the model's answer, which was paid for
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await backoff.wait()

    def _key(self, call: str) -> Argument:
        return keys.key(keys.partition_of(call), "judging", call)


@asynccontextmanager
async def open_claims(bus: Bus) -> AsyncIterator[Claims]:
    """Claims that are renewed for the block, and given back at its end."""
    claims = Claims(bus)
    await claims.begin()
    renewing = asyncio.create_task(claims.renew(), name="judge: claims")
    try:
        yield claims
    finally:
        await cancel_and_wait(renewing)


def _verdicts(entry: Entry) -> tuple[Verdict, ...]:
    try:
        event = entry.event()
    except DecodeError:
        return ()
    return event.verdicts if isinstance(event, CallAnalysed) else ()
