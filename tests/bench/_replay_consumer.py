"""Replaying synthetic calls: from a journal into another server, and into a consumer, with lockstep and comparison.

The consumer takes the place of orchestration: it publishes four events for each of the caller's turns, and the events
recorded after each of them are held back until it is published.
"""

import asyncio
import logging
import tempfile
import time
from itertools import islice
from pathlib import Path

import structlog

from orchestra import Consumer
from orchestra.bus import Bus, EmbeddedServer, Entry
from orchestra.replay.pace import Pace
from orchestra.replay.replay import Replay
from orchestra.replay.rewrite import Rewrite
from orchestra.replay.selection import Selection
from orchestra.replay.targets.consumer import consumer_target
from orchestra.replay.targets.redis import redis_target
from orchestra.replay.targets.stream_writer import StreamWriter
from orchestra.settings import Settings
from orchestra_schemas import (
    AgentChanged,
    CallStarted,
    Event,
    PromptCompleted,
    PromptRequested,
    ReplySpoken,
    ToolCompleted,
    ToolRequested,
    TurnCompleted,
    UserTurnEnded,
)
from tests.bench._replay_events import EVENTS, interleaved

CALLS = 1000


def orchestration() -> Consumer:
    """A consumer group whose outputs have the ids and types of the recorded ones."""
    consumer = Consumer("desk")

    @consumer.on(CallStarted)
    async def greet(event: CallStarted) -> AgentChanged:
        return AgentChanged(call=event.call, agent="reception")

    @consumer.on(UserTurnEnded)
    async def answer(event: UserTurnEnded) -> list[Event]:
        of = {"call": event.call, "turn": event.turn, "agent": "reception"}
        prompts = [PromptRequested(**of, step=step) for step in (1, 3)]
        return [prompts[0], ToolRequested(**of, name="find_parcel"), prompts[1], TurnCompleted(**of)]

    @consumer.on(PromptCompleted, ToolCompleted, ReplySpoken)
    async def take(event: PromptCompleted | ToolCompleted | ReplySpoken) -> None:
        del event

    return consumer


async def _record(bus: Bus, calls: int) -> None:
    feed, events = StreamWriter(bus), interleaved(calls)
    while some := list(islice(events, 2000)):
        await feed.write(
            [
                Entry("", int(each.call[:2]), each.stream, each.type.decode(), each.call, each.id, each.body)
                for each in some
            ]
        )


async def replay_figures(calls: int = CALLS) -> dict[str, float]:
    """``replay_events_per_s`` from one server into another, ``replay_1000_calls_s`` into a consumer."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="orchestra-bench-") as name:
        folder = Path(name)
        async with EmbeddedServer(folder / "recorded") as recorded, EmbeddedServer(folder / "copy") as other:
            settings = Settings(redis_url=recorded.url, data_dir=folder)
            bus = await Bus.connect(settings.model_copy(update={"redis_url": recorded.url}))
            await _record(bus, calls)
            await bus.close()
            replay = Replay(
                settings=settings, selection=Selection(), source="journal", pace=Pace(None), stop=asyncio.Event(),
                on_warning=print,
            )  # fmt: skip
            copied_s = await _copied(replay, settings, other.url)
            consumed_s = await _consumed(replay, settings, folder, calls)
    return {
        "replay_events_per_s": round(calls * EVENTS / copied_s),
        "replay_1000_calls_s": round(consumed_s * 1000 / calls, 2),
    }


async def _copied(replay: Replay, settings: Settings, url: str) -> float:
    target = await Bus.connect(settings.model_copy(update={"redis_url": url}))
    try:
        async with redis_target(target, Rewrite(target.partitions)) as copy:
            began = time.perf_counter()
            done = await replay.into(copy)
            return time.perf_counter() - began
    finally:
        await target.close()
        assert copy.written == done.entries


async def _consumed(replay: Replay, settings: Settings, folder: Path, calls: int) -> float:
    async with consumer_target(orchestration(), settings, folder / "scratch", patience_s=30.0) as scratch:
        began = time.perf_counter()
        done = await replay.into(scratch)
        outcome = await scratch.result()
        took_s = time.perf_counter() - began
    assert done.entries == calls * EVENTS
    assert not outcome.outputs.of("missing", "new"), "every output of the recording is made again"
    return took_s
