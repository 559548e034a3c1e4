"""Waits for a server that has only just been started."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import httpx


async def first_answer(
    http: httpx.AsyncClient, url: str, *, has_ended: Callable[[], bool] = lambda: False
) -> httpx.Response:
    """Ask until anything answers, whatever it says. The caller limits the time.

    Raises:
        AssertionError: the server's process ``has_ended``.

    """
    while True:
        with suppress(httpx.TransportError):
            return await http.get(url)
        assert not has_ended(), f"what should answer at {url} has ended"
        await asyncio.sleep(0.05)
