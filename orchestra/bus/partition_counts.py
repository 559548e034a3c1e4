"""How many partitions the journal has, and on how many of them calls begin; both may change while calls run."""

from typing import NamedTuple

from orchestra.bus import keys
from orchestra.bus.redis.connection import Argument, RedisConnection
from orchestra.bus.redis.reply import text

#: how soon every process knows of a change
WATCH_S = 1.0


class PartitionCounts(NamedTuple):
    """Stored beside the journal.

    Attributes:
        existing: those that workers own and read: it only grows.
        open: calls begin on the first so many of them.
        at_creation: how many the journal was created with. Keys that a hash places, stay where that number puts them.

    """

    existing: int
    open: int
    at_creation: int


async def read_counts(connection: RedisConnection) -> tuple[PartitionCounts, str] | None:
    """What is stored, and the name of the journal; None if the server has none.

    Raises:
        redis.exceptions.RedisError: the server cannot be reached.

    """
    asked: list[tuple[Argument, ...]] = [("GET", each) for each in _KEYS]
    existing, opened, at_creation, name = await connection.calls(asked)
    if existing is None or name is None:
        return None
    return PartitionCounts(int(existing), int(opened or existing), int(at_creation or existing)), text(name)


_KEYS = (keys.PARTITIONS_KEY, keys.OPEN_PARTITIONS_KEY, keys.PARTITIONS_AT_CREATION_KEY, keys.JOURNAL_NAME_KEY)
