"""Dead letters: events that a group could not handle, with the error, until somebody decides."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from orchestra.bus import keys
from orchestra.bus.consumer.position import REQUEUED
from orchestra.bus.redis.scripts import REQUEUE
from orchestra.bus.stream.entry import pairs, text

if TYPE_CHECKING:
    from orchestra.bus.bus import Bus

_WORDS = ("type", "call", "id", "stream", "stream_id", "handler", "error", "traceback")
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that ``group`` could not handle in ``attempts`` deliveries.

    ``letter_id`` is its place among the partition's dead letters, ``stream_id`` where it stood in ``stream``;
    ``published`` of its events were stored; ``at`` (epoch seconds) is when it was given up.
    """

    letter_id: str
    partition: int
    group: str
    type: str
    call: str
    id: str
    body: bytes
    stream: str
    stream_id: str
    handler: str
    attempts: int
    published: int
    at: float
    error: str
    traceback: str

    @property
    def name(self) -> str:
        """What the command line calls it: partition and place, ``07/1763830000000-0``."""
        return f"{self.partition:02d}/{self.letter_id}"


async def dead_letters(bus: "Bus", group: str) -> list[DeadLetter]:
    """All dead letters of a group, oldest first within each partition."""
    found = []
    for partition in range(bus.partitions):
        rows = await bus.connection(partition).call("XRANGE", keys.key(partition, "dead", group), "-", "+")
        found += [_letter(raw, partition, group) for raw in rows]
    return found


async def resolve(bus: "Bus", letters: Iterable[DeadLetter], what: Literal["requeue", "drop"]) -> int:
    """Give dead letters back to their group, which handles them again, or drop them; how many there still were.

    What a requeued event had published before it was given up is not published again.
    """
    places: dict[tuple[int, str], list[str]] = {}
    for letter in letters:
        places.setdefault((letter.partition, letter.group), []).append(letter.letter_id)
    found = 0
    for (partition, group), ids in places.items():
        names = [keys.key(partition, word, group) for word in ("dead", REQUEUED, "published")]
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            found += await bus.connection(partition).call("EVALSHA", REQUEUE.sha, 3, *names, group, what, *chunk)
    return found


def _letter(raw: list[Any], partition: int, group: str) -> DeadLetter:
    fields = pairs(raw[1])
    return DeadLetter(
        letter_id=text(raw[0]),
        partition=partition,
        group=group,
        body=fields.get("body", b""),
        attempts=int(fields.get("attempts", 0)),
        published=int(fields.get("published", 0)),
        at=float(fields.get("at", 0)),
        **{word: text(fields.get(word, b"")) for word in _WORDS},
    )
