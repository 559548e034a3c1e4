"""Which calls run now, and from where on their journals have to be read."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestra.bus import Bus, keys
from orchestra.history.call_record import CallRecord
from orchestra.storage.call_records import running_since, stored_records

#: journals are read back to the start of the oldest running call, but at most this far: of an older call, the stored
#: record says what was before
_READ_BACK_MS = 15 * 60_000
#: and at least this far, for calls that no record was stored of yet
_NOT_STORED_MS = 120_000
_CLOCKS_DIFFER_MS = 5_000


@dataclass(frozen=True)
class Running:
    """The calls that run, and from when on each partition's journal is read (epoch ms); ``older`` began before that."""

    calls: list[str]
    older: list[str]
    since_ms: dict[int, int]


async def find_running(bus: Bus) -> Running:
    """The calls that run, by their stored records.

    Raises:
        redis.exceptions.RedisError: the server does not answer.

    """
    now_ms = await _now_ms(bus)
    since_ms = dict.fromkeys(range(bus.partitions), now_ms - _NOT_STORED_MS)
    older: list[str] = []
    # a call ends at the latest after `max_call_s`, or goes on with a person for as long again
    calls = await running_since(bus, now_ms - int(2000 * bus.settings.max_call_s))
    for call in calls:
        started_ms, partition = keys.started_ms(call), keys.partition_of(call)
        if started_ms < now_ms - _READ_BACK_MS:
            older.append(call)
        wanted_ms = max(started_ms - _CLOCKS_DIFFER_MS, now_ms - _READ_BACK_MS)
        since_ms[partition] = min(since_ms[partition], wanted_ms)
    return Running(calls, older, since_ms)


async def _now_ms(bus: Bus) -> int:
    seconds, micros = await bus.shared_connection.call("TIME")
    return int(seconds) * 1000 + int(micros) // 1000


async def records_at(bus: Bus, calls: Sequence[str]) -> tuple[dict[str, CallRecord | None], int]:
    """The stored records of these calls, None where there is none, and the server's time (epoch ms) before that.

    Raises:
        redis.exceptions.RedisError: the server does not answer.

    """
    read_at_ms = await _now_ms(bus)
    return await stored_records(bus, calls), read_at_ms
