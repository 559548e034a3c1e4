"""One database of calls for all questions of a process that stays, such as the console."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from orchestra.analysis.query import CallDatabase
from orchestra.settings import Settings

_Answer = TypeVar("_Answer")


class SharedCallDatabase:
    """A database that is opened when it is asked, and again when it is older than ``fresh_s``.

    Questions are answered one after the other: each may use every core. ``warnings`` has a sentence for each file that
    is damaged, and for a server that is away, as of the last opening.
    """

    def __init__(
        self, settings: Settings, *, fresh_s: float = 5.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.warnings: list[str] = []
        self._settings = settings
        self._fresh_s = fresh_s
        self._monotonic = monotonic
        self._records: CallDatabase | None = None
        self._opened = 0.0
        self._turn = asyncio.Lock()

    async def read(self, question: Callable[[CallDatabase], _Answer]) -> _Answer:
        """The answer of a function that reads the database, and blocks.

        No thread can be stopped: the next question waits also for one whose asker was cancelled.

        Raises:
            UsageError: the archive cannot be reached, or the question is wrong.

        """
        await self._turn.acquire()
        try:
            records = await self._fresh()
        except BaseException:
            self._turn.release()
            raise
        answering = asyncio.ensure_future(asyncio.to_thread(question, records))
        answering.add_done_callback(self._next)
        return await asyncio.shield(answering)

    def _next(self, answered: "asyncio.Future[_Answer]") -> None:
        self._turn.release()
        if not answered.cancelled():
            answered.exception()  # else asyncio complains of one that nobody waits for any longer

    async def close(self) -> None:
        """Close the database."""
        async with self._turn:
            self._forget()

    async def _fresh(self) -> CallDatabase:
        if self._records is not None and self._monotonic() - self._opened < self._fresh_s:
            return self._records
        self._forget()
        warnings: list[str] = []
        self._records = await CallDatabase.open(self._settings, on_warning=warnings.append)
        self.warnings, self._opened = warnings, self._monotonic()
        return self._records

    def _forget(self) -> None:
        if self._records is not None:
            self._records.close()
            self._records = None
