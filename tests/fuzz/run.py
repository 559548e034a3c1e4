"""A run of inputs against one door: seeded, bounded in number and time, and watched for what must not happen."""

import asyncio
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

#: a door whose problems are this many is known well enough
_ENOUGH = 10
#: inputs until everything is loaded and every pool is filled: what is held then is the start
_WARM = 0.1
_BESIDE_EVERY_S = 10.0
_IDLE_WITHIN_S = 60.0
#: resident memory may grow by this much: pools of the allocator, logs of the server
_GROWTH_MB = 64.0
#: connections that pools open when more is done at once than before
_POOLED = 16


class Outcome(NamedTuple):
    """Of an input, or a group of them: how many there were, and how many got past the first check of the door."""

    inputs: int
    passed: int


class Tried(Protocol):
    """A door that is open. ``at_once`` inputs, or groups of them, are tried at the same time."""

    at_once: int

    async def take(self, number: int, chance: random.Random) -> Outcome:
        """Try an input, the same for the same number and seed.

        Raises:
            AssertionError: what must hold does not; the message has the input.

        """
        ...

    async def beside(self) -> None:
        """What goes on beside the attack, and must not be disturbed.

        Raises:
            AssertionError: it was.

        """
        ...

    async def idle(self) -> None:
        """Return when nothing that was tried is still under way."""
        ...


Door = Callable[[Path], AbstractAsyncContextManager[Tried]]


@dataclass
class Result:
    """What came of a door.

    ``passed`` of the inputs got past the first check. ``taken``: the number of the last input, or group of inputs.
    ``growth_mb`` of memory, tasks and descriptors: beyond those at the start, which ``start`` has.
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
    """What this process holds."""

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
    """Try a door until ``inputs`` were tried or the time is over."""
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
    """As many as ``at_once`` takers, each with the next number as soon as it is done with one."""

    async def taker() -> None:
        while result.inputs < most and time.monotonic() < until and len(result.problems) < _ENOUGH:
            result.taken += 1
            await _one(tried, result, result.taken - 1)
            await asyncio.sleep(0)  # whoever takes without waiting lets the others, and what goes on beside, go on

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
    except Exception as error:  # noqa: BLE001 - each is what this program looks for
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
    """Take for a problem whatever nobody has caught, and every traceback in the log."""
    loop = asyncio.get_running_loop()

    def uncaught(_: Any, context: dict[str, Any]) -> None:
        result.problems.append(
            f"uncaught near input {result.inputs}: {context.get('exception')!r} {context['message']}"
        )

    def unraisable(found: Any) -> None:
        result.problems.append(f"unraisable near input {result.inputs}: {found.exc_value!r} in {found.object!r}")

    def heard(_: Any, method: str, entry: dict[str, Any]) -> dict[str, Any]:
        if method == "exception" or entry.get("exc_info"):
            error = sys.exception()
            result.problems.append(f"logged near input {result.inputs}: {entry.get('event')} {error!r}")
        raise structlog.DropEvent

    class Standard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1] and "/mcp/" not in record.pathname:  # it says what it drops
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
