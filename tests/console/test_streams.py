"""The API of the streams: groups, processes, dead letters and who may decide about them, and the tail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx
import msgspec
import pytest_asyncio
from structlog.testing import capture_logs

from orchestra.bus import Consumer, EmbeddedServer
from orchestra.bus.worker.presence import Report, announced
from orchestra.console.streams.tail import Pace, TailFilter, tail
from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import CallAccessed, CallStarted, UserTurnEnded
from tests.console.consoles import RunningConsole, as_operator, console_app, console_settings, serving_console

HOSTILE = "<script>alert(1)</script>"


@pytest_asyncio.fixture
async def running(bus: TestBus) -> AsyncIterator[RunningConsole]:
    async with console_app(console_settings(bus.bus.settings)) as found:
        yield found


@asynccontextmanager
async def failing_group(bus: TestBus, letters: int = 2) -> AsyncIterator[list[str]]:
    """A group that has given up the first turn of some calls; their dead letters."""
    consumer = Consumer("mood", max_attempts=1)

    @consumer.on(UserTurnEnded)
    async def fail(event: UserTurnEnded) -> None:
        if event.turn == 1:
            raise ValueError(HOSTILE)

    async with bus.run(consumer):
        await bus.publish(*(UserTurnEnded(call=bus.call(), turn=1, text="hello") for _ in range(letters)))
        await bus.settled(allow_dead=True)
        yield [each.name for each in await bus.dead("mood")]


async def get(running: RunningConsole, path: str, role: str = "read") -> httpx.Response:
    return await running.http.get(path, headers=as_operator(role))


async def decide(running: RunningConsole, what: str, body: object, role: str = "admin") -> httpx.Response:
    path = f"/api/streams/groups/mood/dead-letters/{what}"
    return await running.http.post(path, json=body, headers=as_operator(role))


async def test_groups_and_processes_are_there_with_what_they_have_to_do(bus: TestBus, running: RunningConsole) -> None:
    async with failing_group(bus), announced(bus.bus, "edge", "edge-1f", lambda: Report(load={"calls": 2})):
        async with asyncio.timeout(20):
            while len((found := (await get(running, "/api/streams")).json())["processes"]) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    (row,) = found["groups"]
    assert (row["group"], row["partitions"], row["lag"], row["dead"]) == ("mood", list(range(16)), 0, 2)
    assert row["owner"]
    assert found["attempts"] == {"mood": 0}
    console, edge = found["processes"]
    assert (console["kind"], edge["name"], edge["load"]) == ("console", "edge-1f", {"calls": 2})


async def test_a_dead_letter_is_shown_with_its_error_and_traceback(bus: TestBus, running: RunningConsole) -> None:
    async with failing_group(bus, 1) as (name,):
        pass
    (listed,) = (await get(running, "/api/streams/groups/mood")).json()["dead_letters"]
    assert (listed["name"], listed["type"], listed["attempts"]) == (name, "user.turn.ended", 1)
    letter = (await get(running, f"/api/streams/groups/mood/dead-letters/{name}")).json()
    assert HOSTILE in letter["error"]
    assert "Traceback" in letter["traceback"]
    assert msgspec.json.decode(letter["body"])["text"] == "hello"


async def test_an_admin_requeues_and_drops_and_the_audit_knows_it(bus: TestBus, running: RunningConsole) -> None:
    async with failing_group(bus, 3) as names:
        with capture_logs() as logs:
            assert (await decide(running, "drop", {"names": names[:1]})).json() == {"done": 1, "of": 1}
            assert (await decide(running, "drop", {"names": names[:1]})).json() == {"done": 0, "of": 1}
            assert (await decide(running, "requeue", {"every": True})).json() == {"done": 2, "of": 2}
        async with asyncio.timeout(20):
            while len(await bus.dead("mood")) < 2:  # noqa: ASYNC110 - they fail again
                await asyncio.sleep(0.02)
    audits = [log for log in logs if log["event"] == "console.audit"]
    assert [log["operator"] for log in audits] == ["admin"] * 3
    assert {event.action for event in await bus.published(CallAccessed)} == {
        "dropped dead letters of mood",
        "requeued dead letters of mood",
    }


#: decisions about nothing, or about everything and something
WRONG: list[object] = [{}, {"names": []}, {"names": ["07/1-0"], "every": True}, {"names": 7}, {"all": True}, 1]


async def test_only_an_admin_decides_and_only_what_makes_sense(bus: TestBus, running: RunningConsole) -> None:
    async with failing_group(bus, 1):
        pass
    for role in ("read", "operate"):
        assert (await decide(running, "drop", {"every": True}, role)).status_code == 403
    for body in WRONG:
        assert (await decide(running, "drop", body)).status_code == 400, body
    assert len(await bus.dead("mood")) == 1


async def test_what_is_not_there_is_said(running: RunningConsole) -> None:
    for path in ("groups/none", "groups/mood/dead-letters/07/1-0", "groups/mood/dead-letters/xx/.."):
        answer = await get(running, f"/api/streams/{path}")
        assert answer.status_code == 404, path
        assert answer.json()["error"]
    for call in ("nonsense", "99-0199a0b4-c0de-7000-8000-00000000aaaa", "07-../x"):
        assert (await get(running, f"/api/streams/tail?call={call}")).is_client_error, call


async def test_the_tail_has_what_the_filter_lets_through(bus: TestBus) -> None:
    call, other = bus.call(), bus.call()
    wanted = TailFilter(call=call, types=frozenset({"user"}), text="HILL")
    async with aclosing(tail(bus.bus, wanted, lambda: 0.0)) as messages:
        assert (await anext(messages)).startswith(b"event: following")
        await bus.publish(
            CallStarted(call=call),
            UserTurnEnded(call=other, turn=1, text="in Hill Street"),
            UserTurnEnded(call=call, turn=1, text="somewhere"),
            UserTurnEnded(call=call, turn=2, text="in Hill Street"),
        )
        found = msgspec.json.decode((await anext(messages)).removeprefix(b"data: "))
    assert (found["type"], found["call"], found["skipped"]) == ("user.turn.ended", call, 0)
    assert msgspec.json.decode(found["body"])["turn"] == 2


def test_what_comes_too_fast_to_be_read_is_counted() -> None:
    now = 0.0
    pace = Pace(lambda: now, per_s=2)
    assert [pace.lets_through() for _ in range(5)] == [True, True, False, False, False]
    now = 1.0
    assert (pace.lets_through(), pace.skipped) == (True, 3)


async def test_a_tail_closes_its_connection_when_its_reader_goes(bus: TestBus) -> None:
    async with serving_console(console_settings(bus.bus.settings)) as running:
        await get(running, "/api/streams")
        connections = len(await bus.bus.redis.client_list())
        for _ in range(2):
            async with running.http.stream("GET", "/api/streams/tail", headers=as_operator("read")) as answer:
                lines = answer.aiter_lines()
                while "following" not in await anext(lines):
                    pass
        async with asyncio.timeout(20):
            while len(await bus.bus.redis.client_list()) > connections:  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def test_without_redis_the_answer_says_so_and_the_next_one_is_right(settings: Settings) -> None:
    settings = console_settings(Settings(data_dir=settings.data_dir))
    async with console_app(settings) as running:
        refused = await get(running, "/api/streams")
        assert (refused.status_code, refused.json()["redis"]) == (503, False)
        async with EmbeddedServer(settings.data_dir), asyncio.timeout(20):
            while not (await get(running, "/api/streams")).is_success:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
