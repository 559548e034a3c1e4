"""Waits longer after each failure."""

import asyncio
import random


class Backoff:
    """10 ms, 20 ms, 40 ms … up to ``longest_s``, each shortened at random by up to half so that clients spread."""

    def __init__(self, first_s: float = 0.01, longest_s: float = 1.0) -> None:
        self.tries = 0
        self._first_s = first_s
        self._longest_s = longest_s

    def next_s(self) -> float:
        """Count a failure; returns how long to wait after it, in seconds."""
        wait = min(self._longest_s, self._first_s * 2.0 ** min(self.tries, 30))
        self.tries += 1
        return wait * random.uniform(0.5, 1.0)  # noqa: S311

    async def wait(self) -> None:
        """Count a failure and wait after it."""
        await asyncio.sleep(self.next_s())

    def reset(self) -> None:
        """Begin at the first wait again, after a success."""
        self.tries = 0
