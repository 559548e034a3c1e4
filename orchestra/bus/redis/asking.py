"""Asks several servers at once who is the master: one of them may be cut off from the others, and not know it yet."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from orchestra.bus.redis.address import ASK_S

T = TypeVar("T")

#: how long the others are waited for once most have answered, in seconds
_REST_S = 0.3


async def ask_all(asked: list[Awaitable[T]]) -> list[T | Exception]:
    """The answers in the order of the questions, with the error in place of an answer that did not come."""
    tasks = [asyncio.ensure_future(each) for each in asked]
    try:
        answered, _ = await asyncio.wait(tasks, timeout=_REST_S)
        if 2 * sum(1 for task in answered if task.exception() is None) <= len(tasks):
            await asyncio.wait(tasks, timeout=ASK_S - _REST_S)
    finally:
        for task in tasks:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    silent = TimeoutError("no answer")
    return [silent if isinstance(answer, asyncio.CancelledError) else answer for answer in answers]  # type: ignore[misc]


class SharedAnswer(Generic[T]):
    """An answer that many may want at once: those who come while it is asked for get the same one."""

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._asking = asyncio.Lock()
        self._last: list[T] = []
        self._times = 0

    async def get(self) -> T:
        """Ask, or wait for the answer to the same question of another task."""
        before = self._times
        async with self._asking:
            if before == self._times:
                self._last = [await self._ask()]
                self._times += 1
            return self._last[0]
