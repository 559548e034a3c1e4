"""Reads all journals as they grow, without being a consumer group, and the words that may change of watched calls."""

import asyncio
import contextlib
from collections.abc import Iterable

import structlog
from redis.exceptions import RedisError

from orchestra.bus import Bus, Entry, keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.redis.connection import Argument, RedisConnection
from orchestra.bus.redis.refusal import describe_error
from orchestra.bus.stream.entry import read_entry
from orchestra.bus.stream.stream_id import StreamId
from orchestra.clock import Clock
from orchestra.console.live.projection import Projection
from orchestra.console.live.running_calls import find_running, records_at
from orchestra.console.live.viewers import Viewer, Viewers
from orchestra.prices import Prices
from orchestra_schemas import TranscriptPartial, tag_of

_LOG = structlog.get_logger("orchestra.console")

_PARTIAL = tag_of(TranscriptPartial).encode()
_BLOCK_MS, _COUNT = 250, 300
#: what arrives is gathered this long before it is read, and again before it is sent: together at most 50 ms
_READ_EVERY_S, _SEND_AFTER_S = 0.02, 0.02
_PAGE = 500
#: words of the caller that were said this long before somebody looks are shown, too
_MOMENT_MS = 2000
_EXPIRE_EVERY_S = 5.0


