"""What this worker is doing for each turn, so that it can be stopped when nobody waits for it any more."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Work:
    """The jobs of all calls, each in a task of its own."""

    def __init__(self) -> None:
        self._jobs: dict[str, dict[asyncio.Task[Any], tuple[int, bool]]] = {}

    async def run(self, job: Coroutine[Any, Any, T], *, call: str, turn: int, stoppable: bool = True) -> T | None:
        """Run a job to its end.

        Args:
            job: what is to be done.
            call: for which call.
            turn: for which of its turns.
            stoppable: False for what has to be done to its end once it has begun.

        Returns:
            What the job returns; None if it was stopped.

        """
        task = asyncio.get_running_loop().create_task(job)
        self._jobs.setdefault(call, {})[task] = turn, stoppable
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            del self._jobs[call][task]
            if not self._jobs[call]:
                del self._jobs[call]
        return None if task.cancelled() else task.result()

    def stop(self, call: str, *, up_to: int | None = None) -> None:
        """Stop the jobs of a call that can be stopped: those of the turns up to this one, or all."""
        for task, (turn, stoppable) in self._jobs.get(call, {}).items():
            if stoppable and (up_to is None or turn <= up_to):
                task.cancel()
