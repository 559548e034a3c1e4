"""Tasks in Label Studio are deleted once their calls are older than the settings say."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pydantic import SecretStr

from orchestra.app_retention import AppRetention
from orchestra.bus.keys import new_call
from orchestra.curation.expiry import TaskSweeps
from orchestra.curation.label_studio import ids_before
from orchestra.curation.labelling_config import LABEL_CONFIG
from orchestra.errors import EngineError
from orchestra.retention.holds import Holds
from orchestra.retention.sweeps import delete_expired
from orchestra.settings import Settings
from orchestra.testing import TestBus
from tests.servers.free_ports import free_ports
from tests.servers.label_studio import TOKEN, LabelStudioServer

NOW = 1_760_000_000.0
DAY_S = 86_400


def call_of(age_days: float) -> str:
    return new_call(7, int((NOW - age_days * DAY_S) * 1000))


@pytest.mark.parametrize("moment_ms", [1, 0x0F, 0x10, 0x100000000000, 0x0199ABCDEF01, 0x019900000000])
def test_the_expression_matches_the_ids_of_exactly_the_calls_before_a_moment(moment_ms: int) -> None:
    expression = re.compile(ids_before(moment_ms))
    for apart in (1, 15, 16, 255, 0x10000, 0x123456789):
        after = new_call(42, moment_ms + apart - 1, b"\xff" * 10)
        assert not expression.search(after)
        if moment_ms >= apart:
            assert expression.search(new_call(42, moment_ms - apart, b"\xff" * 10))
    assert not expression.search("notes")


@pytest_asyncio.fixture
async def studio() -> AsyncIterator[LabelStudioServer]:
    async with LabelStudioServer() as server:
        server.projects = {
            1: {"id": 1, "title": "Orchestra calls", "label_config": LABEL_CONFIG},
            2: {"id": 2, "title": "Orchestra calls (audio)", "label_config": LABEL_CONFIG},
        }
        server.tasks = {1: {}, 2: {}}
        yield server


@pytest.fixture
def settings(settings: Settings, studio: LabelStudioServer) -> Settings:
    own = {"label_studio_url": studio.url, "label_studio_api_key": SecretStr(TOKEN), "exports_days": 30.0}
    return settings.model_copy(update=own)


async def test_expired_tasks_go_with_their_audio_but_not_held_ones_and_those_of_other_apps(
    bus: TestBus, studio: LabelStudioServer
) -> None:
    old, twice, young, held, orphan = (call_of(days) for days in (31, 40, 29, 50, 60))
    for number, call in enumerate((old, twice, twice, young, held, "notes"), 10):
        studio.tasks[1][number] = {"call_id": call, "meta": {"app": "shop"}}
    studio.uploads = {
        number: f"upload/2/1a2b3c4d-{name}.wav" for number, name in enumerate((old, young, held, orphan, "song"))
    }
    await Holds(bus.bus).hold_call(held, "case 12")
    sweeps = TaskSweeps(bus.bus)
    assert (await sweeps.run(NOW, True), len(studio.calls())) == (3, 6)
    assert await sweeps.run(NOW, False) == 3
    assert studio.calls() == [young, held, "notes"]
    assert sorted(studio.uploads) == [1, 2, 4]
    assert await sweeps.run(NOW + 3600, False) == 0
    await Holds(bus.bus).release(calls=[held])
    assert (await sweeps.run(NOW + 3600, False), studio.calls()) == (1, [young, "notes"])

    # an app's own days, by what the task says, and else by the call's record
    ages = {"clinic": 8, "bank": 99, "shop": 8}
    apps = {"clinic": AppRetention(exports_days=7), "bank": AppRetention(exports_days=0)}
    bus.bus.settings = bus.bus.settings.model_copy(update={"app_retention": apps})
    calls = {app: call_of(age) for app, age in ages.items()}
    studio.tasks[1] = {20 + at: {"call_id": call, "meta": {"app": app}} for at, (app, call) in enumerate(calls.items())}
    recorded = call_of(9)
    studio.tasks[1][30] = {"call_id": recorded, "meta": "of a person's own"}
    await bus.bus.redis.hset(bus.bus.key(recorded, "call", recorded), "app", "clinic")
    sweeps = TaskSweeps(bus.bus)
    assert await sweeps.run(NOW, False) == 2
    assert studio.calls() == [calls["bank"], calls["shop"]]
    left = studio.tasks[1] = {40: {"call_id": call_of(77)}}
    assert (await sweeps.run(NOW + 3600, False), await sweeps.run(NOW + DAY_S, False)) == (0, 1)  # once a day
    assert left == {}


async def test_two_workers_that_delete_at_the_same_time_do_not_hinder_each_other(
    bus: TestBus, studio: LabelStudioServer
) -> None:
    calls = [call_of(31 + more) for more in range(20)]
    studio.tasks[1] = {number: {"call_id": call, "meta": {}} for number, call in enumerate(calls)}
    studio.uploads = {number: f"upload/2/1a2b3c4d-{call}.wav" for number, call in enumerate(calls)}
    found = await asyncio.gather(*(TaskSweeps(bus.bus).run(NOW, False) for _ in range(2)))
    assert (max(found), studio.calls(), studio.uploads) == (20, [], {})


async def test_a_label_studio_that_is_away_is_said_and_not_even_asked_without_days(bus: TestBus) -> None:
    bus.bus.settings = bus.bus.settings.model_copy(update={"label_studio_url": f"http://127.0.0.1:{free_ports(1)}"})
    with pytest.raises(EngineError, match="does not answer"):
        await TaskSweeps(bus.bus).run(NOW, False)
    bus.bus.settings = bus.bus.settings.model_copy(update={"exports_days": 0.0})
    tasks = TaskSweeps(bus.bus)
    await delete_expired(bus.bus, "tasks", tasks.keep, tasks.run)  # returns at once
