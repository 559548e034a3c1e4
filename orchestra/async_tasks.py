"""Waits for background tasks that end, and for the signal that ends the process."""

import asyncio
import signal

_AGAIN_S = 0.5


async def cancel_and_wait(task: "asyncio.Task[None]") -> None:
    """Cancel a task and wait until it has ended; raises its exception if it failed.

    A cancellation can get lost: up to Python 3.11, ``asyncio.wait_for`` returns instead of raising if its awaitable
    is done at that moment (python/cpython#86296), and libraries use it. So the task is cancelled until it ends.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_AGAIN_S)
    if not task.cancelled():
        task.result()


def end_signal() -> asyncio.Event:
    """An event that the first SIGTERM or SIGINT sets, from now on. A second one ends the process at once.

    A server asks for it before it serves: whoever sees that it does may end it.
    """
    loop = asyncio.get_running_loop()
    signalled = asyncio.Event()

    def first() -> None:
        signalled.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, first)
    return signalled
