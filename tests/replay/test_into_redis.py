import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from orchestra.bus import Bus, EmbeddedServer, Entry, keys, partition_of
from orchestra.bus.consumer.definition import PLATFORM
from orchestra.bus.keys import started_ms, trace_id
from orchestra.cli.replay.run import ReplayRun
from orchestra.cli.replay.run_target import replay_into
from orchestra.errors import ServerError, UsageError
from orchestra.replay.checkpoint import Checkpoint
from orchestra.replay.rewrite import Rewrite
from orchestra.replay.selection import Selection, entries
from orchestra.replay.sources.redis_journal import read_through_outages
from orchestra.replay.targets.redis import redis_target
from orchestra.replay.targets.stream_writer import StreamWriter
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import AudioChunk, Event, PromptCompleted
from tests.replay.scratch_consumers import mood_consumer, turns_of

BOTH = ("events", "media")


@pytest_asyncio.fixture
async def target(tmp_path: Path) -> AsyncIterator[Bus]:
    async with EmbeddedServer(tmp_path / "target") as server:
        bus = await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path / "target"))
        yield bus
        await bus.close()


def run(settings: Settings, **chosen: object) -> ReplayRun:
    return ReplayRun(
        settings=settings,
        selection=Selection(streams=BOTH, **chosen),  # type: ignore[arg-type]
        source="journal",
        speed=None,
        token="",
        checkpoint=Checkpoint(settings.data_dir, {"test": 1}),
    )


async def stored(bus: Bus) -> list[Entry]:
    settings = bus.settings.model_copy(update={"redis_url": bus.url})
    return [entry async for entry in entries(settings, Selection(streams=BOTH), "journal")]


def content(found: list[Entry]) -> list[tuple[str, bytes, bytes | None]]:
    return [
        (entry.call, entry.body, entry.audio)
        for entry in sorted(found, key=lambda entry: (entry.partition, entry.stream))
    ]


async def recorded(bus: TestBus, calls: int = 3) -> list[str]:
    made = [bus.call() for _ in range(calls)]
    async with bus.run(mood_consumer()):
        for call in made:
            await bus.publish(*turns_of(call), AudioChunk(call=call, speaker="agent", offset_ms=0, audio=b"\0\1" * 800))
            await bus.publish(
                PromptCompleted(call=call, request=f"{call}:edge.1.orchestration.2", text=f"about {call}")
            )
        await bus.settled()
    return made


async def test_calls_are_copied_unchanged_and_never_twice(bus: TestBus, settings: Settings, target: Bus) -> None:
    await recorded(bus)
    there = await stored(bus.bus)
    for _ in range(2):
        assert await replay_into(run(settings), target.url) == 0
        assert content(await stored(target)) == content(there)


async def test_a_stopped_replay_continues_after_what_it_has_written(
    bus: TestBus, settings: Settings, target: Bus
) -> None:
    await recorded(bus)
    there = await stored(bus.bus)
    first = run(settings)
    stop, seen = asyncio.Event(), 0

    def count(_: Entry) -> None:
        nonlocal seen
        seen += 1
        if seen == 7:
            stop.set()

    async with redis_target(target, Rewrite(target.partitions)) as half:
        done = await first.replay(stop, count).into(half)
    assert (done.stopped, half.written, len(await stored(target))) == (True, 7, 7)
    assert await replay_into(replace(first, token=done.token), target.url) == 0
    assert content(await stored(target)) == content(there)


async def test_renamed_calls_have_new_ids_everywhere(bus: TestBus, settings: Settings, target: Bus) -> None:
    calls = await recorded(bus, calls=2)
    for word in ("one", "two", "one"):
        assert await replay_into(run(settings), target.url, rename=word) == 0
    found = await stored(target)
    names = {entry.call for entry in found}
    assert len(names) == 4
    assert not names & set(calls)
    assert {(partition_of(name), started_ms(name)) for name in names} == {
        (partition_of(call), started_ms(call)) for call in calls
    }
    for entry in found:
        event = entry.event()
        assert event is not None
        assert event.id.startswith(f"{entry.call}:")
        assert event.id == entry.id
        assert not event.cause or event.cause.startswith(f"{entry.call}:")
        assert event.trace.split("-")[1] == trace_id(entry.call)
        assert partition_of(entry.call) == entry.partition
        if isinstance(event, PromptCompleted):
            assert event.request == f"{entry.call}:edge.1.orchestration.2"
            assert any(event.text == f"about {call}" for call in calls)  # what was said is not changed
    assert len(await target.journal(min(names))) == 10


async def test_calls_can_be_copied_within_one_server_under_new_ids(bus: TestBus, settings: Settings) -> None:
    await recorded(bus, calls=2)
    before = len(await stored(bus.bus))
    assert await replay_into(run(settings), bus.bus.url, rename="again") == 0
    assert len(await stored(bus.bus)) == 2 * before


async def test_events_of_a_later_version_keep_their_type_and_fields(
    bus: TestBus, settings: Settings, target: Bus
) -> None:
    call = bus.call(4)
    (started,) = await bus.publish(turns_of(call)[0])
    later = b'{"type":"sky.painted","call":"%s","id":"%s:x.1","cause":"%s","hue":{"of":["%s"]}}'
    names = [text.encode() for text in (call, call, started.id, call)]
    body = later % tuple(names)
    fields = {"type": "sky.painted", "call": call, "id": f"{call}:x.1", "body": body}
    await bus.bus.redis.xadd(bus.bus.key(4, "events"), fields)
    await replay_into(run(settings), target.url, rename="other")
    entry = (await stored(target))[1]
    assert entry.type == "sky.painted"
    assert entry.body == body.replace(call.encode(), entry.call.encode())


