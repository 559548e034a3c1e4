"""kill -9 of a worker between a question and its answer, and within a turn: nothing is asked or done twice."""

import time
from collections import Counter
from pathlib import Path

import pytest

from orchestra.testing import TestBus
from orchestra_schemas import CallStarted, Event, ReplyChunk, ToolCompleted, ToolRequested, TurnCompleted, UserTurnEnded
from tests.agents.test_kill import Workers, seen

pytestmark = pytest.mark.faults

WORDS = ("send it again", "four three seven one", "no, four two", "yes")
SAID = ["Which parcel is it?", "4 3, 7 1. Is that right?", "4 2, 7 1. Is that right?", "It is sent."]
TARGETS = "tests.agents.capture.ask_targets"


async def turn_over(bus: TestBus, call: str, turn: int) -> None:
    """Wait until this many turns are completed."""
    async for entry in bus.bus.follow(since="0"):
        event = entry.event()
        if isinstance(event, TurnCompleted) and event.call == call and event.turn == turn:
            return


async def dialogue_is_whole(bus: TestBus, call: str, workers: Workers) -> None:
    journal = await bus.published(None, call)
    assert {event_id for event_id, count in Counter(event.id for event in journal).items() if count > 1} == set()
    assert [event.text for event in journal if isinstance(event, ReplyChunk)] == SAID
    assert [event.name for event in journal if isinstance(event, ToolRequested)] == ["ask_parcel", "send"]
    assert workers.file.read_text(encoding="utf-8").splitlines() == ["4271"]


@pytest.mark.parametrize("group", ["orchestration", "execution"])
@pytest.mark.parametrize("after", [1, 2, 3])
async def test_a_worker_that_dies_between_question_and_answer_loses_nothing(
    bus: TestBus, redis_url: str, tmp_path: Path, group: str, after: int
) -> None:
    call = bus.call()
    async with Workers(bus, redis_url, tmp_path, targets=TARGETS).both() as workers:
        await bus.publish(CallStarted(call=call))
        for turn, words in enumerate(WORDS, 1):
            await bus.publish(UserTurnEnded(call=call, turn=turn, text=words, at=time.time()))
            await turn_over(bus, call, turn)
            if turn == after:
                await workers.kill(group)
                await workers.start(group)
        await dialogue_is_whole(bus, call, workers)


@pytest.mark.parametrize(("group", "moment"), [("orchestration", ToolRequested), ("orchestration", ToolCompleted)])
async def test_a_worker_that_dies_when_the_value_is_there_gives_it_once(
    bus: TestBus, redis_url: str, tmp_path: Path, group: str, moment: type[Event]
) -> None:
    call = bus.call()
    async with Workers(bus, redis_url, tmp_path, targets=TARGETS).both() as workers:
        await bus.publish(CallStarted(call=call))
        for turn, words in enumerate(WORDS, 1):
            await bus.publish(UserTurnEnded(call=call, turn=turn, text=words, at=time.time()))
            if turn == len(WORDS):
                await seen(bus, call, moment)
                await workers.kill(group)
                await workers.start(group)
            await turn_over(bus, call, turn)
        await dialogue_is_whole(bus, call, workers)
        assert len([event for event in await bus.published(None, call) if isinstance(event, ToolCompleted)]) == 2
