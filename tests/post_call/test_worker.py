"""The analysis worker: each call that has ended is analysed once, however long the model is away."""

import asyncio
import dataclasses
from typing import Any

import pytest

from orchestra import After, Judge
from orchestra.demo import app as demo
from orchestra.post_call import handlers
from orchestra.post_call.handlers import Analysis
from orchestra.testing import TestBus
from orchestra_schemas import CallAnalysed, CallEnded
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
