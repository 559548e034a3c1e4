"""Dead letters: events that a group could not handle, with the error, until somebody decides."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestra.bus import keys
from orchestra.bus.entry import text

if TYPE_CHECKING:
    from orchestra.bus.bus import Bus


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that ``group`` could not handle in ``attempts`` deliveries.

    ``letter_id`` is its place among the partition's dead letters, ``stream_id`` where it stood in ``stream``;
    ``at`` (epoch seconds) is when it was given up.
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
        for raw in await bus.wire(partition).call("XRANGE", keys.key(partition, "dead", group), "-", "+"):
            found.append(_letter(raw, partition, group))  # noqa: PERF401 - async iteration reads better in steps
    return found


def _letter(raw: list[Any], partition: int, group: str) -> DeadLetter:
    fields = {text(name): value for name, value in zip(raw[1][::2], raw[1][1::2], strict=True)}
    words = ("type", "call", "id", "stream", "stream_id", "handler", "error", "traceback")
    return DeadLetter(
        letter_id=text(raw[0]),
        partition=partition,
        group=group,
        body=fields.get("body", b""),
        attempts=int(fields.get("attempts", 0)),
        published=int(fields.get("published", 0)),
        at=float(fields.get("at", 0)),
        **{word: text(fields.get(word, b"")) for word in words},
    )
