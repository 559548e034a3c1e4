"""Names in Redis: every key of a partition has its hash tag, so that everything of a call is in one slot."""

import os
import re
import uuid

from orchestra.clock import SYSTEM_CLOCK

PREFIX = "orchestra"
JOURNAL = "events"
MEDIA = "media"
STREAMS = (JOURNAL, MEDIA)
_CLOCKS_DIFFER_MS = 60_000
_DAY_MS = 86_400_000
_CALL = re.compile(r"[0-9]{2}-[0-9A-Za-z-]{1,61}")

# keys that belong to no partition
PARTITIONS_KEY = f"{PREFIX}:{{shared}}:partitions"
OPEN_PARTITIONS_KEY = f"{PREFIX}:{{shared}}:partitions:open"
PARTITIONS_AT_CREATION_KEY = f"{PREFIX}:{{shared}}:partitions:at-creation"
JOURNAL_NAME_KEY = f"{PREFIX}:{{shared}}:journal"
RELEASES_KEY = f"{PREFIX}:{{shared}}:handover"
#: the sorted set of the processes that are there, scored like the members of a group
PRESENT_KEY = f"{PREFIX}:{{shared}}:present"
#: a key that is never written: commands are tried on it
PROBE_KEY = f"{PREFIX}:{{shared}}:probe"


def partition_of(call: str) -> int:
    """The partition that a call id names: ``07-0199…`` → 7.

    Raises:
        ValueError: the id does not begin with two digits and a dash.

    """
    if len(call) > 3 and call[2] == "-" and call[:2].isdecimal():  # noqa: PLR2004
        return int(call[:2])
    msg = f"call id {call!r} does not begin with its partition, like 07-…"
    raise ValueError(msg)


def validate_call_id(call: str) -> str:
    """Check a call id from outside: that it can be a part of a key, a URL and a file name; returns it.

    Raises:
        ValueError: it is not a partition, a dash, and letters, digits and dashes.

    """
    if _CALL.fullmatch(call):
        return call
    msg = f"{call[:80]!r} is not a call id: one is like 07-01a2…, of letters, digits and dashes"
    raise ValueError(msg)


def key(partition: int, *parts: str) -> str:
    """``key(7, "dead", "execution")`` → ``orchestra:{p07}:dead:execution``."""
    return ":".join((PREFIX, f"{{p{partition:02d}}}", *parts))


def tombstones_key(partition: int) -> str:
    """The sorted set of the forgotten calls of a partition, see `orchestra.bus.tombstones`."""
    return key(partition, "forgotten")


def members_key(group: str) -> str:
    """The sorted set of the workers of a group, scored by the server's time of their last sign of life, in ms."""
    return f"{PREFIX}:{{shared}}:members:{group}"


def holder_key(group: str) -> str:
    """The key of the record that says which consumer a group belongs to."""
    return f"{PREFIX}:{{shared}}:holder:{group}"


def presence_key(process: str) -> str:
    """The key of the record of a process, ``edge:edge-1f``."""
    return f"{PREFIX}:{{shared}}:presence:{process}"


def new_call(partition: int, epoch_ms: int, chance: bytes = b"") -> str:
    """A new call id on a partition: its number, a dash, and a UUID of version 7 (RFC 9562) for this moment.

    ``chance`` is ten bytes that make the id unique; random unless given.
    """
    value = (epoch_ms << 80) | (0x7 << 76) | int.from_bytes(chance or os.urandom(10), "big") >> 4
    value = (value & ~(0b11 << 62)) | (0b10 << 62)
    return f"{partition:02d}-{uuid.UUID(int=value & ((1 << 128) - 1))}"


def started_ms(call: str) -> int:
    """The moment in a call id, epoch ms; 0 if its second part is not a UUID of version 7."""
    try:
        value = uuid.UUID(call[3:])
    except ValueError:
        return 0
    return value.int >> 80 if value.version == 7 else 0  # noqa: PLR2004


def earliest_ms(call: str) -> int:
    """A moment before any entry of the call, epoch ms; it allows for the clock of the machine that made the id.

    0 for an id of the future: its time cannot be right.
    """
    started = started_ms(call)
    return 0 if started > SYSTEM_CLOCK.time() * 1000 + _DAY_MS else max(0, started - _CLOCKS_DIFFER_MS)


def trace_id(call: str) -> str:
    """The 32 hex digits of the call's UUID: the trace id of all its events."""
    digits = call[3:].replace("-", "")
    if len(digits) == 32 and all(digit in "0123456789abcdef" for digit in digits):  # noqa: PLR2004
        return digits
    return uuid.uuid5(uuid.NAMESPACE_OID, call).hex
