"""The calls that are kept: an index by start per partition, and each call's session record."""

from collections.abc import Mapping
from operator import attrgetter

import msgspec

from orchestra.bus import Bus, keys
from orchestra.history.usage import Cost, Usage
from orchestra.mask import without_login

_INDEX = "calls"
_PAGE = 100
#: fields of a session record that are JSON
_OBJECTS = {"usage", "cost"}


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one call; times in epoch seconds, counts, and waits for a reply in ms.

    ``status`` is ``running`` or ``ended``; ``recording`` is empty until it is complete; ``cost`` is None where no
    price is set.
    """

    call: str
    status: str = "running"
    from_number: str = ""
    to_number: str = ""
    direction: str = "inbound"
    provider_call: str = ""
    app: str = ""
    version: str = ""
    model: str = ""
    edge: str = ""
    agent: str = ""
    started_at: float = 0.0
    ended_at: float = 0.0
    duration_s: float = 0.0
    end_reason: str = ""
    transferred_to: str = ""
    turns: int = 0
    interruptions: int = 0
    tools: int = 0
    failed_tools: int = 0
    prompts: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    measured: int = 0
    mean_ms: float = 0.0
    slowest_ms: float = 0.0
    first_words: str = ""
    last_words: str = ""
    recording: str = ""
    recording_missing_ms: int = 0
    usage: Usage = msgspec.field(default_factory=Usage)
    cost: Cost | None = None


def call_record(call: str, fields: Mapping[str, str]) -> CallRecord:
    """The record of a session hash's text fields."""
    known: dict[str, object] = {**fields, "call": call}
    for name in _OBJECTS & known.keys():
        known[name] = msgspec.json.decode(fields[name])
    if "recording" in fields:  # what was written before a URL had its login taken out
        known["recording"] = without_login(fields["recording"])
    return msgspec.convert(known, CallRecord, strict=False)


async def enter(bus: Bus, call: str, ttl_s: int) -> None:
    """Put the call into the index of its partition, and let what is older than ``ttl_s`` fall out. Safe to repeat."""
    index, started_ms = bus.key(call, _INDEX), keys.started_ms(call)
    await bus.redis.zadd(index, {call: started_ms})
    await bus.redis.zremrangebyscore(index, "-inf", started_ms - ttl_s * 1000)


async def find_call(bus: Bus, call: str) -> CallRecord | None:
    """The record of a call, None where there is none (any more)."""
    try:
        key = bus.key(call, "call", call)
    except ValueError:
        return None
    stored = await bus.redis.hgetall(key)
    return call_record(call, {name.decode(): value.decode() for name, value in stored.items()}) if stored else None


async def list_calls(bus: Bus, *, limit: int = 50, before: str = "") -> list[CallRecord]:
    """The latest calls, the newest first; with ``before`` those that started before that call."""
    newest = f"({keys.started_ms(before)}" if before else "+inf"
    found: list[tuple[float, str]] = []
    for partition in range(bus.partitions):
        index = bus.key(partition, _INDEX)
        page = await bus.redis.zrevrangebyscore(index, newest, "-inf", start=0, num=limit, withscores=True)
        found += [(score, call.decode()) for call, score in page]
    records = [await find_call(bus, call) for _, call in sorted(found, reverse=True)[:limit]]
    return [record for record in records if record is not None]


async def running_calls(bus: Bus, started_before: float) -> list[CallRecord]:
    """Calls that have not ended, of those that started before this moment (epoch seconds); the oldest first."""
    running = []
    for partition in range(bus.partitions):
        index, start = bus.key(partition, _INDEX), 0
        while page := await bus.redis.zrangebyscore(index, "-inf", started_before * 1000, start=start, num=_PAGE):
            start += len(page)
            for call in page:
                record = await find_call(bus, call.decode())
                if record is not None and record.status == "running":
                    running.append(record)
    return sorted(running, key=attrgetter("started_at"))
