"""The logging worker against a server that behaves, and misbehaves, as OpenObserve does."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from orchestra.bus.group.dead_letters import resolve
from orchestra.errors import AppError, SettingError
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import AudioChunk, CallEnded, CallStarted, Event, ToolCompleted, TurnMeasured, UserTurnEnded
from orchestra_workers.logging import consumer
from tests.servers.openobserve import PASSWORD, USER, OpenObserveServer, Trouble


@pytest_asyncio.fixture
async def openobserve() -> AsyncIterator[OpenObserveServer]:
    async with OpenObserveServer() as server:
        yield server


@pytest.fixture
def settings(redis_url: str, tmp_path: Path, openobserve: OpenObserveServer) -> Settings:
    return Settings(
        redis_url=redis_url, data_dir=tmp_path, openobserve_url=openobserve.url, openobserve_user=USER,
        openobserve_password=PASSWORD,  # type: ignore[arg-type]
    )  # fmt: skip


def conversation(call: str, turns: int = 5) -> list[Event]:
    events: list[Event] = [CallStarted(call=call, from_number="+15550001111")]
    for turn in range(1, turns + 1):
        events += [
            AudioChunk(call=call, turn=turn, speaker="caller", offset_ms=200 * turn, audio=b"\x01\x02" * 1600),
            UserTurnEnded(call=call, turn=turn, text=f"this is what I say in turn {turn}"),
            ToolCompleted(call=call, turn=turn, request="r", name="find_parcel", duration_ms=12.5),
            TurnMeasured(call=call, turn=turn, total_ms=800 + turn),
        ]
    return [*events, CallEnded(call=call, reason="caller_hung_up", duration_s=9.5, audio_ms=9500)]


async def until(condition: Callable[[], object], timeout_s: float = 30) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - a server and a worker have to get there
            await asyncio.sleep(0.01)


async def test_every_event_of_journal_and_media_is_stored_once(bus: TestBus, openobserve: OpenObserveServer) -> None:
    stored = await bus.publish(*(event for _ in range(20) for event in conversation(bus.call())))
    async with bus.run(consumer):
        await bus.settled()
    assert sorted(openobserve.ids()) == sorted(event.id for event in stored)
    assert {stream: len(rows) for stream, rows in openobserve.rows.items()} == {
        "orchestra_calls": 40, "orchestra_media": 100, "orchestra_caller": 100, "orchestra_execution": 100,
        "orchestra_edge": 100,
    }  # fmt: skip
    assert openobserve.requests < len(stored) / 4


async def test_a_row_says_what_was_measured_and_holds_the_whole_event(
    bus: TestBus, openobserve: OpenObserveServer
) -> None:
    (event,) = await bus.publish(TurnMeasured(call=bus.call(), turn=3, total_ms=812.5))
    async with bus.run(consumer):
        await bus.settled()
    (row,) = openobserve.rows["orchestra_edge"]
    assert (row["event_id"], row["total_ms"], row["turn"]) == (event.id, 812.5, 3)
    assert row["_timestamp"] == pytest.approx(event.at * 1e6, abs=1)
    assert json.loads(row["body"])["total_ms"] == 812.5


async def test_nothing_of_the_caller_leaves_unredacted(bus: TestBus, openobserve: OpenObserveServer) -> None:
    call = bus.call()
    await bus.publish(
        CallStarted(call=call, from_number="+15550001111"),
        UserTurnEnded(call=call, text="my card is 4111 1111 1111 1111 and my mail ann@example.com"),
    )
    async with bus.run(consumer):
        await bus.settled()
    everything = json.dumps(openobserve.rows)
    for secret in ("5550001111", "4111", "ann@"):
        assert secret not in everything
    assert "my card is [card] and my mail [email]" in everything


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble("status", status=503, times=3),
        Trouble("status", status=500, times=2),
        Trouble("status", status=429, times=2),
        Trouble("quota", times=2),
        Trouble("uncounted", times=2),
        Trouble("page", times=2),
        Trouble("cut_before", times=2),
        Trouble("slow", slow_s=0.5, times=2),
    ],
    ids=lambda trouble: f"{trouble.kind}-{trouble.status}",
)
async def test_whatever_the_server_does_every_event_is_stored_once_in_the_end(
    bus: TestBus, openobserve: OpenObserveServer, trouble: Trouble
) -> None:
    openobserve.troubles = [trouble]
    stored = await bus.publish(*conversation(bus.call(), 20))
    async with bus.run(consumer):
        await bus.settled()
    assert sorted(openobserve.ids()) == sorted(event.id for event in stored)
    assert trouble.times == 0


async def test_an_answer_that_is_cut_off_repeats_rows_under_the_same_ids(
    bus: TestBus, openobserve: OpenObserveServer
) -> None:
    openobserve.troubles = [Trouble("cut_after", times=2)]
    stored = await bus.publish(*conversation(bus.call(), 20))
    async with bus.run(consumer):
        await bus.settled()
    assert set(openobserve.ids()) == {event.id for event in stored}
    assert len(openobserve.ids()) > len(stored)


async def test_a_record_that_is_refused_goes_to_the_dead_letters_with_the_servers_words(
    bus: TestBus, openobserve: OpenObserveServer
) -> None:
    openobserve.poison = "turn 13"
    stored = await bus.publish(*conversation(bus.call(), 20))
    async with bus.run(consumer):
        await bus.settled(allow_dead=True)
        (letter,) = await bus.dead()
    assert "OpenObserve: Error while casting turn 13" in letter.error
    assert letter.type == "user.turn.ended"
    assert set(openobserve.ids()) == {event.id for event in stored} - {letter.id}


async def test_a_request_beyond_the_servers_payload_limit_is_split(
    bus: TestBus, openobserve: OpenObserveServer
) -> None:
    openobserve.payload_limit = 20_000
    stored = await bus.publish(*conversation(bus.call(), 60))
    async with bus.run(consumer):
        await bus.settled()
    assert sorted(openobserve.ids()) == sorted(event.id for event in stored)


async def test_an_event_older_than_the_window_is_sent_with_the_current_time(
    bus: TestBus, openobserve: OpenObserveServer
) -> None:
    old = time.time() - 6 * 3600
    await bus.publish(TurnMeasured(call=bus.call(), at=old, total_ms=1), TurnMeasured(call=bus.call(), total_ms=2))
    with structlog.testing.capture_logs() as logs:
        async with bus.run(consumer):
            await bus.settled()
    late, present = sorted(openobserve.rows["orchestra_edge"], key=lambda row: row["total_ms"])
    assert late["event_at"] == pytest.approx(old)
    assert late["_timestamp"] / 1e6 == pytest.approx(time.time(), abs=60)
    assert present["_timestamp"] / 1e6 == pytest.approx(present["event_at"], abs=1e-5)
    assert [entry["late"] for entry in logs if entry["event"] == "logging.stopped"] == [1]


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_refused_credentials_stop_shipping_are_logged_and_drop_nothing(
    bus: TestBus, openobserve: OpenObserveServer, status: int
) -> None:
    openobserve.troubles = [Trouble("status", status=status)]
    stored = await bus.publish(*conversation(bus.call()))
    with structlog.testing.capture_logs() as logs:
        async with bus.run(consumer):
            await until(lambda: any(entry["event"] == "shipping.stopped" for entry in logs))
            groups = await bus.bus.groups()
    assert sum(group.pending + (group.lag or 0) for group in groups) == len(stored)
    assert sum(group.dead for group in groups) == 0
    (said,) = [entry for entry in logs if entry["event"] == "shipping.stopped"]
    assert "ORCHESTRA_OPENOBSERVE_URL" in said["cure"]
    assert str(status) in said["answer"]
    openobserve.troubles = []
    async with bus.run(consumer):
        await bus.settled()
    assert sorted(openobserve.ids()) == sorted(event.id for event in stored)


async def test_a_server_that_goes_and_comes_back_misses_nothing(bus: TestBus, openobserve: OpenObserveServer) -> None:
    openobserve.fixed_port = openobserve.port
    first = await bus.publish(*conversation(bus.call()))
    async with bus.run(consumer):
        await bus.settled()
        await openobserve.__aexit__(None, None, None)
        more = [event for _ in range(30) for event in conversation(bus.call())]
        with structlog.testing.capture_logs() as logs:
            second = await bus.publish(*more)
            await until(lambda: any(entry["event"] == "shipping.waits" for entry in logs))
        await openobserve.__aenter__()
        await bus.settled()
    assert sorted(openobserve.ids()) == sorted(event.id for event in first + second)


async def test_requeued_dead_letters_are_shipped(bus: TestBus, openobserve: OpenObserveServer) -> None:
    openobserve.poison = "turn 2"
    stored = await bus.publish(*conversation(bus.call()))
    async with bus.run(consumer):
        await bus.settled(allow_dead=True)
        (letter,) = await bus.dead()
        openobserve.poison = ""
        await resolve(bus.bus, [letter], "requeue")
        await until(lambda: letter.id in openobserve.ids())
        await bus.settled()
    assert set(openobserve.ids()) == {event.id for event in stored}


async def test_an_event_of_an_unknown_type_is_shipped(bus: TestBus, openobserve: OpenObserveServer) -> None:
    call = bus.call(4)
    await bus.bus.redis.xadd(
        bus.bus.key(4, "events"), {"type": "mood.scored", "call": call, "id": "m1", "body": '{"mood":"good","call":5}'}
    )
    async with bus.run(consumer):
        await bus.settled()
    (row,) = openobserve.rows["orchestra_events"]
    assert (row["event_id"], row["call"], row["body"]) == ("m1", call, '{"mood":"good","call":5}')


async def test_an_event_with_thousands_of_fields_does_not_fail_its_batch(
    bus: TestBus, openobserve: OpenObserveServer
) -> None:
    call = bus.call(4)
    for number in range(30):
        body = json.dumps({f"field_{number}_{place}": place for place in range(50)})  # 1,500 names in all
        entry = {"type": "mood.scored", "call": call, "id": f"m{number}", "body": body}
        await bus.bus.redis.xadd(bus.bus.key(4, "events"), entry)
    async with bus.run(consumer):
        await bus.settled()
    assert sorted(openobserve.ids()) == sorted(f"m{number}" for number in range(30))
    assert len(openobserve.schemas["orchestra_events"]) < 60


async def test_rows_that_the_server_counts_and_then_loses_are_not_noticed(
    bus: TestBus, openobserve: OpenObserveServer
) -> None:
    """The limit of what is promised: delivery is at least once up to OpenObserve's count, and no further."""
    openobserve.troubles = [Trouble("counted_then_lost", times=1)]
    await bus.publish(UserTurnEnded(call=bus.call(), turn=1, text="hello"))
    async with bus.run(consumer):
        await bus.settled()
        groups = await bus.bus.groups()
    assert openobserve.ids() == []
    assert not any(group.pending or group.lag or group.dead for group in groups)


async def test_without_credentials_the_worker_says_what_to_set(bus: TestBus, settings: Settings) -> None:
    bus.bus.settings = settings.model_copy(update={"openobserve_user": ""})
    with pytest.raises(SettingError, match="ORCHESTRA_OPENOBSERVE_USER"):
        async with bus.run(consumer):
            pass


async def test_an_app_that_cannot_be_loaded_lets_nothing_leave(bus: TestBus, settings: Settings) -> None:
    bus.bus.settings = settings.model_copy(update={"app": "no_such_module:app"})
    with pytest.raises(AppError, match="no_such_module"):
        async with bus.run(consumer):
            pass
