"""Writes entries to a server as they are: in order, in batches, each once even if a response is lost."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Sequence

from redis.exceptions import ConnectionError as LostConnectionError

from orchestra.bus import Bus, Entry, keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.redis.connection import Argument
from orchestra.bus.redis.scripts import PUBLISH
from orchestra.errors import ServerError

_BATCH = 200
_NUMBERS_KEPT_S = 3600


class StreamWriter:
    """Writes to the streams of a server, as a producer of its own.

    Args:
        bus: the server.
        patience_s: how long to wait for a server that is away.

    """

    def __init__(self, bus: Bus, *, patience_s: float = 30.0) -> None:
        self.written = 0
        self._bus = bus
        self._patience_s = patience_s
        self._producer = f"replay-{os.urandom(4).hex()}"
        self._numbers: dict[str, int] = {}

    async def write(self, entries: Sequence[Entry]) -> None:
        """Write the entries, each partition's in order; returns when the server has them all.

        Raises:
            ServerError: it was away for longer than ``patience_s``.

        """
        by_partition: dict[int, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_partition[entry.partition].append(entry)
        await asyncio.gather(*(self._write(partition, some) for partition, some in by_partition.items()))
        self.written += len(entries)

    async def _write(self, partition: int, entries: list[Entry]) -> None:
        for start in range(0, len(entries), _BATCH):
            await self._send(partition, self._arguments(partition, entries[start : start + _BATCH]))

    def _arguments(self, partition: int, entries: list[Entry]) -> list[Argument]:
        calls: dict[str, int] = {}
        events: list[Argument] = []
        for entry in entries:
            number = self._numbers[entry.call] = self._numbers.get(entry.call, 0) + 1
            place = calls.setdefault(entry.call, len(calls) + 4)
            fields: list[Argument] = ["type", entry.type, "call", entry.call, "id", entry.id, "body", entry.body]
            if entry.audio is not None:
                fields += ["audio", entry.audio]
            events += (2 if entry.stream == keys.MEDIA else 1, place, number, len(fields), *fields)
        names = [keys.key(partition, keys.JOURNAL), keys.key(partition, keys.MEDIA), keys.tombstones_key(partition)]
        names += [keys.key(partition, "numbers", call) for call in calls]
        return ["EVALSHA", PUBLISH.sha, len(names), *names, self._producer, _NUMBERS_KEPT_S, *events]

    async def _send(self, partition: int, command: list[Argument]) -> None:
        backoff, loop = Backoff(), asyncio.get_running_loop()
        deadline = loop.time() + self._patience_s
        while True:
            try:
                await self._bus.connection(partition).call(*command)
            except LostConnectionError as error:
                if loop.time() > deadline:
                    name = self._bus.servers.name
                    msg = f"the server {name} is away: {error}; replay again when it is back, nothing is written twice"
                    raise ServerError(msg) from error
                await backoff.wait()
            else:
                return
