"""What comes from the journal reaches each call once, whoever begins to follow its partition, and when."""

import ast
import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from orchestra.testing import TestBus
from orchestra.voice import call as voice_call
from orchestra.voice.call.call import Call
from orchestra.voice.edge import reply_dispatcher
from orchestra.voice.edge.reply_dispatcher import ReplyDispatcher
from orchestra_schemas import CallResumed, Event, ReplyChunk


class Taken:
    """Calls that write down what they are given."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def find(self, call: str) -> Call:
        return cast("Call", Listening(call, self.events))


class Listening:
    def __init__(self, call: str, events: list[Event]) -> None:
        self.id, self._events = call, events

    def take_event(self, event: Event) -> None:
        self._events.append(event)


async def follow_all(replies: ReplyDispatcher, *calls: str) -> None:
    """As the streams of these calls do that come back at once."""
    await asyncio.gather(*(replies.wait_followed(call) for call in calls))


async def follow_and_watch(replies: ReplyDispatcher, one: str, other: str) -> None:
    """As a call that comes back and a new one do."""
    following = asyncio.create_task(replies.wait_followed(one))
    await asyncio.sleep(0)
    replies.watch(other)
    await following


async def watch_and_follow(replies: ReplyDispatcher, one: str, other: str) -> None:
    replies.watch(one)
    await replies.wait_followed(other)


async def give_up_and_follow(replies: ReplyDispatcher, one: str, other: str) -> None:
    """One stream is gone before its journal was read."""
    following = asyncio.create_task(replies.wait_followed(one))
    await asyncio.sleep(0)
    following.cancel()
    await asyncio.wait([following])
    await replies.wait_followed(other)


@pytest.mark.parametrize("begin", [follow_all, follow_and_watch, watch_and_follow, give_up_and_follow])
async def test_calls_that_follow_one_partition_at_the_same_time_get_each_event_once(bus: TestBus, begin: Any) -> None:
    taken, one, other = Taken(), bus.call(5), bus.call(5)
    replies = ReplyDispatcher(bus.bus, [3], taken.find)
    await replies.start()
    await begin(replies, one, other)
    published = await bus.publish(ReplyChunk(call=one, text="You are welcome."), ReplyChunk(call=other, text="Good."))
    end = await bus.publish(ReplyChunk(call=bus.call(3), text="The last one."))
    async with asyncio.timeout(30):
        while not {event.id for event in (*published, *end)} <= {event.id for event in taken.events}:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await replies.close()
    assert [event.id for event in taken.events if event.call in (one, other)] == [event.id for event in published]


async def test_a_call_misses_no_event_from_before_its_partition_was_followed(bus: TestBus) -> None:
    taken, call = Taken(), bus.call(5)
    replies = ReplyDispatcher(bus.bus, [3], taken.find)
    await replies.start()
    (chunk,) = await bus.publish(ReplyChunk(call=call, text="You are welcome."))
    replies.watch(call)  # while Redis is away this takes longer than an answer
    async with asyncio.timeout(30):
        while not taken.events:  # noqa: ASYNC110 - another task reads
            await asyncio.sleep(0.01)
    await replies.close()
    assert [event.id for event in taken.events] == [chunk.id]


async def test_homes_that_are_followed_need_no_second_reader(bus: TestBus) -> None:
    replies = ReplyDispatcher(bus.bus, [3, 5], Taken().find)
    await asyncio.gather(replies.start(), replies.wait_followed(bus.call(5)))
    assert len(bus.bus.subscriptions) == 1
    await replies.close()


async def test_two_streams_of_one_call_both_get_the_events_of_the_time_in_which_its_journal_is_read(
    bus: TestBus,
) -> None:
    call = bus.call(5)
    replies = ReplyDispatcher(bus.bus, [3], lambda _: None)
    await replies.wait_followed(call)
    with replies.buffering(call) as first, replies.buffering(call) as second:
        (resumed,) = await bus.publish(CallResumed(call=call))
        async with asyncio.timeout(30):
            while not (first and second):  # noqa: ASYNC110 - another task reads
                await asyncio.sleep(0.01)
    await replies.close()
    assert [event.id for event in first] == [event.id for event in second] == [resumed.id]


def handled_by_calls() -> set[str]:
    """The names that the handlers of a call's journal ask an event for: in a ``case``, or by ``isinstance``."""
    named = set()
    for path in Path(voice_call.__file__).parent.glob("*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef) or function.name not in {"take", "_take", "take_event"}:
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.MatchClass):
                    named.add(ast.unparse(node.cls))
                elif isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
                    named |= {each.id for each in ast.walk(node.args[1]) if isinstance(each, ast.Name)}
    return named


def test_whatever_calls_handle_is_dispatched() -> None:
    read = {event_type.__name__ for event_type in reply_dispatcher._READ}
    assert {"ConsentRefused", "ReplyChunk", "OperatorTookOver", "CallResumed"} <= handled_by_calls()
    assert handled_by_calls() <= read
