"""The work of this worker by call and turn, so that it can be stopped when its result is no longer needed."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Job:
    """A job and the task that runs it."""

    __slots__ = ("stoppable", "stopped", "task", "turn")

    def __init__(self, task: asyncio.Task[Any], turn: int, *, stoppable: bool) -> None:
        self.task = task
        self.turn = turn
        self.stoppable = stoppable
        self.stopped = False

    def stop(self) -> None:
        """Cancel it, once."""
        if self.stoppable and not self.stopped:
            self.stopped = True
            self.task.cancel()


class JobRegistry:
    """The running jobs of all calls, each in the task of its handler."""

    def __init__(self) -> None:
        self._jobs: dict[str, list[_Job]] = {}

    async def run(self, work: Coroutine[Any, Any, T], *, call: str, turn: int, stoppable: bool = True) -> T | None:
        """Run a job to its end.

        Args:
            work: the job.
            call: the id of the call that it is for.
            turn: the number of the turn.
            stoppable: False if it must run to its end once it has begun.

        Returns:
            The job's result; None if it was stopped.

        """
        task = asyncio.current_task()
        assert task is not None
        job = _Job(task, turn, stoppable=stoppable)
        jobs = self._jobs.setdefault(call, [])
        jobs.append(job)
        try:
            return await work
        except asyncio.CancelledError:
            if job.stopped and task.cancelling() == 1:  # cancelled by `stop` alone
                return None
            raise
        finally:
            jobs.remove(job)
            if not jobs:
                self._jobs.pop(call, None)
            if job.stopped:
                task.uncancel()

    def stop(self, call: str, *, up_to: int | None = None) -> None:
        """Stop the stoppable jobs of a call: up to and including a turn, or all of them."""
        for job in self._jobs.get(call, ()):
            if up_to is None or job.turn <= up_to:
                job.stop()
