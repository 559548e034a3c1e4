import asyncio

import pytest

from orchestra.async_tasks import cancel_and_wait


async def test_a_task_that_swallows_a_cancellation_still_ends() -> None:
    swallowed = asyncio.Event()

    async def work() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if swallowed.is_set():
                    raise
                swallowed.set()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await cancel_and_wait(task)
    assert swallowed.is_set()
    assert task.cancelled()


async def test_the_exception_of_a_failed_task_is_not_lost() -> None:
    async def fail() -> None:
        message = "broken"
        raise RuntimeError(message)

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="broken"):
        await cancel_and_wait(task)
