import asyncio

import pytest

from orchestra.execution.jobs import JobRegistry


async def wait(begun: asyncio.Event) -> str:
    begun.set()
    await asyncio.sleep(30)
    return "done"


async def test_a_stopped_job_gives_nothing_and_its_handler_goes_on() -> None:
    jobs, begun = JobRegistry(), asyncio.Event()

    async def handle() -> tuple[str | None, int]:
        result = await jobs.run(wait(begun), call="07-x", turn=1)
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        return result, task.cancelling()

    handling = asyncio.create_task(handle())
    await begun.wait()
    jobs.stop("07-x", up_to=1)
    jobs.stop("07-x")
    assert await handling == (None, 0)


async def test_a_job_of_a_later_turn_or_one_that_must_end_is_not_stopped() -> None:
    jobs = JobRegistry()
    tasks = [
        asyncio.create_task(jobs.run(asyncio.sleep(0.01, "later"), call="07-x", turn=2)),
        asyncio.create_task(jobs.run(asyncio.sleep(0.01, "firm"), call="07-x", turn=1, stoppable=False)),
    ]
    await asyncio.sleep(0)
    jobs.stop("07-x", up_to=1)
    assert await asyncio.gather(*tasks) == ["later", "firm"]


async def test_a_handler_that_is_cancelled_itself_is_cancelled_also_when_its_job_was_stopped() -> None:
    jobs, begun = JobRegistry(), asyncio.Event()
    handling = asyncio.create_task(jobs.run(wait(begun), call="07-x", turn=1))
    await begun.wait()
    jobs.stop("07-x")
    handling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handling


async def test_a_time_out_around_a_job_stays_one() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await JobRegistry().run(wait(asyncio.Event()), call="07-x", turn=1)