async def test_a_copy_can_get_the_current_time(bus: TestBus, settings: Settings, target: Bus) -> None:
    call = bus.call(4)
    old: list[Event] = [
        msgspec.structs.replace(event, at=1000.0 + number) for number, event in enumerate(turns_of(call))
    ]
    await bus.publish(*old)
    await replay_into(run(settings), target.url, clock="now")
    at = [event.at for event in await target.journal(call)]
    assert [round(moment - at[0], 3) for moment in at] == [0.0, 1.0, 2.0, 3.0, 4.0]


async def test_two_replays_at_once_into_one_server_are_refused(target: Bus) -> None:
    async with redis_target(target, Rewrite(target.partitions)):
        with pytest.raises(ServerError, match="another replay writes to"):
            async with redis_target(target, Rewrite(target.partitions)):
                pass
    async with redis_target(target, Rewrite(target.partitions)):
        pass


@pytest.mark.parametrize("rename", ["", "again"])
@pytest.mark.parametrize("group", sorted(PLATFORM))
async def test_a_replay_into_a_server_with_workers_of_the_platform_is_refused(
    bus: TestBus, settings: Settings, target: Bus, group: str, rename: str
) -> None:
    await recorded(bus, 1)
    await target.shared_connection.call("XGROUP", "CREATE", "orchestra:{p03}:events", group, "0", "MKSTREAM")
    await target.shared_connection.call("SET", keys.key(3, "lease", group), "worker-1:1")
    assert {each.owner for each in await target.groups() if each.group == group} == {"worker-1"}
    with pytest.raises(ServerError, match=f"{group} run on .* and would answer the recorded calls once more"):
        await replay_into(run(settings), target.url, rename=rename)
    assert await stored(target) == []


async def test_custom_consumers_may_run_where_calls_are_replayed(bus: TestBus, settings: Settings) -> None:
    call = bus.call(4)
    await bus.publish(*turns_of(call))
    async with bus.run(mood_consumer()):
        await bus.settled()
        assert await replay_into(run(settings), settings.redis_url or "", rename="again") == 0
        await bus.settled()


async def test_a_server_that_is_not_there_is_named(settings: Settings) -> None:
    with pytest.raises(ServerError, match=r"127\.0\.0\.1:1 cannot be used"):
        await replay_into(run(settings), "redis://127.0.0.1:1")


async def test_a_server_with_fewer_partitions_only_takes_renamed_calls(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    call = bus.call(12)
    await bus.publish(*turns_of(call))
    async with EmbeddedServer(tmp_path / "small") as server:
        small = await Bus.connect(settings.model_copy(update={"partitions": 5, "redis_url": server.url}))
        with pytest.raises(UsageError, match="is on partition 12, and the target has 5"):
            await replay_into(run(settings), server.url)
        assert await replay_into(run(settings), server.url, rename="fits") == 0
        assert {entry.call[:3] for entry in await stored(small)} == {"02-"}
        await small.close()


@pytest.mark.faults
@pytest.mark.parametrize("victim", ["recorded", "target"])
async def test_a_server_that_dies_during_a_replay_is_waited_for_and_nothing_is_lost_or_doubled(
    tmp_path: Path, victim: str
) -> None:
    servers = {name: EmbeddedServer(tmp_path / name) for name in ("recorded", "target")}
    buses: dict[str, Bus] = {}
    for name, server in servers.items():
        await server.start()
        buses[name] = await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path / name))
    events = [event for number in range(60) for event in turns_of(buses["recorded"].new_call([number % 16]), turns=25)]
    publisher = buses["recorded"].publisher("edge")
    for event in events:
        publisher.publish(event)
    await publisher.flush(20)
    first, count = run(buses["recorded"].settings), 0
    going, again = asyncio.Event(), asyncio.Event()

    def half(_: Entry) -> None:
        nonlocal count
        count += 1
        if count == 300:
            going.set()

    async def copied() -> int:
        async with redis_target(buses["target"], Rewrite(16), prompt=True) as copy:
            done = await first.replay(again, half, keep=False).into(copy)
            return done.entries

    work = asyncio.create_task(copied())
    await asyncio.wait_for(going.wait(), 30)
    await servers[victim].kill()
    await servers[victim].start()
    assert await asyncio.wait_for(work, 60) == len(events)
    assert content(await stored(buses["target"])) == content(await stored(buses["recorded"]))
    for name, server in servers.items():
        await buses[name].close()
        await server.stop()


async def test_a_server_that_stays_away_ends_a_replay_with_an_explanation(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    await server.start()
    bus = await Bus.connect(Settings(redis_url=server.url, data_dir=tmp_path))
    await server.kill()
    with pytest.raises(ServerError, match="is away"):
        [entry async for entry in read_through_outages(bus, 0, "events", patience_s=0.2)]
    entry = Entry("1-0", 0, "events", "call.started", "00-x", "00-x:e.1", b"{}")
    with pytest.raises(ServerError, match="replay again when it is back, nothing is written twice"):
        await StreamWriter(bus, patience_s=0.2).write([entry])
    await bus.close()