class Live:
    """Follows the calls that run, for everybody who looks at them.

    Wherever reading breaks off, everything is read anew: what a server lost, or had not yet when it was promoted, is
    then as the server has it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.viewers = Viewers()
        self.projection = Projection(Prices())
        self._sending: asyncio.TimerHandle | None = None

    def watch(self, call: str) -> Viewer:
        """A new viewer; ``call`` is the one whose words it gets, if any."""
        return self.viewers.add(call, self.projection, self._clock.time())

    async def run(self, bus: Bus) -> None:
        """Follow until cancelled, whether Redis is there or not."""
        backoff = Backoff()
        while True:
            try:
                cursors = await self._load(bus)
                backoff.reset()
                await self._follow(bus, cursors)
            except RedisError as error:
                self._stop_sending()
                if not backoff.tries:
                    _LOG.warning("console.live_stands_still", error=describe_error(error))
                self.viewers.stand_still(f"Redis does not answer: {describe_error(error)}")
                await backoff.wait()
            except Exception:
                self._stop_sending()
                self.viewers.stand_still("Reading the journals failed, as the console's log says")
                raise
            except BaseException:
                self._stop_sending()
                raise

    async def _load(self, bus: Bus) -> dict[int, str]:
        """Read the calls that run; the id of the last entry that was read of each journal."""
        running = await find_running(bus)
        self.projection = projection = Projection(bus.settings.prices)
        await self._adopt(bus, running.older)
        cursors = {}
        for partition in range(bus.partitions):
            cursors[partition] = await self._load_partition(bus, partition, running.since_ms[partition])
        await self._adopt(bus, running.calls)  # the journal has nothing of them any more
        projection.expire(self._clock.time())
        self.viewers.begin(projection, self._clock.time())
        _LOG.info("console.live_follows", calls=len(projection.calls))
        return cursors

    async def _load_partition(self, bus: Bus, partition: int, since_ms: int) -> str:
        last, page = f"{since_ms}-0", list[Entry]()
        async for entry in bus.entries(partition, keys.JOURNAL, since=last):
            page.append(entry)
            if len(page) == _PAGE:
                last = await self._read_page(bus, page)
                page = []
        return await self._read_page(bus, page) if page else last

    async def _read_page(self, bus: Bus, page: list[Entry]) -> str:
        await self._take(bus, page)
        last = page[-1].stream_id
        self.projection.expire(int(last.partition("-")[0]) / 1000)
        return last

    async def _take(self, bus: Bus, entries: list[Entry]) -> None:
        await self._adopt(bus, self.projection.unlisted(entries))
        for entry in entries:
            self.projection.apply(entry)

    async def _adopt(self, bus: Bus, calls: list[str]) -> None:
        """Have those of the calls in the list that are not, with what is stored of them."""
        if new := [call for call in calls if not self.projection.knows(call)]:
            records, read_at_ms = await records_at(bus, new)
            for call, record in records.items():
                self.projection.adopt(call, record, read_at_ms)

    # -- following

    async def _follow(self, bus: Bus, cursors: dict[int, str]) -> None:
        shares = [[partition] for partition in cursors] if bus.servers.divided else [list(cursors)]
        async with contextlib.AsyncExitStack() as stack:
            tails = []
            for share in shares:
                connection = bus.new_connection(share[0])
                stack.push_async_callback(connection.close)
                tails.append(_Tail(connection, {partition: cursors[partition] for partition in share}))
            following = [asyncio.create_task(self._follow_tail(bus, tail), name="live tail") for tail in tails]
            following.append(asyncio.create_task(self._expire(), name="live expiry"))
            try:
                # not `gather`: a cancellation is lost there if a task fails at that moment
                done, _ = await asyncio.wait(following, return_when=asyncio.FIRST_EXCEPTION)
                for task in done:
                    task.result()
            finally:
                for task in following:
                    task.cancel()
                await asyncio.gather(*following, return_exceptions=True)

    async def _follow_tail(self, bus: Bus, tail: "_Tail") -> None:
        while True:
            entries = await tail.read(_partitions(self.viewers.watched()))
            if entries:
                await self._take(bus, entries)
                self._send_soon()
                await asyncio.sleep(_READ_EVERY_S)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(_EXPIRE_EVERY_S)
            self.projection.expire(self._clock.time())
            self._send_soon()

    def _send_soon(self) -> None:
        if self._sending is None:
            self._sending = asyncio.get_running_loop().call_later(_SEND_AFTER_S, self._send)

    def _send(self) -> None:
        self._sending = None
        self.viewers.update(self.projection, self._clock.time())

    def _stop_sending(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None


def _partitions(calls: Iterable[str]) -> set[int]:
    """The partitions of these calls. What a page asked for may be no call id: nothing is followed for that."""
    found = set()
    for call in calls:
        with contextlib.suppress(ValueError):
            found.add(keys.partition_of(call))
    return found


class _Tail:
    """The journals of one server, and the media streams of partitions in which a call is watched."""

    def __init__(self, connection: RedisConnection, cursors: dict[int, str]) -> None:
        self._connection = connection
        self._journals = {keys.key(partition, keys.JOURNAL).encode(): partition for partition in cursors}
        self._last = {keys.key(partition, keys.JOURNAL).encode(): last.encode() for partition, last in cursors.items()}
        self._media: dict[bytes, int] = {}

    async def read(self, watched: set[int]) -> list[Entry]:
        """The next entries; an empty list if there were none for a moment."""
        await self._watch(watched)
        reply = await self._connection.call(
            "XREAD", "COUNT", _COUNT, "BLOCK", _BLOCK_MS, "STREAMS", *self._last, *self._last.values()
        )
        arrived = []
        for key, entries in reply or ():
            self._last[key] = entries[-1][0]
            partition = self._journals.get(key)
            if partition is not None:
                arrived += [read_entry(raw, partition, keys.JOURNAL) for raw in entries]
            else:  # audio is passed over before anything is made of it
                media = self._media[key]
                arrived += [read_entry(raw, media, keys.MEDIA) for raw in entries if _PARTIAL in raw[1][:2]]
        return arrived

    async def _watch(self, watched: set[int]) -> None:
        """Follow the media streams of these partitions from a moment ago on, and no others."""
        wanted = {keys.key(each, keys.MEDIA).encode(): each for each in watched & set(self._journals.values())}
        for key in self._media.keys() - wanted.keys():
            del self._media[key], self._last[key]
        if new := [key for key in wanted if key not in self._media]:
            asked: list[tuple[Argument, ...]] = [("XREVRANGE", key, "+", "-", "COUNT", 1) for key in new]
            newest = await self._connection.calls(asked)
            for key, found in zip(new, newest, strict=True):
                newest_ms = StreamId.parse(found[0][0]).ms if found else 0
                self._last[key] = str(StreamId(max(0, newest_ms - _MOMENT_MS))).encode()
                self._media[key] = wanted[key]
