"""A partition whose owner vanished is taken over while its streams have long been read."""

import asyncio
from typing import Any

import pytest

from orchestra.bus import Consumer, keys
from orchestra.bus.redis.connection import Argument, OnReply, RedisConnection, Reply
from orchestra.testing import TestBus
from orchestra_schemas import AudioChunk, UserTurnEnded

#: more than a partition may read ahead of its commits
MANY = 1200


def consumer_of(heard: asyncio.Queue[int]) -> Consumer:
    consumer = Consumer("ears", streams=(keys.JOURNAL, keys.MEDIA))

    @consumer.on(UserTurnEnded)
    async def hear(event: UserTurnEnded) -> None:
        heard.put_nowait(event.turn)

    @consumer.on(AudioChunk)
    async def listen(_: AudioChunk) -> None:
        """Media is read, too."""

    return consumer


async def test_a_commit_that_is_answered_while_the_next_stream_is_found_does_not_stop_the_reading(
    bus: TestBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, call = asyncio.Queue[int](), bus.call(3)
    async with bus.run(consumer_of(heard)):
        await bus.publish(*(AudioChunk(call=call, speaker="caller", offset_ms=n, audio=b"\0\0") for n in range(MANY)))
        await bus.settled()
    await bus.bus.redis.hset(keys.key(3, "progress", "ears"), "owner", "gone:1")  # it vanished
    await bus.publish(UserTurnEnded(call=call, turn=1, text=""))
    send, call_now, calls = RedisConnection.send, RedisConnection.call, RedisConnection.calls

    def commit(self: RedisConnection, command: bytes, on_reply: OnReply) -> None:
        send(self, command, lambda reply: asyncio.get_running_loop().call_later(0.05, on_reply, reply) and None)

    async def find(self: RedisConnection, commands: list[tuple[Argument, ...]]) -> list[Reply]:
        await asyncio.sleep(0.03)
        return await calls(self, commands)

    async def look_for_pending(self: RedisConnection, *args: Any, arrived: OnReply | None = None) -> Reply:
        await asyncio.sleep(0.06 if args[:2] == ("XPENDING", keys.key(3, keys.MEDIA)) else 0)
        return await call_now(self, *args, arrived=arrived)

    # the commit of the first entry is on its way when the position in the media stream is found, and is answered before
    # that stream is looked at
    monkeypatch.setattr(RedisConnection, "send", commit)
    monkeypatch.setattr(RedisConnection, "calls", find)
    monkeypatch.setattr(RedisConnection, "call", look_for_pending)
    async with bus.run(consumer_of(heard)), asyncio.timeout(20):
        assert await heard.get() == 1
        await bus.publish(UserTurnEnded(call=call, turn=2, text=""))
        assert await heard.get() == 2
