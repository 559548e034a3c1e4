"""A new owner takes the group's pending entries first, and is careful where the owner before vanished."""

from typing import TYPE_CHECKING, Any

import structlog

from orchestra.bus.consumer.delivery import Work
from orchestra.bus.consumer.partition import SUSPECT, Owned
from orchestra.bus.consumer.position import Cursor
from orchestra.bus.redis.scripts import GROUP
from orchestra.bus.stream.entry import Raw, pairs, text

if TYPE_CHECKING:
    from orchestra.bus.consumer.runtime import Engine

_LOG = structlog.get_logger("orchestra.bus")
_PAGE = 50
#: entries that an owner may have started beyond its last commit: `Owned.is_full` stops it at half of this
READ_AHEAD = 2000


class TakeOver:
    """Brings newly owned partitions to the point from which they are simply read.

    After an owner that vanished, each entry is claimed before it is handled, until all are passed that the other may
    have started: so an event that kills its worker is counted too.
    """

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    async def run(self, owned: Owned, *, vanished: bool) -> None:
        """Find the group's place in every stream, then start what is pending there with one more delivery counted."""
        for cursor in owned.cursors.values():
            if await self._find_place(owned, cursor):
                await self._pending(owned, cursor, careful=vanished)
                if vanished and not _held(owned):
                    await self._beyond(owned, cursor)

    async def _find_place(self, owned: Owned, cursor: Cursor) -> bool:
        """Set the cursor to what the group has delivered, creating the group where it is new."""
        wire = owned.wire()
        if cursor.requeued and not await wire.call("EXISTS", cursor.key):
            return False
        found = await _group_at(owned, cursor)
        if found is None and not cursor.requeued:
            start = "$" if owned.consumer.start == "now" else "0"
            await wire.call("EVALSHA", GROUP.sha, 1, cursor.key, owned.consumer.name, start)
            found = await _group_at(owned, cursor)
        if found is not None:
            cursor.start(found["last-delivered-id"], await self._entries_read(owned, cursor, found))
        return True

    @staticmethod
    async def _entries_read(owned: Owned, cursor: Cursor, group: dict[str, Any]) -> int:
        """How many entries the group has read: the server's word, else our last commit's, else counted.

        The server knows no number after some restarts, and where the group was moved by hand. Then our last commit's
        holds only for the place that it was said of: the group may be another one of the same name.
        """
        told = group.get("entries-read")
        if told is not None:
            return int(told)
        after = group["last-delivered-id"]
        stored = await owned.wire().call("HGET", owned.commits.progress_key, f"read:{cursor.place}")
        place, _, number = (stored or b"").partition(b" ")
        if place == after:
            return int(number)
        facts = pairs(await owned.wire().call("XINFO", "STREAM", cursor.key))
        if after == b"0-0":
            return int(facts["entries-added"] - facts["length"])
        ahead, end = 0, facts["last-generated-id"]
        while page := await owned.wire().call("XRANGE", cursor.key, b"(" + after, end, "COUNT", _PAGE):
            ahead += len(page)
            after = page[-1][0]
        return int(facts["entries-added"]) - ahead

    async def _pending(self, owned: Owned, cursor: Cursor, *, careful: bool) -> None:
        after = "-"
        while True:
            page = await owned.wire().call("XPENDING", cursor.key, owned.consumer.name, after, "+", _PAGE)
            if not page:
                return
            ids = [row[0] for row in page]
            found = await owned.wire().calls([("XRANGE", cursor.key, each, each) for each in ids])
            for row, entries in zip(page, found, strict=True):
                if entries:
                    await self._again(owned, cursor, entries[0], row[3] + 1, careful=careful)
                else:
                    _missing(owned, cursor, row[0])
            after = "(" + ids[-1].decode()

    async def _again(self, owned: Owned, cursor: Cursor, raw: Raw, attempt: int, *, careful: bool) -> None:
        handler, call = self._engine.drain.handler_of(raw[1])
        if handler is None:
            cursor.acks.append(raw[0])
            owned.commits.soon()
            return
        work = Work(owned, cursor, raw, handler, call, attempt=attempt)
        await self._start(owned, work, careful=careful)

    async def _beyond(self, owned: Owned, cursor: Cursor) -> None:
        for _ in range(READ_AHEAD // _PAGE):
            await owned.room()
            page: list[Raw] = await owned.wire().call("XRANGE", cursor.key, b"(" + cursor.last, "+", "COUNT", _PAGE)
            for raw in page:
                cursor.last = raw[0]
                cursor.read += 1
                handler, call = self._engine.drain.handler_of(raw[1])
                if handler is not None:
                    await self._start(owned, Work(owned, cursor, raw, handler, call), careful=True)
            owned.commits.soon()
            if len(page) < _PAGE:
                return

    @staticmethod
    async def _start(owned: Owned, work: Work, *, careful: bool) -> None:
        if work.attempt > owned.consumer.max_attempts:
            owned.bury(work, RuntimeError(f"its worker died in each of {work.attempt - 1} deliveries"))
            return
        work.careful = careful
        if work.call in owned.lanes:
            owned.queue(work)
            return
        if careful and work.attempt >= SUSPECT:
            owned.spawn(work, owned.start_counted(work))
            return
        if careful:
            await owned.count(work)
        await owned.start_apart(work)


async def _group_at(owned: Owned, cursor: Cursor) -> dict[str, Any] | None:
    """What the server says of the group on this stream; None where there is no such group, or no stream."""
    (groups,) = await owned.wire().calls([("XINFO", "GROUPS", cursor.key)])
    for info in groups if isinstance(groups, list) else ():
        fields = pairs(info)
        if text(fields["name"]) == owned.consumer.name:
            return fields
    return None


def _held(owned: Owned) -> bool:
    """Whether the consumer's entries are never pending: what its last owner had begun is simply read again."""
    handler = owned.consumer.entry_handler
    return handler is not None and not handler.pending


def _missing(owned: Owned, cursor: Cursor, stream_id: bytes) -> None:
    owned.miss(1)
    _LOG.error(
        "event.missing", group=owned.consumer.name, partition=owned.partition, stream=cursor.stream,
        stream_id=stream_id.decode(), why="it was pending and has been trimmed from the stream",
    )  # fmt: skip
    cursor.acks.append(stream_id)
    owned.commits.soon()
