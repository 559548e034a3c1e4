"""A new owner takes the group's pending entries first, and is careful where the owner before vanished."""

from typing import TYPE_CHECKING, Any

import structlog

from orchestra.bus.consumer.delivery import Delivery
from orchestra.bus.consumer.partition import SUSPECT, OwnedPartition
from orchestra.bus.consumer.position import GroupPosition
from orchestra.bus.redis.scripts import GROUP
from orchestra.bus.stream.entry import Raw, pairs, text

if TYPE_CHECKING:
    from orchestra.bus.consumer.runtime import ConsumerRuntime

_LOG = structlog.get_logger("orchestra.bus")
_PAGE = 50
#: entries that an owner may have started beyond its last commit: `OwnedPartition.at_capacity` stops it at half of this
READ_AHEAD = 2000


class PartitionRecovery:
    """Brings newly owned partitions to the point from which they are simply read.

    After an owner that vanished, each entry is claimed before it is handled, until all are passed that the other may
    have started: so an event that kills its worker is counted too.
    """

    def __init__(self, runtime: "ConsumerRuntime") -> None:
        self._runtime = runtime

    async def run(self, owned: OwnedPartition, *, vanished: bool) -> None:
        """Find the group's place in every stream, then start what is pending there with one more delivery counted."""
        for position in owned.positions.values():
            if await self._find_place(owned, position):
                await self._pending(owned, position, count_first=vanished)
                if vanished and not _held(owned):
                    await self._beyond(owned, position)

    async def _find_place(self, owned: OwnedPartition, position: GroupPosition) -> bool:
        """Set the cursor to what the group has delivered, creating the group where it is new."""
        connection = owned.connection()
        if position.requeued and not await connection.call("EXISTS", position.key):
            return False
        found = await _group_at(owned, position)
        if found is None and not position.requeued:
            start = "$" if owned.consumer.start == "now" else "0"
            await connection.call("EVALSHA", GROUP.sha, 1, position.key, owned.consumer.name, start)
            found = await _group_at(owned, position)
        if found is not None:
            position.start(found["last-delivered-id"], await self._entries_read(owned, position, found))
        return True

    @staticmethod
    async def _entries_read(owned: OwnedPartition, position: GroupPosition, group: dict[str, Any]) -> int:
        """How many entries the group has read: the server's word, else our last commit's, else counted.

        The server knows no number after some restarts, and where the group was moved by hand. Then our last commit's
        holds only for the place that it was said of: the group may be another one of the same name.
        """
        told = group.get("entries-read")
        if told is not None:
            return int(told)
        after = group["last-delivered-id"]
        stored = await owned.connection().call("HGET", owned.committer.progress_key, f"read:{position.key_index}")
        place, _, number = (stored or b"").partition(b" ")
        if place == after:
            return int(number)
        facts = pairs(await owned.connection().call("XINFO", "STREAM", position.key))
        if after == b"0-0":
            return int(facts["entries-added"] - facts["length"])
        ahead, end = 0, facts["last-generated-id"]
        while page := await owned.connection().call("XRANGE", position.key, b"(" + after, end, "COUNT", _PAGE):
            ahead += len(page)
            after = page[-1][0]
        return int(facts["entries-added"]) - ahead

    async def _pending(self, owned: OwnedPartition, position: GroupPosition, *, count_first: bool) -> None:
        after = "-"
        while True:
            page = await owned.connection().call("XPENDING", position.key, owned.consumer.name, after, "+", _PAGE)
            if not page:
                return
            ids = [row[0] for row in page]
            found = await owned.connection().calls([("XRANGE", position.key, each, each) for each in ids])
            for row, entries in zip(page, found, strict=True):
                if entries:
                    await self._again(owned, position, entries[0], row[3] + 1, count_first=count_first)
                else:
                    _missing(owned, position, row[0])
            after = "(" + ids[-1].decode()

    async def _again(
        self, owned: OwnedPartition, position: GroupPosition, raw: Raw, attempt: int, *, count_first: bool
    ) -> None:
        handler, call = self._runtime.dispatcher.handler_of(raw[1])
        if handler is None:
            position.acks.append(raw[0])
            owned.committer.schedule()
            return
        delivery = Delivery(owned, position, raw, handler, call, attempt=attempt)
        await self._start(owned, delivery, count_first=count_first)

    async def _beyond(self, owned: OwnedPartition, position: GroupPosition) -> None:
        for _ in range(READ_AHEAD // _PAGE):
            await owned.wait_for_capacity()
            page: list[Raw] = await owned.connection().call(
                "XRANGE", position.key, b"(" + position.last, "+", "COUNT", _PAGE
            )
            for raw in page:
                position.last = raw[0]
                position.read += 1
                handler, call = self._runtime.dispatcher.handler_of(raw[1])
                if handler is not None:
                    await self._start(owned, Delivery(owned, position, raw, handler, call), count_first=True)
            owned.committer.schedule()
            if len(page) < _PAGE:
                return

    @staticmethod
    async def _start(owned: OwnedPartition, delivery: Delivery, *, count_first: bool) -> None:
        if delivery.attempt > owned.consumer.max_attempts:
            owned.send_to_dead_letters(
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
            await owned.count(delivery)
        await owned.start_in_task(delivery)


async def _group_at(owned: OwnedPartition, position: GroupPosition) -> dict[str, Any] | None:
    """What the server says of the group on this stream; None where there is no such group, or no stream."""
    (groups,) = await owned.connection().calls([("XINFO", "GROUPS", position.key)])
    for info in groups if isinstance(groups, list) else ():
        fields = pairs(info)
        if text(fields["name"]) == owned.consumer.name:
            return fields
    return None


def _held(owned: OwnedPartition) -> bool:
    """Whether the consumer's entries are never pending: what its last owner had begun is simply read again."""
    handler = owned.consumer.entry_handler
    return handler is not None and not handler.pending


def _missing(owned: OwnedPartition, position: GroupPosition, stream_id: bytes) -> None:
    owned.count_missing(1)
    _LOG.error(
        "event.missing", group=owned.consumer.name, partition=owned.partition, stream=position.stream,
        stream_id=stream_id.decode(), why="it was pending and has been trimmed from the stream",
    )  # fmt: skip
    position.acks.append(stream_id)
    owned.committer.schedule()
