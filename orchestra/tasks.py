"""Ending background tasks for certain."""

import asyncio

_AGAIN_S = 0.5


async def cancel_and_wait(task: "asyncio.Task[None]") -> None:
    """Cancel a task and wait until it has ended; what it failed with is raised.

    One cancellation may be lost: up to Python 3.11 ``asyncio.wait_for`` returns instead of raising when what it waits
    for is done in that very moment (python/cpython#86296), and other people's libraries use it. So it is repeated.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_AGAIN_S)
    if not task.cancelled():
        task.result()
