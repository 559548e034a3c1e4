"""A group at a glance: what each of its workers has to do, and which entries are pending, in which attempt."""

from collections.abc import Iterable
from dataclasses import dataclass

from orchestra.bus import keys
from orchestra.bus.bus import GroupStatus
from orchestra.bus.ports import Connections
from orchestra.bus.redis.reply import text
from orchestra.bus.stream.entry import read_entry


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerStatus:
    """What one worker of a group has to do; ``owner`` is empty for partitions that nobody owns.

    ``lag`` entries are not read yet (None if the server does not know), ``pending`` are read and unfinished, ``dead``
    were given up.
    """

    group: str
    owner: str
    partitions: tuple[int, ...]
    lag: int | None
    pending: int
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEntry:
    """An entry that a group has taken and not finished.

    ``attempts`` counts its deliveries, ``idle_s`` is how long ago the last one was. ``type``, ``call`` and ``id`` are
    empty if the entry was trimmed.
    """

    partition: int
    stream: str
    stream_id: str
    attempts: int
    idle_s: float
    type: str = ""
    call: str = ""
    id: str = ""


def by_owner(groups: Iterable[GroupStatus]) -> list[OwnerStatus]:
    """The groups by name, their workers by name."""
    found: dict[tuple[str, str], list[GroupStatus]] = {}
    for each in groups:
        found.setdefault((each.group, each.owner), []).append(each)
    rows = []
    for (group, owner), parts in sorted(found.items()):
        lags = [part.lag for part in parts if part.lag is not None]
        rows.append(
            OwnerStatus(
                group=group,
                owner=owner,
                partitions=tuple(sorted(part.partition for part in parts)),
                lag=sum(lags) if len(lags) == len(parts) else None,
                pending=sum(part.pending for part in parts),
                dead=sum(part.dead for part in parts),
            )
        )
    return rows


async def pending_entries(
    connections: Connections, group: str, partitions: Iterable[int], *, most: int
) -> list[PendingEntry]:
    """The oldest pending entries of a group, at most ``most`` of each stream, by partition and stream id."""
    found: list[PendingEntry] = []
    for partition in partitions:
        connection = connections.connection(partition)
        for stream in keys.STREAMS:
            key = keys.key(partition, stream)
            (rows,) = await connection.calls([("XPENDING", key, group, "-", "+", most)])
            if not isinstance(rows, list) or not rows:  # an error if the group does not read this stream
                continue
            entries = await connection.calls([("XRANGE", key, row[0], row[0]) for row in rows])
            for row, kept in zip(rows, entries, strict=True):
                entry = read_entry(kept[0], partition, stream) if isinstance(kept, list) and kept else None
                found.append(
                    PendingEntry(
                        partition=partition,
                        stream=stream,
                        stream_id=text(row[0]),
                        attempts=row[3],
                        idle_s=row[2] / 1000,
                        type=entry.type if entry else "",
                        call=entry.call if entry else "",
                        id=entry.id if entry else "",
                    )
                )
    return found
