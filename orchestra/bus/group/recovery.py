"""A new owner first handles the group's pending entries, one by one if the last owner vanished."""

from collections.abc import Callable
from typing import Any

import structlog

from orchestra.bus.consumer.definition import Handler
from orchestra.bus.consumer.delivery import Delivery
from orchestra.bus.consumer.partition import SUSPECT, OwnedPartition
from orchestra.bus.consumer.position import GroupPosition
from orchestra.bus.redis.reply import pairs, text
from orchestra.bus.redis.scripts import GROUP
from orchestra.bus.stream.entry import Raw

_LOG = structlog.get_logger("orchestra.bus")
_PAGE = 50
#: entries that an owner may have started after its last commit: `OwnedPartition.at_capacity` stops it at half of this
READ_AHEAD = 2000


class PartitionRecovery:
    """Brings a newly owned partition to the point from which its streams are simply read.

    Where the last owner vanished, one of the entries it had started may have killed it. So each entry that it may have
    started is made pending, with its delivery counted, before it is handled: the count of a killer grows until it is
    given up.
    """

    def __init__(self, handler_of: Callable[[list[bytes]], tuple[Handler | None, bytes]]) -> None:
        self._handler_of = handler_of

    async def run(self, owned: OwnedPartition, *, vanished: bool) -> None:
        """Find the group's position in every stream and start its pending entries with one more delivery counted."""
        # all before anything is handled: a commit that is on its way would confirm a position that it did not know
        known = [position for position in owned.positions.values() if await self._find_position(owned, position)]
        for position in known:
            await self._start_pending(owned, position, count_first=vanished)
            if vanished and not _never_pending(owned):
                await self._start_read_ahead(owned, position)

    async def _find_position(self, owned: OwnedPartition, position: GroupPosition) -> bool:
        """Begin at what the group has delivered; a new group is created."""
        connection = owned.connection()
        if position.requeued and not await connection.call("EXISTS", position.key):
            return False
        found = await _group_info(owned, position)
        if found is None and not position.requeued:
            start = "$" if owned.consumer.start == "now" else "0"
            await connection.call("EVALSHA", GROUP.sha, 1, position.key, owned.consumer.name, start)
            found = await _group_info(owned, position)
        if found is not None:
            position.start(found["last-delivered-id"], await self._entries_read(owned, position, found))
        return True

    @staticmethod
    async def _entries_read(owned: OwnedPartition, position: GroupPosition, group: dict[str, Any]) -> int:
        """How many entries the group has read: by the server, else by our last commit, else counted.

        The server does not know the number after some restarts, nor after the group's position was set by hand. The
        number of our last commit holds only if it was stored with the same position: the group may be a new one of the
        same name.
        """
        known = group.get("entries-read")
        if known is not None:
            return int(known)
        after = group["last-delivered-id"]
        stored = await owned.connection().call("HGET", owned.committer.progress_key, f"read:{position.key_index}")
        stored_id, _, number = (stored or b"").partition(b" ")
        if stored_id == after:
            return int(number)
        facts = pairs(await owned.connection().call("XINFO", "STREAM", position.key))
        if after == b"0-0":
            return int(facts["entries-added"] - facts["length"])
        unread, end = 0, facts["last-generated-id"]
        while page := await owned.connection().call("XRANGE", position.key, b"(" + after, end, "COUNT", _PAGE):
            unread += len(page)
            after = page[-1][0]
        return int(facts["entries-added"]) - unread

    async def _start_pending(self, owned: OwnedPartition, position: GroupPosition, *, count_first: bool) -> None:
        after = "-"
        while True:
            page = await owned.connection().call("XPENDING", position.key, owned.consumer.name, after, "+", _PAGE)
            if not page:
                return
            ids = [row[0] for row in page]
            found = await owned.connection().calls([("XRANGE", position.key, each, each) for each in ids])
            for row, entries in zip(page, found, strict=True):
                if entries:
                    await self._start_again(owned, position, entries[0], row[3] + 1, count_first=count_first)
                else:
                    _report_missing(owned, position, row[0])
            after = "(" + ids[-1].decode()

    async def _start_again(
        self, owned: OwnedPartition, position: GroupPosition, raw: Raw, attempt: int, *, count_first: bool
    ) -> None:
        handler, call = self._handler_of(raw[1])
        if handler is None:  # an earlier version of the consumer handled this type
            position.acks.append(raw[0])
            owned.committer.schedule()
            return
        await self._start(owned, Delivery(position, raw, handler, call, attempt=attempt), count_first=count_first)

    async def _start_read_ahead(self, owned: OwnedPartition, position: GroupPosition) -> None:
        """Start, each counted first, the entries after the group's position that the last owner may have started."""
        for _ in range(READ_AHEAD // _PAGE):
            await owned.wait_for_capacity()
            page: list[Raw] = await owned.connection().call(
                "XRANGE", position.key, b"(" + position.last, "+", "COUNT", _PAGE
            )
            for raw in page:
                position.last = raw[0]
                position.read += 1
                handler, call = self._handler_of(raw[1])
                if handler is not None:
                    await self._start(owned, Delivery(position, raw, handler, call), count_first=True)
            owned.committer.schedule()
            if len(page) < _PAGE:
                return

    @staticmethod
    async def _start(owned: OwnedPartition, delivery: Delivery, *, count_first: bool) -> None:
        if delivery.attempt > owned.consumer.max_attempts:
            owned.writer.send_to_dead_letters(
                delivery, RuntimeError(f"its worker died in each of {delivery.attempt - 1} deliveries")
            )
            return
        delivery.count_first = count_first
        if delivery.call in owned.call_queues:
            owned.queue(delivery)
            return
        if count_first and delivery.attempt >= SUSPECT:
            owned.spawn(delivery, owned.count_and_start(delivery))
            return
        if count_first:
            await owned.writer.count(delivery)
        await owned.start_in_task(delivery)


async def _group_info(owned: OwnedPartition, position: GroupPosition) -> dict[str, Any] | None:
    """What the server says of the group on this stream; None where there is no such group, or no stream."""
    (groups,) = await owned.connection().calls([("XINFO", "GROUPS", position.key)])
    for info in groups if isinstance(groups, list) else ():
        fields = pairs(info)
        if text(fields["name"]) == owned.consumer.name:
            return fields
    return None


def _never_pending(owned: OwnedPartition) -> bool:
    """Whether the consumer takes batches that are not pending: those of the last owner are simply read again."""
    handler = owned.consumer.entry_handler
    return handler is not None and not handler.pending


def _report_missing(owned: OwnedPartition, position: GroupPosition, stream_id: bytes) -> None:
    owned.count_missing(1)
    _LOG.error(
        "event.missing", group=owned.consumer.name, partition=owned.partition, stream=position.stream,
        stream_id=stream_id.decode(), why="it was pending and has been trimmed from the stream",
    )  # fmt: skip
    position.acks.append(stream_id)
    owned.committer.schedule()
