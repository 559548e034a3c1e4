"""A roll-out from the last release: its workers and today's side by side, in the middle of a call."""

import asyncio
import json
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from orchestra.bus import Bus, EmbeddedServer
from orchestra.bus.group.dead_letters import dead_letters, resolve
from orchestra.child_process import die_with_parent
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallEnded, CallStarted, ReplySpoken, TurnCompleted, UserTurnEnded, tag_of
from orchestra_schemas.choices import choices_of
from tests.compatibility.every_event import entries, platform_types

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
#: the commit that a release was made of; the next release puts its own here
LAST_RELEASE = "4050976268077ce9c3cc59070a88f7bbe0e07bf8"
GROUPS = ("orchestration", "execution", "persistence", "archive")
_WITHIN_S = 60.0


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheel of the last release installs, built of its commit."""
    source, installed = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    packed = subprocess.run(["git", "archive", LAST_RELEASE], cwd=ROOT, stdout=subprocess.PIPE, check=False)
    if packed.returncode:
        pytest.skip(f"the history has no commit {LAST_RELEASE}: fetch all of it")
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as files:
        files.extractall(source, filter="data")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", source], cwd=source, check=True)
    (wheel,) = source.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        files.extractall(installed)
    return installed


@pytest_asyncio.fixture
async def bus(tmp_path: Path) -> AsyncIterator[TestBus]:
    async with EmbeddedServer(tmp_path) as server:
        settings = Settings(redis_url=server.url, data_dir=tmp_path, archive_flush_s=0.2)
        connected = await Bus.connect(settings)
        yield TestBus(connected)
        await connected.close()


@contextmanager
def worker(bus: TestBus, name: str, path: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A process with all workers: of the release that is installed there, or today's."""
    settings = bus.bus.settings
    given = {
        "ORCHESTRA_REDIS_URL": str(settings.redis_url),
        "ORCHESTRA_DATA_DIR": str(settings.data_dir),
        "ORCHESTRA_ARCHIVE_FLUSH_S": "0.2",
        **({} if path is None else {"PYTHONPATH": str(path)}),
    }
    with (settings.data_dir / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestra.cli", "worker", *GROUPS],
            cwd=settings.data_dir, env=os.environ | given, stdout=log, stderr=log,
            preexec_fn=die_with_parent(),  # noqa: PLW1509 - runs prctl only
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


async def settled(bus: TestBus) -> None:
    """Wait until every group has handled everything."""
    async with asyncio.timeout(_WITHIN_S):
        while True:
            groups = await bus.bus.groups()
            if {each.group for each in groups} == set(GROUPS) and not any(each.lag or each.pending for each in groups):
                return
            await asyncio.sleep(0.1)


async def completed(bus: TestBus, call: str, turn: int) -> TurnCompleted:
    async with asyncio.timeout(_WITHIN_S):
        while True:
            found = [each for each in await bus.published(TurnCompleted, call) if each.turn == turn]
            if found:
                return found[-1]
            await asyncio.sleep(0.05)


async def test_a_call_goes_on_when_workers_of_the_last_release_are_replaced_by_todays(
    bus: TestBus, release: Path
) -> None:
    call = bus.call()

    async def say(turn: int, text: str) -> TurnCompleted:
        await bus.publish(UserTurnEnded(call=call, turn=turn, text=text, at=time.time()))
        done = await completed(bus, call, turn)
        await bus.publish(ReplySpoken(call=call, turn=turn, text=done.text, agent=done.agent))
        return done

    with worker(bus, "old", release) as old:
        await bus.publish(CallStarted(call=call, app="parcels", from_number="+15550123", to_number="+15550100"))
        first = await say(1, "Hello where is my parcel?")
        with worker(bus, "new"):
            async with asyncio.timeout(_WITHIN_S):
                while len(await bus.bus.redis.zrange("orchestra:{shared}:members:orchestration", 0, -1)) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            second = await say(2, "The number is three six nine two.")  # whoever has the partition by now
            old.terminate()
            await asyncio.to_thread(old.wait)
            third = await say(3, "And where is three six nine two now?")
            await bus.publish(CallEnded(call=call, turn=3, reason="caller_hung_up", duration_s=20.0))
            await settled(bus)
    assert first.version != third.version
    assert second.version in (first.version, third.version)
    assert "out for delivery" in second.text
    assert [(each.turn, each.failed) for each in await bus.published(TurnCompleted, call)] == [
        (1, False), (2, False), (3, False),
    ]  # fmt: skip
    assert not [letter for group in GROUPS for letter in await dead_letters(bus.bus, group)]
    record = await bus.bus.redis.hgetall(bus.bus.key(call, "call", call))
    assert (record[b"status"], record[b"turns"], record[b"end_reason"]) == (b"ended", b"3", b"caller_hung_up")


async def test_the_last_release_reads_what_this_version_writes_and_nothing_is_lost(
    bus: TestBus, release: Path, tmp_path: Path
) -> None:
    plain, newest = bus.call(), bus.call()
    written = [fields["body"] for stream, fields in entries(plain, "field") if stream == "events"]
    for call, kind in ((plain, "field"), (newest, "newest")):
        for stream, fields in entries(call, kind):
            await bus.bus.redis.xadd(bus.bus.key(call, stream), fields)  # type: ignore[arg-type]
    with worker(bus, "old", release):
        await settled(bus)
    dead = [letter for group in GROUPS for letter in await dead_letters(bus.bus, group)]
    # a word that is new since may be a dead letter of the release, and nothing else
    known = msgspec.json.decode(run_release(release, "-c", _WORDS), type=dict[str, dict[str, list[str]]])
    with_new_words = {
        tag_of(each)
        for each in platform_types()
        for name, words in choices_of(each).items()
        if words[-1] not in known.get(tag_of(each), {}).get(name, [words[-1]])
    }
    assert {letter.call for letter in dead} <= {newest}, [(each.type, each.error) for each in dead]
    assert {letter.type for letter in dead} <= with_new_words
    # which this version then handles
    with worker(bus, "new"):
        await resolve(bus.bus, dead, "requeue")
        await settled(bus)
    assert not [letter for group in GROUPS for letter in await dead_letters(bus.bus, group)]

    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(b"\n".join(written))
    told = run_release(release, "-m", "orchestra.cli", "replay", "--source", str(journal), "--speed", "max", "--json")
    events = {each["id"]: each for line in told.splitlines() for each in [json.loads(line)["event"]]}
    assert [events[each["id"]] for each in map(json.loads, written)] == [*map(json.loads, written)]


#: the words that a release knows where there is a choice, by event type and field
_WORDS = """
import json, msgspec, orchestra_schemas
from typing import Literal, get_args, get_origin
print(json.dumps({
    tag: {each.name: get_args(each.type) for each in msgspec.structs.fields(kind) if get_origin(each.type) is Literal}
    for tag, kind in orchestra_schemas.event_types().items()
}))
"""


def run_release(release: Path, *arguments: str) -> bytes:
    """What Python prints with the release in front of everything else."""
    environment = os.environ | {"PYTHONPATH": str(release)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=release, env=environment, stdout=subprocess.PIPE, check=True
    ).stdout
