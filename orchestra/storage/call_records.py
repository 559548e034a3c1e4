"""The call records in Redis: an index by start in each partition, and a hash with the record of each call."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from operator import attrgetter

import msgspec
from msgspec.structs import astuple, replace

from orchestra.bus import Bus, keys
from orchestra.bus.redis.connection import Argument
from orchestra.bus.redis.reply import pairs
from orchestra.hide_secrets import without_login
from orchestra.history.call_record import CallRecord
from orchestra.telemetry.redaction import Redaction

_INDEX = "calls"
_PAGE = 100
#: fields that quote what was said
_WORDS = ("first_words", "last_words", "summary")
#: fields that are JSON in the stored hash; all others are plain text
_JSON = {"usage", "cost", "languages", "operators"}


def from_stored(call: str, fields: Mapping[str, bytes]) -> CallRecord:
    """The record of a call from the fields of its hash; records of version 0.1 can be read."""
    known: dict[str, object] = {name: value.decode() for name, value in fields.items()}
    known["call"] = call
    for name in _JSON & known.keys():
        known[name] = msgspec.json.decode(fields[name])
    if "recording" in known:  # an early version stored URLs with their login
        known["recording"] = without_login(str(known["recording"]))
    return msgspec.convert(known, CallRecord, strict=False)


def changed_fields(before: CallRecord, after: CallRecord) -> dict[str, bytes]:
    """The fields of a call's hash that have to be written for the record to become ``after``."""
    changed: dict[str, bytes] = {}
    values = zip(CallRecord.__struct_fields__, astuple(before), astuple(after), strict=True)
    for name, old, new in values:
        # most fields are the same object as before, which is the fastest answer
        if new is not old and new != old:
            changed[name] = msgspec.json.encode(new) if name in _JSON else str(new).encode()
    return changed


def without_personal_data(record: CallRecord, redaction: Redaction) -> CallRecord:
    """The record with placeholders in the words that it quotes."""
    words = {name: redaction.text(getattr(record, name)) for name in _WORDS}
    return replace(record, **words) if any(getattr(record, name) != text for name, text in words.items()) else record


async def index_call(bus: Bus, call: str, ttl_s: int) -> None:
    """Add the call to the index of its partition, and remove calls older than ``ttl_s``. Safe to repeat."""
    index, started_ms = bus.key(call, _INDEX), keys.started_ms(call)
    await bus.redis.zadd(index, {call: started_ms})
    await bus.redis.zremrangebyscore(index, "-inf", started_ms - ttl_s * 1000)


async def indexed_calls(bus: Bus) -> list[str]:
    """The calls of every partition that have a record, or had one until lately."""
    found: list[str] = []
    for partition in range(bus.partitions):
        found += [
            call.decode() for call in await bus.connection(partition).call("ZRANGE", bus.key(partition, _INDEX), 0, -1)
        ]
    return found


async def find_call(bus: Bus, call: str) -> CallRecord | None:
    """The record of a call; None if there is none, or no longer."""
    try:
        key = bus.key(call, "call", call)
    except ValueError:
        return None
    stored = await bus.redis.hgetall(key)
    return from_stored(call, {name.decode(): value for name, value in stored.items()}) if stored else None


async def list_calls(bus: Bus, *, limit: int = 50, before: str = "") -> list[CallRecord]:
    """The latest calls, newest first; with ``before``, those that started before that call."""
    newest = f"({keys.started_ms(before)}" if before else "+inf"
    found: list[tuple[float, str]] = []
    for partition in range(bus.partitions):
        index = bus.key(partition, _INDEX)
        page = await bus.redis.zrevrangebyscore(index, newest, "-inf", start=0, num=limit, withscores=True)
        found += [(score, call.decode()) for call, score in page]
    records = [await find_call(bus, call) for _, call in sorted(found, reverse=True)[:limit]]
    return [record for record in records if record is not None]


async def running_calls(bus: Bus, started_before: float) -> list[CallRecord]:
    """Running calls that started before this time (epoch seconds), oldest first."""
    running = await stored_records(bus, await running_since(bus, 0, int(started_before * 1000)))
    found = [record for record in running.values() if record is not None and record.status == "running"]
    return sorted(found, key=attrgetter("started_at"))


async def running_since(bus: Bus, first_ms: int, last_ms: int | None = None) -> list[str]:
    """Running calls that started in this time (epoch ms; until now unless given), by their stored records."""
    running: list[str] = []
    last = "+inf" if last_ms is None else str(last_ms)
    for partition in range(bus.partitions):
        index, connection, start = bus.key(partition, _INDEX), bus.connection(partition), 0
        while page := await connection.call("ZRANGEBYSCORE", index, first_ms, last, "LIMIT", start, _PAGE):
            start += len(page)
            calls = [call.decode() for call in page]
            asked: list[tuple[Argument, ...]] = [("HGET", bus.key(partition, "call", call), "status") for call in calls]
            statuses = await connection.calls(asked)
            running += [call for call, status in zip(calls, statuses, strict=True) if status == b"running"]
    return running


async def stored_records(bus: Bus, calls: Iterable[str]) -> dict[str, CallRecord | None]:
    """The records of these calls; None where there is none."""
    found: dict[str, CallRecord | None] = dict.fromkeys(calls)
    by_partition: dict[int, list[str]] = {}
    for call in found:
        with suppress(ValueError):  # an id of no partition has no record
            by_partition.setdefault(keys.partition_of(call), []).append(call)
    for partition, its_calls in by_partition.items():
        for start in range(0, len(its_calls), _PAGE):
            page = its_calls[start : start + _PAGE]
            commands: list[tuple[Argument, ...]] = [("HGETALL", bus.key(partition, "call", call)) for call in page]
            for call, stored in zip(page, await bus.connection(partition).calls(commands), strict=True):
                found[call] = from_stored(call, pairs(stored)) if stored else None
    return found
