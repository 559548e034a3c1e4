"""The journal and media streams of a Redis server: the configured one, or one at a URL."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

from redis.exceptions import ConnectionError as LostConnectionError

from orchestra.bus import Bus, Entry, keys, partition_of
from orchestra.bus.backoff import Backoff
from orchestra.errors import ServerError
from orchestra.replay.position import merge
from orchestra.replay.registry import Form
from orchestra.replay.sources.port import Filter, OnWarning, Source, SourceType, SqlReading
from orchestra.settings import Settings

_JOURNAL = "journal"
_PATIENCE_S = 30.0


class RedisJournal:
    """The streams of a server; while it is away for less than ``patience_s``, reading waits for it."""

    def __init__(self, bus: Bus, *, patience_s: float = _PATIENCE_S) -> None:
        self._bus = bus
        self._patience_s = patience_s

    async def entries(self, wanted: Filter) -> AsyncGenerator[Entry]:
        """The entries of the streams, merged over the partitions."""
        partitions: Sequence[int] = range(self._bus.partitions)
        since_ms = wanted.since_ms
        if wanted.calls is not None:
            partitions = sorted({partition_of(call) for call in wanted.calls} & set(partitions))
            since_ms = max(since_ms, min((keys.earliest_ms(call) for call in wanted.calls), default=0))
        streams = [
            self._stream(partition, stream, since_ms, wanted) for partition in partitions for stream in wanted.streams
        ]
        async for entry in merge(streams):
            yield entry

    def query_settings(self, settings: Settings) -> Settings:
        """The same settings with this server."""
        return settings.model_copy(update={"redis_url": self._bus.url})

    def read_by_sql(self, _settings: Settings) -> SqlReading | None:
        """Not without the archive of the settings."""
        return None

    async def _stream(self, partition: int, stream: str, since_ms: int, wanted: Filter) -> AsyncIterator[Entry]:
        since = str(max(0, since_ms))
        async for entry in read_through_outages(self._bus, partition, stream, since=since, patience_s=self._patience_s):
            if wanted.is_past(entry):
                return
            if wanted.matches(entry):
                yield entry


async def read_through_outages(
    bus: Bus, partition: int, stream: str, *, since: str = "-", patience_s: float = _PATIENCE_S
) -> AsyncIterator[Entry]:
    """Read a stream up to its present end; while the server is away, wait for it and then read on.

    Raises:
        ServerError: it was away for longer than ``patience_s``.

    """
    backoff, loop = Backoff(), asyncio.get_running_loop()
    away_since: float | None = None
    while True:
        try:
            async for entry in bus.entries(partition, stream, since=since):
                since, away_since = f"({entry.stream_id}", None
                backoff.tries = 0
                yield entry
        except LostConnectionError as error:
            away_since = away_since or loop.time()
            if loop.time() - away_since > patience_s:
                msg = f"the server {bus.servers.name} is away: {error}"
                raise ServerError(msg) from error
            await backoff.wait()
        else:
            return


@asynccontextmanager
async def open_journal(settings: Settings, text: str, _on_warning: OnWarning) -> AsyncIterator[Source]:
    """Open the journal of the configured server, or of the one at a URL."""
    bus = await Bus.connect(settings if text == _JOURNAL else settings.model_copy(update={"redis_url": text}))
    try:
        yield RedisJournal(bus)
    finally:
        await bus.close()


SOURCE = SourceType(
    form=Form(words=(_JOURNAL,), schemes=("redis", "rediss", "unix"), description="a Redis URL"), open=open_journal
)
