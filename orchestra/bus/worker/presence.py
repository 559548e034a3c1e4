"""Which processes are there: each keeps a record of itself in Redis, which expires without a sign of life."""

import asyncio
import contextlib
import os
import resource
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from redis.exceptions import RedisError

from orchestra.bus import keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.ports import Connections
from orchestra.bus.redis.reply import text
from orchestra.bus.redis.scripts import MEMBER, PRESENCE
from orchestra.clock import SYSTEM_CLOCK
from orchestra.version import package_version

_EVERY_S = 2.0
_EXPIRES_S = 7.0
_LEAVE_WITHIN_S = 1.0


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """The record of one process.

    Attributes:
        kind: ``edge``, ``worker`` or another kind of process.
        name: as events and logs name it.
        groups: the consumer groups that it works for.
        started_at: epoch seconds; ``at`` is that of the record.
        cores: processor time that it used since its record before, in cores.
        memory_bytes: what it has in memory.
        problems: what keeps it from working, a sentence each.
        load: how much it has to do, by the name of each count.
        apps: name and version of each app that it runs.
        lines: of an edge: by line, the shares that its app's code gives to versions, by their names.

    """

    kind: str
    name: str
    host: str = ""
    pid: int = 0
    version: str = ""
    groups: tuple[str, ...] = ()
    started_at: float = 0.0
    at: float = 0.0
    cores: float = 0.0
    memory_bytes: int = 0
    problems: tuple[str, ...] = ()
    load: dict[str, float] = {}
    apps: tuple[tuple[str, str], ...] = ()
    lines: dict[str, dict[str, float]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a process says of itself; the attributes are those of `Presence`."""

    version: str = ""
    groups: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    load: dict[str, float] = field(default_factory=dict)
    apps: tuple[tuple[str, str], ...] = ()
    lines: dict[str, dict[str, float]] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def announced(
    connections: Connections, kind: str, name: str, report: Callable[[], Report]
) -> AsyncIterator[None]:
    """Keep a record of this process for as long as the block runs; one whose server is away expires."""
    announcing = asyncio.create_task(_announce(connections, kind, name, report), name=f"presence of {name}")
    try:
        yield
    finally:
        announcing.cancel()
        await asyncio.gather(announcing, return_exceptions=True)
        with contextlib.suppress(RedisError, TimeoutError):  # it expires by itself
            async with asyncio.timeout(_LEAVE_WITHIN_S):
                await _leave(connections, kind, name)


async def present(connections: Connections) -> list[Presence]:
    """The processes that are there, by kind and name."""
    connection = connections.shared_connection
    names = await connection.call("ZRANGE", keys.PRESENT_KEY, 0, -1)
    records = await connection.call("MGET", *(keys.presence_key(text(name)) for name in names)) if names else []
    found = []
    for record in records:
        with contextlib.suppress(msgspec.MsgspecError):  # written by another version
            found += [msgspec.json.decode(record, type=Presence)] if record is not None else []
    return sorted(found, key=lambda each: (each.kind, each.name))


async def _announce(connections: Connections, kind: str, name: str, report: Callable[[], Report]) -> None:
    host, pid, started_at = socket.gethostname(), os.getpid(), round(SYSTEM_CLOCK.time(), 3)
    used_s, since, backoff = time.process_time(), time.monotonic(), Backoff(_EVERY_S)
    while True:
        before_s, before = used_s, since
        used_s, since = time.process_time(), time.monotonic()
        now = report()
        record = Presence(
            kind=kind,
            name=name,
            host=host,
            pid=pid,
            version=now.version or package_version(),
            groups=now.groups,
            started_at=started_at,
            at=round(SYSTEM_CLOCK.time(), 3),
            cores=round((used_s - before_s) / max(since - before, 0.001), 3),
            memory_bytes=_memory_bytes(),
            problems=now.problems,
            load=now.load,
            apps=now.apps,
            lines=now.lines,
        )
        try:
            await _write(connections, record)
        except RedisError:  # whatever the process does beside this reports it
            await backoff.wait()
            continue
        backoff.reset()
        await asyncio.sleep(_EVERY_S)


async def _write(connections: Connections, record: Presence) -> None:
    member, expires_ms = f"{record.kind}:{record.name}", int(_EXPIRES_S * 1000)
    names = (keys.PRESENT_KEY, keys.presence_key(member))
    await connections.shared_connection.call(
        "EVALSHA", PRESENCE.sha, len(names), *names, member, expires_ms, msgspec.json.encode(record)
    )


async def _leave(connections: Connections, kind: str, name: str) -> None:
    member = f"{kind}:{name}"
    await connections.shared_connection.calls([
        ("EVALSHA", MEMBER.sha, 1, keys.PRESENT_KEY, member, 0),
        ("DEL", keys.presence_key(member)),
    ])  # fmt: skip


def _memory_bytes() -> int:
    """The memory that this process has now; at most so far where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
