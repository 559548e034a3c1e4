"""How tools fail: what the agent learns, what only the log does, and that no tool takes the worker with it."""

import asyncio
import sys
import time
from collections.abc import MutableMapping
from typing import Any

import pytest
import structlog

from orchestra import ToolFailed, tool
from orchestra.agents import Sentence, Tool, rule
from orchestra.execution.loop_watchdog import WatchedCoroutine
from orchestra.testing import TestBus
from orchestra_schemas import ToolCompleted
from tests.agents.team import Line, Parcels, team
from tests.execution.test_worker import run_tool

SECRET = "https://crm.example/api?key=SUPERSECRET"


@tool
async def refused() -> str:
    """Refuse."""
    msg = "There is no such parcel: ask for the number again."
    raise ToolFailed(msg)


@tool
def refused_in_a_thread() -> str:
    """Refuse, in a thread."""
    msg = "Closed today."
    raise ToolFailed(msg)


@tool
async def leaking() -> str:
    """Fail with a secret."""
    msg = f"Client error for {SECRET}"
    raise ConnectionError(msg) from KeyError(SECRET)


@tool
def exiting() -> str:
    """End the process."""
    sys.exit(3)


@tool
async def exiting_async() -> str:
    """End the process."""
    raise SystemExit(SECRET)


@tool
async def cancelled() -> str:
    """Cancel itself."""
    raise asyncio.CancelledError(SECRET)


@tool
async def grouped() -> str:
    """Fail with several."""
    msg = "several"
    raise BaseExceptionGroup(msg, [OSError(SECRET)])


@tool
def wordless() -> str:
    """Fail without a word."""
    raise ToolFailed


@tool
async def unwritable() -> Any:
    """Return what has no JSON form."""
    return {("a", 1): object}


@tool
def forgotten_await() -> Any:
    """Return what is to be awaited."""
    return asyncio.sleep(0, "slept")


@tool
async def half_a_character() -> str:
    """Return what is no Unicode."""
    return "found \ud800 it"


async def ended(bus: TestBus, which: Tool) -> ToolCompleted:
    return await run_tool(Line(bus, lambda _: "", app=team(Parcels(), tools=(which,))), which.name)


@pytest.mark.parametrize(
    ("which", "told"),
    [
        (refused, "There is no such parcel: ask for the number again."),
        (refused_in_a_thread, "Closed today."),
        (wordless, "wordless failed."),
        (leaking, "leaking failed: ConnectionError"),
        (exiting, "exiting failed: SystemExit"),
        (exiting_async, "exiting_async failed: SystemExit"),
        (cancelled, "cancelled failed: CancelledError"),
        (grouped, "grouped failed: ExceptionGroup"),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
async def test_the_agent_learns_what_the_tool_says_or_the_type_of_the_error(
    bus: TestBus, which: Tool, told: str
) -> None:
    with structlog.testing.capture_logs() as log:
        completed = await ended(bus, which)
    assert (completed.failed, completed.result) == (True, told)
    assert any(entry["event"] == "tool.failed" for entry in log) is told.startswith(f"{which.name} failed: ")


@pytest.mark.parametrize(
    ("which", "result"),
    [(forgotten_await, "slept"), (unwritable, "{\"('a', 1)\":\"<class 'object'>\"}")],
    ids=lambda each: getattr(each, "name", ""),
)
async def test_a_tool_does_not_fail_because_of_the_type_of_its_result(bus: TestBus, which: Tool, result: str) -> None:
    completed = await ended(bus, which)
    assert (completed.failed, completed.result) == (False, result)


async def test_a_result_with_half_a_character_is_an_event_like_others(bus: TestBus) -> None:
    completed = await ended(bus, half_a_character)
    assert completed.result.startswith("found ")


@tool
async def blocking_for_long() -> str:
    """Block the event loop."""
    await asyncio.sleep(0)
    time.sleep(0.8)  # noqa: ASYNC251 - the mistake that is looked for
    return "done"


async def test_a_tool_that_blocks_the_loop_is_named_in_the_log_with_its_seconds(bus: TestBus) -> None:
    with structlog.testing.capture_logs() as log:
        completed = await ended(bus, blocking_for_long)
    assert not completed.failed
    (entry,) = _of(log, "tool.blocked_the_loop")
    assert (entry["tool"], entry["call"]) == ("blocking_for_long", completed.call)
    assert entry["seconds"] >= 0.8
    assert "make it a plain def" in entry["problem"]


def test_a_rule_that_waits_is_named_in_the_log_with_its_seconds() -> None:
    @rule
    def asks_somebody(sentence: Sentence) -> str | None:
        time.sleep(0.6)
        return sentence.text or None

    with structlog.testing.capture_logs() as log:
        assert asks_somebody(Sentence(text="Hello.")) == "Hello."
    (entry,) = _of(log, "rule.blocked_the_loop")
    assert entry["rule"] == "asks_somebody"


async def test_a_coroutine_is_measured_without_being_changed() -> None:
    took: list[float] = []

    async def work() -> str:
        await asyncio.sleep(0)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            raise
        return "never"

    async def timed() -> str:
        return await WatchedCoroutine(work(), took.append, longest_s=-1.0)

    running = asyncio.get_running_loop().create_task(timed())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(took) == 2
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(took) == 4
    assert await WatchedCoroutine(asyncio.sleep(0, "result"), took.append, longest_s=9.0) == "result"


def _of(log: list[MutableMapping[str, Any]], event: str) -> list[MutableMapping[str, Any]]:
    return [entry for entry in log if entry["event"] == event]
