"""A new owner takes the group's pending entries first, and is careful where the owner before vanished."""

from typing import TYPE_CHECKING, Any

import structlog
from redis.exceptions import ResponseError

from orchestra.bus.entry import Raw, text
from orchestra.bus.owned import Cursor, Owned, Rest
from orchestra.bus.work import Work

if TYPE_CHECKING:
    from orchestra.bus.engine import Engine

_LOG = structlog.get_logger("orchestra.bus")
_PAGE = 200
#: entries that an owner may have started beyond its last commit; see Engine, which bounds them
READ_AHEAD = 2000
#: deliveries after which an entry is suspected of killing its worker and runs alone among its like
_SUSPECT = 3


async def take_over(engine: "Engine", owned: Owned, *, vanished: bool) -> None:
    """Find the group's place in every stream, then start what is pending there with one more delivery counted.

    After an owner that vanished, each entry is claimed before it is handled until all are passed that the other may
    have started: so an event that kills its worker is counted too.
    """
    for cursor in owned.cursors.values():
        if await _find_place(engine, owned, cursor):
            await _pending(engine, owned, cursor, careful=vanished)
            if vanished and not cursor.requeued:
                await _beyond(engine, owned, cursor)


async def _find_place(engine: "Engine", owned: Owned, cursor: Cursor) -> bool:
    """Set the cursor to what the group has delivered, creating the group where it is new."""
    wire, group = owned.wire(), owned.consumer.name
    if not cursor.requeued:
        start = "$" if owned.consumer.start == "now" else "0"
        try:
            await wire.call("XGROUP", "CREATE", cursor.key, group, start, "MKSTREAM")
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
    elif not await wire.call("EXISTS", cursor.key):
        return False
    for info in await wire.call("XINFO", "GROUPS", cursor.key):
        fields = _pairs(info)
        if text(fields["name"]) == group:
            cursor.last = cursor.committed = fields["last-delivered-id"]
            cursor.read = await _entries_read(owned, cursor, fields.get("entries-read"))
    return True


async def _entries_read(owned: Owned, cursor: Cursor, told: int | None) -> int:
    """How many entries the group has read: the server's word, else what the last commit said, else counted."""
    if told is not None:
        return told
    stored = await owned.wire().call("HGET", owned.commits.progress_key, f"read:{cursor.place}")
    if stored is not None:
        return int(stored)
    added = _pairs(await owned.wire().call("XINFO", "STREAM", cursor.key)).get("entries-added", 0)
    ahead = len(await owned.wire().call("XRANGE", cursor.key, b"(" + cursor.last, "+"))
    return int(added) - ahead


async def _pending(engine: "Engine", owned: Owned, cursor: Cursor, *, careful: bool) -> None:
    after = "-"
    while True:
        page = await owned.wire().call("XPENDING", cursor.key, owned.consumer.name, after, "+", _PAGE)
        if not page:
            return
        ids = [row[0] for row in page]
        found = await owned.wire().calls([("XRANGE", cursor.key, each, each) for each in ids])
        for row, entries in zip(page, found, strict=True):
            if not entries:
                _lost_entry(owned, cursor, row[0])
                continue
            handler, call = engine.handler_of(entries[0][1])
            if handler is None:
                cursor.acks.append(row[0])
                owned.commits.soon()
            else:
                work = Work(owned, cursor, entries[0], handler, call, attempt=row[3] + 1)
                work.claimed = True
                await _start(engine, owned, work, careful=careful)
        after = "(" + ids[-1].decode()


async def _beyond(engine: "Engine", owned: Owned, cursor: Cursor) -> None:
    entries: list[Raw] = await owned.wire().call("XRANGE", cursor.key, b"(" + cursor.last, "+", "COUNT", READ_AHEAD)
    for raw in entries:
        cursor.last = raw[0]
        cursor.read += 1
        handler, call = engine.handler_of(raw[1])
        if handler is not None:
            await _start(engine, owned, Work(owned, cursor, raw, handler, call), careful=True)
    owned.commits.soon()


async def _start(engine: "Engine", owned: Owned, work: Work, *, careful: bool) -> None:
    if work.attempt > owned.consumer.max_attempts:
        owned.bury(work, RuntimeError(f"its worker died in each of {work.attempt - 1} deliveries"))
        return
    if work.call in owned.lanes:
        owned.queue(work)
        return
    if careful and work.attempt >= _SUSPECT:
        owned.spawn(work, _alone(engine, owned, work))
        return
    if careful:
        work.counted = work.attempt
        owned.commits.claim(work)
        await owned.commits.flush()
    rest = owned.start(work)
    if rest is not None:
        owned.spawn(work, rest)


async def _alone(engine: "Engine", owned: Owned, work: Work) -> None:
    """A suspect runs alone among its like, so that what merely ran beside a killer is not counted again and again."""
    async with engine.suspects:
        work.counted = work.attempt
        owned.commits.claim(work)
        await owned.commits.flush()
        rest: Rest | None = owned.start(work)
        if rest is not None:
            await rest


def _lost_entry(owned: Owned, cursor: Cursor, stream_id: bytes) -> None:
    _LOG.error(
        "event.missing", group=owned.consumer.name, partition=owned.partition, stream=cursor.stream,
        stream_id=stream_id.decode(), why="it was pending and has been trimmed from the stream",
    )  # fmt: skip
    cursor.acks.append(stream_id)
    owned.commits.soon()


def _pairs(flat: list[Any]) -> dict[str, Any]:
    return {text(name): value for name, value in zip(flat[::2], flat[1::2], strict=True)}
