"""A run of inputs against one door: seeded, limited in number and time, and watched for broken rules."""

import asyncio
import contextlib
import gc
import logging
import random
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import structlog

#: a door with this many problems needs no more inputs
_ENOUGH = 10
#: share of the inputs until everything is loaded and every pool is filled: the resources held then are the baseline
_WARM = 0.1
_BESIDE_EVERY_S = 10.0
_IDLE_WITHIN_S = 60.0
#: permitted growth of resident memory: pools of the allocator, logs of the server
_GROWTH_MB = 64.0
#: connections that pools open when more runs at once than before
_POOLED = 16
_ENDS_WITHIN_S = 10.0


class Outcome(NamedTuple):
    """An input, or a group of them: how many there were, and how many got past the first check of the door."""

    inputs: int
    passed: int


class Tried(Protocol):
    """An open door. ``at_once`` inputs, or groups of them, are tried at the same time."""

    at_once: int

    async def take(self, number: int, chance: random.Random) -> Outcome:
        """Try an input; the same number and seed give the same input.

        Raises:
            AssertionError: a rule is broken; the message has the input.

        """
        ...

    async def beside(self) -> None:
        """Run regular traffic alongside the attack, which must not disturb it.

        Raises:
            AssertionError: it was disturbed.

        """
        ...

    async def idle(self) -> None:
        """Return when no input is in progress any more."""
        ...


Door = Callable[[Path], AbstractAsyncContextManager[Tried]]


@dataclass
class Result:
    """The result of a door.

    ``passed`` of the inputs got past the first check. ``taken``: the number of the last input, or group of inputs.
    ``growth_mb``, tasks and descriptors: the increase since the start, whose values are in ``start``.
    """

    door: str
    seed: int
    inputs: int = 0
    passed: int = 0
    taken: int = 0
    beside: int = 0
    seconds: float = 0.0
    growth_mb: float = 0.0
    tasks: int = 0
    descriptors: int = 0
    start: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Held:
    """The resources that this process holds."""

    tasks: int
    descriptors: int
    memory_mb: float

    @classmethod
    def now(cls) -> "Held":
        for _ in range(3):
            gc.collect()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        memory = pages * resource.getpagesize() / 2**20
        return cls(len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir())), memory)


async def run(name: str, door: Door, folder: Path, *, inputs: int, seconds: float, seed: int) -> Result:
    """Test a door until ``inputs`` were tried or the time is over."""
    result = Result(name, seed)
    began = time.monotonic()
    async with _watched(result), door(folder) as tried:
        await tried.beside()
        warm = min(int(inputs * _WARM) or 1, inputs)
        await _inputs(tried, result, warm, began + seconds * _WARM)
        await _idle(tried, result)
        start = Held.now()
        result.start = asdict(start)
        await _inputs(tried, result, inputs, began + seconds)
        await _beside(tried, result)
        await _idle(tried, result)
        with contextlib.suppress(TimeoutError):  # a task that ends by itself is no leak: connections ask now and then
            async with asyncio.timeout(_ENDS_WITHIN_S):
                while len(asyncio.all_tasks()) > start.tasks:  # noqa: ASYNC110 - of all that runs
                    await asyncio.sleep(0.01)
        end = Held.now()
    result.seconds = round(time.monotonic() - began, 1)
    result.growth_mb = round(end.memory_mb - start.memory_mb, 1)
    result.tasks, result.descriptors = end.tasks - start.tasks, end.descriptors - start.descriptors
    if result.growth_mb > _GROWTH_MB or result.tasks > 0 or result.descriptors > _POOLED:
        result.problems.append(
            f"a leak: {result.growth_mb} MB, {result.tasks} tasks and {result.descriptors} descriptors beyond the start"
        )
    return result


async def _inputs(tried: Tried, result: Result, most: int, until: float) -> None:
    """As many as ``at_once`` takers, each of which gets the next number as soon as it is done with one."""

    async def taker() -> None:
        while result.inputs < most and time.monotonic() < until and len(result.problems) < _ENOUGH:
            result.taken += 1
            await _one(tried, result, result.taken - 1)
            await asyncio.sleep(0)  # takers that never wait must let the others and the regular traffic run

    async def looker() -> None:
        while True:
            await asyncio.sleep(_BESIDE_EVERY_S)
            await _beside(tried, result)

    look = asyncio.create_task(looker())
    await asyncio.gather(*(taker() for _ in range(tried.at_once)))
    look.cancel()
    await asyncio.wait([look])


async def _one(tried: Tried, result: Result, number: int) -> None:
    try:
        outcome = await tried.take(number, random.Random(f"{result.seed}/{result.door}/{number}"))
    except Exception as error:  # noqa: BLE001 - this program looks for any exception
        result.inputs += 1
        result.problems.append(f"input {number}: {type(error).__name__}: {str(error)[:2000]}")
    else:
        result.inputs += outcome.inputs
        result.passed += outcome.passed


async def _beside(tried: Tried, result: Result) -> None:
    try:
        await tried.beside()
        result.beside += 1
    except Exception as error:  # noqa: BLE001 - likewise
        result.problems.append(f"beside input {result.inputs}: {type(error).__name__}: {str(error)[:2000]}")


async def _idle(tried: Tried, result: Result) -> None:
    try:
        async with asyncio.timeout(_IDLE_WITHIN_S):
            await tried.idle()
    except TimeoutError:
        result.problems.append(f"not idle {_IDLE_WITHIN_S} s after the last input")
    except AssertionError as error:
        result.problems.append(f"not idle after the last input: {str(error)[:2000]}")


@asynccontextmanager
async def _watched(result: Result) -> AsyncIterator[None]:
    """Record every uncaught exception and every traceback in the log as a problem."""
    loop = asyncio.get_running_loop()

    def uncaught(_: Any, context: dict[str, Any]) -> None:
        what = context.get("exception") or context.get("task")
        result.problems.append(f"uncaught near input {result.inputs}: {what!r} {context['message']}")

    def unraisable(found: Any) -> None:
        result.problems.append(f"unraisable near input {result.inputs}: {found.exc_value!r} in {found.object!r}")

    def heard(_: Any, method: str, entry: dict[str, Any]) -> dict[str, Any]:
        if method == "exception" or entry.get("exc_info"):
            error = sys.exception()
            result.problems.append(f"logged near input {result.inputs}: {entry.get('event')} {error!r}")
        raise structlog.DropEvent

    class Standard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1] and "/mcp/" not in record.pathname:  # it logs what it drops
                result.problems.append(
                    f"logged near input {result.inputs}: {record.getMessage()} {record.exc_info[1]!r}"
                )

    before, hook, handler = loop.get_exception_handler(), sys.unraisablehook, Standard()
    loop.set_exception_handler(uncaught)
    sys.unraisablehook = unraisable
    structlog.configure(processors=[heard], cache_logger_on_first_use=False)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        loop.set_exception_handler(before)
        sys.unraisablehook = hook
        structlog.reset_defaults()
        logging.getLogger().removeHandler(handler)
