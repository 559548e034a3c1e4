"""A clock that leaves out the time in which nothing happens: minutes of a call pass in seconds.

While the event loop computes, or one of its threads does, the clock runs: work costs the calls what it costs in
reality. Only where everything waits for a timer, the clock jumps to it. Everything of a call must therefore be in one
process: caller, edge and the vendors' servers. The clock counts processor time, which is that of an idle machine
whatever else runs (two threads at once count twice), or the machine's own time, on which others' load is felt.

`install` before any module that may keep a function of ``time`` is imported.
"""

import asyncio
import asyncio.futures
import selectors
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_machine_s, _epoch_s = time.monotonic, time.time() - time.monotonic()


class _Skipped:
    """How far the clock is ahead of the machine's, and how many threads work for the loop."""

    seconds = 0.0
    jobs = 0
    lock = threading.Lock()


def install(*, own_time: bool) -> None:
    """Put the clock in the place of the machine's, and count the jobs in threads; ``own_time``: processor time."""
    spent = time.process_time if own_time else _machine_s
    began = _machine_s() - spent()
    time.monotonic = time.perf_counter = lambda: began + spent() + _Skipped.seconds
    time.time = lambda: _epoch_s + began + spent() + _Skipped.seconds
    submit, wrap_future = ThreadPoolExecutor.submit, asyncio.wrap_future

    def counted(self: ThreadPoolExecutor, *args: Any, **named: Any) -> Future[Any]:
        job = submit(self, *args, **named)
        _count(1)
        job.add_done_callback(lambda _: _count(-1))
        return job

    def awaited(future: Any, **named: Any) -> Any:
        """The loop has a job's result a moment after the thread had it: until then it is still a job."""
        waiting = wrap_future(future, **named)
        if waiting is not future:
            _count(1)
            waiting.add_done_callback(lambda _: _count(-1))
        return waiting

    ThreadPoolExecutor.submit = counted  # type: ignore[method-assign]
    asyncio.wrap_future = asyncio.futures.wrap_future = awaited


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run this on a loop whose waiting costs nothing."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_SkippingSelector())) as runner:
        return runner.run(main)


def _count(jobs: int) -> None:
    with _Skipped.lock:
        _Skipped.jobs += jobs


class _SkippingSelector(selectors.EpollSelector):
    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None or _Skipped.jobs:
            return super().select(timeout)
        _Skipped.seconds += timeout
        return []
