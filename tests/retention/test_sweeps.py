"""A sweep says what it will delete before it deletes anything, and one that fails is tried again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from orchestra.async_tasks import cancel_and_wait
from orchestra.errors import EngineError
from orchestra.retention import sweeps
from orchestra.retention.sweeps import run_sweeps


async def now() -> float:
    return 5.0


@asynccontextmanager
async def sweeping(found: list[int | Exception], asked: list[bool]) -> AsyncIterator[None]:
    done = asyncio.Event()

    async def sweep(at: float, dry_run: bool) -> int:
        assert at == 5.0
        asked.append(dry_run)
        if not found:
            done.set()
            await asyncio.Event().wait()
        each = found.pop(0)
        if isinstance(each, Exception):
            raise each
        return each

    task = asyncio.create_task(run_sweeps("things", sweep, now, announced_s=0))
    async with asyncio.timeout(10):
        await done.wait()
    await cancel_and_wait(task)
    yield


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "EVERY_S", 0)


async def test_what_is_over_at_the_start_is_announced_before_it_is_deleted() -> None:
    asked: list[bool] = []
    with capture_logs() as logs:
        async with sweeping([7, 7, 0, 2], asked):
            pass
    assert asked == [True, False, False, False, False]
    assert [(each["event"], each["calls"]) for each in logs] == [
        ("retention.announced", 7), ("retention.deleted", 7), ("retention.deleted", 2)
    ]  # fmt: skip


async def test_a_sweep_that_fails_is_logged_and_tried_again_and_nothing_is_deleted_unannounced() -> None:
    asked: list[bool] = []
    with capture_logs() as logs:
        async with sweeping([OSError("away"), ValueError("fault"), 3, 3], asked):
            pass
    assert asked == [True, True, True, False, False]
    assert [each["event"] for each in logs] == [
        "retention.waits", "retention.failed", "retention.announced", "retention.deleted"
    ]  # fmt: skip


async def test_what_is_away_for_long_is_logged_once_and_again_when_it_was_there_in_between() -> None:
    with capture_logs() as logs:
        async with sweeping([EngineError("away"), EngineError("away"), OSError("full"), 0, EngineError("away")], []):
            pass
    assert [each["error"] for each in logs if each["event"] == "retention.waits"] == ["away", "full", "away"]
