"""Records what a release writes, by its own code, for the tests of all later ones.

In the tree of the release, with nothing of another one on the path, with this file copied there::

    PYTHONPATH=.:schemas:workers python record.py FOLDER JOURNAL ARCHIVE

Args:
    FOLDER: named after the release, below ``tests/compatibility``; made here.
    JOURNAL: ``journal.jsonl`` of ``orchestra demo --script status --keep DIR``.
    ARCHIVE: the archive of that run.

It keeps both, what the release's own commands print of them (``expected``), and the keys of a server in the second turn
of a call. The files are never rewritten.
"""

import asyncio
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from orchestra.agents.handlers import Orchestration
from orchestra.bus import Bus, EmbeddedServer
from orchestra.demo import app
from orchestra.execution.handlers import Execution
from orchestra.settings import Settings
from orchestra.storage.handlers import Persistence
from orchestra.testing import TestBus
from orchestra_schemas import CallStarted, ReplySpoken, TurnCompleted, UserTurnEnded

SCRIPT = ("Hello where is my parcel?", "The number is three six nine two.", "Thank you and goodbye.")


def printed(folder: Path, *arguments: str) -> str:
    """What a command of the release prints about the archive in this folder."""
    with tempfile.TemporaryDirectory() as data:
        environment = os.environ | {"ORCHESTRA_DATA_DIR": data, "ORCHESTRA_ARCHIVE_URL": str(folder / "archive")}
        command = [sys.executable, "-m", "orchestra.cli", *arguments]
        return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False).stdout


def record_outputs(folder: Path, call: str) -> None:
    """Keep what the release's commands print."""
    expected = folder / "expected"
    expected.mkdir()
    for view in ("calls", "turns", "tools"):
        (expected / f"{view}.json").write_text(printed(folder, "query", f"select * from {view}", "--format", "json"))
    (expected / "list.json").write_text(printed(folder, "calls", "list", "--json"))
    (expected / "show.json").write_text(printed(folder, "calls", "show", call, "--json"))
    with tempfile.TemporaryDirectory() as out:
        printed(folder, "calls", "export", call, "--source", str(folder / "journal.jsonl"), "--to", out)
        for kind in ("txt", "vtt", "json"):
            (expected / f"transcript.{kind}").write_bytes((Path(out) / f"{call}.{kind}").read_bytes())


async def in_mid_call(data: Path) -> dict[str, Any]:
    """The keys of a server whose call is in its second turn."""
    async with EmbeddedServer(data) as server:
        bus = TestBus(await Bus.connect(Settings(redis_url=server.url, data_dir=data)))
        call = bus.call()
        async with bus.run(Orchestration(app).consumer, Execution(app).consumer, Persistence().consumer):
            await bus.publish(CallStarted(call=call, app=app.name, from_number="+15550123", to_number="+15550100"))
            await bus.publish(UserTurnEnded(call=call, turn=1, text=SCRIPT[0], at=time.time()))
            await bus.settled()
            (done,) = await bus.published(TurnCompleted, call)
            await bus.publish(ReplySpoken(call=call, turn=1, text=done.text, agent=done.agent))
            await bus.settled()
        redis = bus.bus.redis
        names = sorted([name async for name in redis.scan_iter(count=1000)])
        keys = [found for name in names if (found := await stored(redis, name)) is not None]
        await bus.bus.close()
    return {"call": call, "script": SCRIPT, "at": time.time(), "keys": keys}


async def stored(redis: Any, name: bytes) -> dict[str, Any] | None:
    """A key with its value; None for what a worker keeps only while it lives."""
    kind, ttl_ms = (await redis.type(name)).decode(), await redis.pttl(name)
    value: Any
    if kind == "string":
        value = text(await redis.get(name))
    elif kind == "hash":
        value = {text(field): text(each) for field, each in (await redis.hgetall(name)).items()}
    elif kind == "zset":
        value = [[text(member), score] for member, score in await redis.zrange(name, 0, -1, withscores=True)]
    elif kind == "stream":
        entries = [
            [stream_id.decode(), {text(field): text(each) for field, each in fields.items()}]
            for stream_id, fields in await redis.xrange(name)
        ]
        groups = [
            [group["name"].decode(), group["last-delivered-id"].decode(), group["entries-read"]]
            for group in await redis.xinfo_groups(name)
        ]
        value = {"entries": entries, "groups": groups}
    else:
        raise TypeError(kind)
    short_lived = 0 < ttl_ms < 60_000  # leases and signs of life
    return None if short_lived else {"key": text(name), "kind": kind, "ttl_ms": ttl_ms, "value": value}


def text(value: bytes) -> str:
    """Bytes for JSON."""
    return base64.b64encode(value).decode()


def main(folder: Path, journal: Path, archive: Path) -> None:
    """Make the folder."""
    folder.mkdir()
    shutil.copy(journal, folder / "journal.jsonl")
    shutil.copytree(archive, folder / "archive")
    call = json.loads(journal.read_text("utf-8").splitlines()[0])["call"]
    record_outputs(folder, call)
    with tempfile.TemporaryDirectory() as data:
        kept = asyncio.run(in_mid_call(Path(data)))
    (folder / "redis_in_mid_call.json").write_text(json.dumps(kept))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
