"""This version reads the data of every earlier release: journals, an archive, and Redis in the middle of a call.

Each release has written the files below its name (`record`; 0.1.0 at the last commit before its modules moved): a call
of the demo (`orchestra demo --script status`), and the keys of a server in the second turn of a call. ``expected`` is
the output of its own commands for them. They are never rewritten.
"""

import base64
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from typer.testing import CliRunner

from orchestra.agents.handlers import Orchestration
from orchestra.cli import app
from orchestra.demo import app as parcels
from orchestra.execution.handlers import Execution
from orchestra.storage.handlers import Persistence
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, ReplyChunk, ReplySpoken, TurnCompleted, UserTurnEnded, decode

pytestmark = pytest.mark.integration

RELEASES = sorted(folder.name for folder in Path(__file__).parent.glob("[0-9]*"))


@dataclass(frozen=True)
class Written:
    """What a release has written."""

    folder: Path

    @property
    def archive(self) -> str:
        return str(self.folder / "archive")

    @property
    def journal(self) -> str:
        return str(self.folder / "journal.jsonl")

    @property
    def lines(self) -> list[str]:
        return Path(self.journal).read_text(encoding="utf-8").splitlines()

    @property
    def call(self) -> str:
        return str(json.loads(self.lines[0])["call"])

    def expected(self, name: str) -> str:
        return (self.folder / "expected" / name).read_text(encoding="utf-8")


@pytest.fixture(params=RELEASES)
def written(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    """What a release has written, whose archive is that of the settings; the data directory is new."""
    found = Written(Path(__file__).parent / request.param)
    monkeypatch.setenv("ORCHESTRA_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ORCHESTRA_ARCHIVE_URL", found.archive)
    monkeypatch.delenv("ORCHESTRA_REDIS_URL", raising=False)
    return found


def printed(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, [*arguments])
    assert result.exit_code == code, result.output
    return result.stdout


def missing(then: Any, now: Any, where: str = "") -> list[str]:
    """The parts of ``then`` that ``now`` lacks or has otherwise; more fields are allowed."""
    if isinstance(then, dict) and isinstance(now, dict):
        return [each for key, value in then.items() for each in missing(value, now.get(key), f"{where}.{key}")]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        return [each for n, (a, b) in enumerate(zip(then, now, strict=True)) for each in missing(a, b, f"{where}[{n}]")]
    return [] if then == now else [f"{where}: {then!r} is now {now!r}"]


@pytest.mark.parametrize("view", ["calls", "turns", "tools"])
def test_the_views_have_the_same_rows(written: Written, view: str) -> None:
    rows = sorted(map(json.loads, printed("query", f"select * from {view}", "--format", "json").splitlines()), key=str)
    assert missing(sorted(map(json.loads, written.expected(f"{view}.json").splitlines()), key=str), rows) == []


def test_calls_are_listed_and_shown_as_the_release_did(written: Written) -> None:
    assert missing(json.loads(written.expected("list.json")), json.loads(printed("calls", "list", "--json"))) == []
    shown = json.loads(printed("calls", "show", written.call, "--json"))
    assert missing(json.loads(written.expected("show.json")), shown) == []


@pytest.mark.parametrize("source", ["archive", "journal"])
def test_a_call_is_exported_as_the_release_did(written: Written, tmp_path: Path, source: str) -> None:
    # exit code 1, because the test data has no audio
    out = tmp_path / "out"
    printed("calls", "export", written.call, "--source", getattr(written, source), "--to", str(out), code=1)
    for kind in ("txt", "vtt", "json"):
        text = (out / f"{written.call}.{kind}").read_text(encoding="utf-8")
        if kind == "json":
            assert missing(json.loads(written.expected("transcript.json")), json.loads(text)) == []
        else:
            assert text == written.expected(f"transcript.{kind}")


@pytest.mark.parametrize("source", ["archive", "journal"])
def test_every_event_is_decoded_and_replayed(written: Written, source: str) -> None:
    told = printed("replay", "--source", getattr(written, source), "--speed", "max", "--json").splitlines()
    wanted = [json.loads(line) for line in written.lines]
    for event, line in zip(wanted, written.lines, strict=True):
        fields = {b"type": event["type"].encode(), b"body": line.encode()}
        assert decode(fields) is not None
    # the recording was saved after the demo had written its journal
    assert {event["id"] for event in wanted} <= {json.loads(line)["event"]["id"] for line in told}


async def restored(redis: Redis, keys: list[dict[str, Any]]) -> None:
    """Restore the keys, including the positions of groups and times to live."""
    for key in keys:
        name, value = base64.b64decode(key["key"]), key["value"]
        if key["kind"] == "string":
            await redis.execute_command("SET", name, base64.b64decode(value))
        elif key["kind"] == "hash":
            await redis.execute_command(
                "HSET", name, *(base64.b64decode(part) for pair in value.items() for part in pair)
            )
        elif key["kind"] == "zset":
            await redis.execute_command(
                "ZADD", name, *(part for m, score in value for part in (str(score), base64.b64decode(m)))
            )
        else:
            assert key["kind"] == "stream"
            for stream_id, fields in value["entries"]:
                parts = [base64.b64decode(part) for pair in fields.items() for part in pair]
                await redis.execute_command("XADD", name, stream_id, *parts)
            for group, position, read in value["groups"]:
                more = () if read is None else ("ENTRIESREAD", str(read))
                await redis.execute_command("XGROUP", "CREATE", name, group, position, "MKSTREAM", *more)
        if key["ttl_ms"] > 0:
            await redis.execute_command("PEXPIRE", name, str(key["ttl_ms"]))


@pytest.mark.parametrize("release", RELEASES)
async def test_this_version_finishes_a_call_that_the_release_began(bus: TestBus, release: str) -> None:
    kept = json.loads((Path(__file__).parent / release / "redis_in_mid_call.json").read_text(encoding="utf-8"))
    call = kept["call"]
    await bus.bus.redis.flushall()
    await restored(bus.bus.redis, kept["keys"])
    async with bus.run(Orchestration(parcels).consumer, Execution(parcels).consumer, Persistence().consumer):
        await bus.publish(UserTurnEnded(call=call, turn=2, text=kept["script"][1], at=time.time()))
        await bus.settled()
        (done,) = [event for event in await bus.published(TurnCompleted, call) if event.turn == 2]
        await bus.publish(ReplySpoken(call=call, turn=2, text=done.text, agent=done.agent))
        await bus.publish(CallEnded(call=call, turn=2, reason="caller_hung_up", duration_s=20.0))
        await bus.settled()
    said = " ".join(chunk.text for chunk in await bus.published(ReplyChunk, call) if chunk.turn == 2)
    assert "out for delivery" in said  # of the parcel that the caller asked for in the first turn
    record = await bus.bus.redis.hgetall(bus.bus.key(call, "call", call))
    assert {field: record[field] for field in (b"status", b"turns", b"from_number", b"end_reason")} == {
        b"status": b"ended", b"turns": b"2", b"from_number": b"+15550123", b"end_reason": b"caller_hung_up",
    }  # fmt: skip
