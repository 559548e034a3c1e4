"""The analysis worker: each call that has ended is analysed once, however long the model is away."""

import asyncio
import dataclasses
from typing import Any

import pytest
import structlog

from orchestra import After, Judge
from orchestra.bus import Consumer
from orchestra.demo import app as demo
from orchestra.post_call import handlers
from orchestra.post_call.handlers import Analysis
from orchestra.testing import TestBus
from orchestra_schemas import CallAnalysed, CallEnded, ToolRequested
from tests.post_call.calls import a_call
from tests.post_call.test_judging import models_of, says
from tests.servers.openai import OpenAIServer

APP = dataclasses.replace(demo, after=After(summary=True, judges=(Judge("polite", "The agents stay polite."),)))
REPORT = {"summary": "Fine.", "verdicts": {"polite": {"passed": True, "reason": "They do."}}}


def worker(server: OpenAIServer, app: Any = APP) -> Analysis:
    return Analysis(app, lambda _: models_of(server))


async def test_a_call_is_analysed_once_even_if_it_ends_twice_and_short_ones_are_skipped(bus: TestBus) -> None:
    call, short = bus.call(), bus.call()
    async with OpenAIServer(says(REPORT)) as server, bus.run(worker(server).consumer):
        await bus.publish(*a_call(call, "where is it"), *a_call(short, "hello", duration_s=1.0))
        await bus.settled()
        await bus.publish(CallEnded(call=call, turn=1, reason="failed", duration_s=60.0))
        await bus.settled()
    (found,) = await bus.published(CallAnalysed)
    assert (found.call, found.app, found.summary, found.version) == (call, "parcels", "Fine.", APP.version)
    assert len(server.seen) == 1


@pytest.mark.parametrize("within_s", [30.0, 0.05])
async def test_what_tools_say_last_is_waited_for_but_not_for_ever(
    within_s: float, bus: TestBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "_WRITERS_WITHIN_S", within_s)
    monkeypatch.setattr(handlers, "_WRITERS", ("tools",))
    call, waits, wrote, tools = bus.call(), asyncio.Event(), asyncio.Event(), Consumer("tools")
    have_handled = handlers._have_handled

    async def looked(*of: Any) -> bool:
        found = await have_handled(*of)
        if not found:
            waits.set()
        return found

    monkeypatch.setattr(handlers, "_have_handled", looked)

    @tools.on(CallEnded)
    async def last_words(event: CallEnded) -> ToolRequested:
        await wrote.wait()
        return ToolRequested(call=event.call, turn=1, agent="a", name="store_order", tool_call_id="1", arguments="{}")

    *before, ended = a_call(call, "where is it")
    with structlog.testing.capture_logs() as logs:
        async with OpenAIServer(says(REPORT)) as server, bus.run(worker(server).consumer, tools), asyncio.timeout(20):
            await bus.publish(*before)
            await bus.settled()
            await bus.publish(ended)
            await waits.wait()
            while within_s < 1 and not await bus.published(CallAnalysed):
                pass
            assert len(server.seen) == (within_s < 1)
            wrote.set()
            await bus.settled()
    early = [entry["waited_s"] for entry in logs if entry["event"] == "analysis.early"]
    assert early == ([] if within_s > 1 else [within_s])
    assert ("store_order" in server.seen[0].body["messages"][1]["content"]) is (within_s > 1)
    assert len(await bus.published(CallAnalysed)) == 1


async def test_what_the_model_cannot_answer_now_is_answered_when_it_is_back(
    bus: TestBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "_FIRST_PAUSE_S", 0.01)
    calls, away, refused = [bus.call() for _ in range(3)], True, asyncio.Event()

    def refuses(body: dict[str, Any]) -> tuple[int, Any] | None:
        del body
        refused.set()
        return (503, {"error": {"message": "down for an hour"}}) if away else None

    async with OpenAIServer(says(REPORT), refuses=refuses) as server:
        async with bus.run(worker(server).consumer):
            await bus.publish(*(event for call in calls for event in a_call(call, "where is it")))
            await asyncio.wait_for(refused.wait(), 10)
        assert await bus.published(CallAnalysed) == []  # this worker stops, and another takes over
        away = False
        async with bus.run(worker(server).consumer):
            await bus.settled()
    assert {event.call for event in await bus.published(CallAnalysed)} == set(calls)
    assert await bus.dead("analysis") == []


async def test_a_call_on_which_the_model_alone_fails_goes_to_the_dead_letters(
    bus: TestBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(handlers, "_LONGEST_PAUSE_S", 0.01)
    bad = bus.call()

    def refuses(body: dict[str, Any]) -> tuple[int, Any] | None:
        blocked = "forbidden words" in body["messages"][1]["content"]
        return (400, {"error": {"message": "content policy"}}) if blocked else None

    async with OpenAIServer(says(REPORT), refuses=refuses) as server, bus.run(worker(server).consumer):
        await bus.publish(*a_call(bad, "forbidden words"))
        async with asyncio.timeout(20):
            while not await bus.dead("analysis"):
                await bus.publish(*a_call(bus.call(), "where is it"))
                await asyncio.sleep(0.02)
    (letter,) = await bus.dead("analysis")
    assert letter.call == bad
    assert bad not in {event.call for event in await bus.published(CallAnalysed)}


async def test_without_a_key_the_demo_app_says_what_functions_find(bus: TestBus) -> None:
    call = bus.call()
    async with bus.run(Analysis(demo).consumer):
        await bus.publish(*a_call(call, "where is it"))
        await bus.settled()
    (found,) = await bus.published(CallAnalysed)
    assert (found.summary, found.model, found.success) == ("", "", False)
    assert [each.judge for each in found.verdicts] == ["tools", "no_promises"]
