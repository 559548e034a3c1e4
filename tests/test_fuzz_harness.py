"""The fuzz program finds faults at any door: each one is planted at a door that is otherwise fine."""

import asyncio
import logging
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from tests.fuzz.run import Outcome, Result, run

pytestmark = pytest.mark.integration

_KEPT: list[object] = []


class _Door:
    at_once = 4

    def __init__(self, fault: Callable[[], Awaitable[None]]) -> None:
        self._fault = fault
        self.numbers: list[int] = []

    async def take(self, number: int, _: random.Random) -> Outcome:
        self.numbers.append(number)
        await asyncio.sleep(0)
        if number == 90:
            await self._fault()
        return Outcome(1, number % 2)

    async def beside(self) -> None:
        assert self._fault is not _disturb or len(self.numbers) < 90, "the other call is disturbed"

    async def idle(self) -> None:
        return


async def _nothing() -> None:
    return


async def _fail() -> None:
    msg = "the handler has failed"
    raise RuntimeError(msg)


async def _leak_a_task() -> None:
    _KEPT.append(asyncio.create_task(asyncio.Event().wait()))


async def _leak_descriptors() -> None:
    _KEPT.extend(socket.socket() for _ in range(40))


async def _fail_in_a_callback() -> None:
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0.01)


async def _log_a_traceback() -> None:
    try:
        await _fail()
    except RuntimeError:
        structlog.get_logger("orchestra").exception("swallowed")


async def _log_a_traceback_elsewhere() -> None:
    try:
        await _fail()
    except RuntimeError:
        logging.getLogger("another.library").exception("swallowed")  # servers of other tests cut off uvicorn's logs


async def _disturb() -> None:
    return


async def _result(fault: Callable[[], Awaitable[None]], folder: Path) -> Result:
    door = _Door(fault)

    @asynccontextmanager
    async def opened(_: Path) -> AsyncIterator[_Door]:
        yield door

    result = await run("planted", opened, folder, inputs=100, seconds=60.0, seed=1)
    assert sorted(door.numbers) == list(range(result.taken))
    return result


async def test_a_faultless_door_has_no_problems_and_every_input_is_counted(tmp_path: Path) -> None:
    result = await _result(_nothing, tmp_path)
    assert result.problems == []
    assert result.inputs == result.taken >= 100
    assert result.passed == result.taken // 2
    assert result.beside == 1


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (_fail, "the handler has failed"),
        (_leak_a_task, "1 tasks"),
        (_leak_descriptors, "descriptors beyond the start"),
        (_fail_in_a_callback, "division by zero"),
        (_log_a_traceback, "swallowed"),
        (_log_a_traceback_elsewhere, "swallowed"),
        (_disturb, "the other call is disturbed"),
    ],
)
async def test_a_planted_fault_is_found(fault: Callable[[], Awaitable[None]], words: str, tmp_path: Path) -> None:
    try:
        result = await _result(fault, tmp_path)
    finally:
        for kept in _KEPT:
            kept.cancel() if isinstance(kept, asyncio.Task) else kept.close()  # type: ignore[attr-defined]
        _KEPT.clear()
    assert any(words in problem for problem in result.problems), result.problems
