"""Dead letters: events that a group could not handle, with the error, until somebody requeues or drops them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from orchestra.bus import keys
from orchestra.bus.consumer.position import REQUEUED
from orchestra.bus.ports import Connections
from orchestra.bus.redis.reply import pairs, text
from orchestra.bus.redis.scripts import REQUEUE

_WORDS = ("type", "call", "id", "stream", "stream_id", "handler", "error", "traceback")
_CHUNK = 500
_NAME = re.compile(r"([0-9]{2})/([0-9]{1,20}-[0-9]{1,20})", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that ``group`` could not handle in ``attempts`` deliveries.

    ``letter_id`` is the stream id of the dead letter, ``stream_id`` that of the event in ``stream``. ``published`` is
    the number of events that its attempts have stored, ``at`` (epoch seconds) when it was given up.
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
        """Its name on the command line: partition and letter id, ``07/1763830000000-0``."""
        return f"{self.partition:02d}/{self.letter_id}"


async def dead_letters(connections: Connections, group: str) -> list[DeadLetter]:
    """All dead letters of a group, oldest first within each partition."""
    found = []
    for partition in range(connections.partitions):
        rows = await connections.connection(partition).call("XRANGE", keys.key(partition, "dead", group), "-", "+")
        found += [_letter(raw, partition, group) for raw in rows]
    return found


async def latest_dead_letters(connections: Connections, group: str, most: int) -> list[DeadLetter]:
    """The dead letters that the group gave up last, the latest first, at most ``most``."""
    found: list[DeadLetter] = []
    for partition in range(connections.partitions):
        key = keys.key(partition, "dead", group)
        rows = await connections.connection(partition).call("XREVRANGE", key, "+", "-", "COUNT", most)
        found += [_letter(raw, partition, group) for raw in rows]
    return sorted(found, key=lambda letter: letter.at, reverse=True)[:most]


async def named_dead_letters(connections: Connections, group: str, names: Iterable[str]) -> list[DeadLetter]:
    """The dead letters with these names, without those that do not exist (any longer)."""
    found = []
    for name in dict.fromkeys(names):
        named = _NAME.fullmatch(name)
        if named is None or int(named[1]) >= connections.partitions:
            continue
        partition, letter_id = int(named[1]), named[2]
        key = keys.key(partition, "dead", group)
        rows = await connections.connection(partition).call("XRANGE", key, letter_id, letter_id)
        found += [_letter(raw, partition, group) for raw in rows]
    return found


async def resolve(connections: Connections, letters: Iterable[DeadLetter], what: Literal["requeue", "drop"]) -> int:
    """Give dead letters back to their group, which handles them again, or drop them; how many still existed.

    Events that a requeued event has already published are not published again.
    """
    chosen: dict[tuple[int, str], list[str]] = {}
    for letter in letters:
        chosen.setdefault((letter.partition, letter.group), []).append(letter.letter_id)
    found = 0
    for (partition, group), ids in chosen.items():
        names = [keys.key(partition, word, group) for word in ("dead", REQUEUED, "published")]
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            found += await connections.connection(partition).call(
                "EVALSHA", REQUEUE.sha, 3, *names, group, what, *chunk
            )
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
