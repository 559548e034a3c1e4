"""What waits for an endpoint, in Redis: a lane for each call, and when each lane is to be tried.

So nothing waits on the journal, which can be trimmed, and nothing waits in the worker's memory, which may end.

    orchestra:{p07}:webhooks:due:crm          call → ms      the lanes, by when they are to be tried
    orchestra:{p07}:webhooks:lane:crm:07-…    stream         a call's messages, in order
    orchestra:{p07}:webhooks:failing:crm      call → JSON    what a lane's first message has met with
    orchestra:{p07}:webhooks:position         stream id      up to where the journal's messages are in lanes
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import msgspec
import structlog
from redis.exceptions import RedisError

from orchestra.bus import keys
from orchestra.bus.backoff import Backoff
from orchestra.bus.ports import Connections
from orchestra.bus.redis.connection import Argument
from orchestra.bus.redis.reply import text
from orchestra.bus.redis.scripts import QUEUE_ADD, QUEUE_TAKE
from orchestra.webhooks.message import Message, pack, unpack

_LOG = structlog.get_logger("orchestra.webhooks")

R = TypeVar("R")
GROUP = "webhooks"
#: a queue that nothing is added to any more, because its endpoint is gone from the settings, is deleted after this time
_KEPT_S = 7 * 24 * 3600
_PAGE = 200


class Addressed(NamedTuple):
    """A message for an endpoint. ``stream_id`` is that of its journal entry; empty: it is sent again."""

    endpoint: str
    call: str
    stream_id: str
    message: Message


class Waiting(NamedTuple):
    """The first message of a lane, and its id there."""

    lane_id: str
    message: Message


class Failing(msgspec.Struct, frozen=True):
    """What the first message of a lane has met with: failed attempts, the time of the first, the last answer."""

    attempts: int = 0
    since: float = 0.0
    answer: str = ""


_failing = msgspec.json.Decoder(Failing).decode
_encode = msgspec.json.Encoder().encode


async def add_messages(
    connections: Connections, partition: int, messages: Iterable[Addressed], position: str, at: float
) -> int:
    """Add messages to the lanes of their calls; how many were added: what was there before the position is not.

    ``position`` is the id of the last journal entry that they come from, empty if they are sent again.

    Raises:
        redis.exceptions.RedisError: the server cannot be reached, or refuses.

    """
    names: list[Argument] = [_key(partition, "position"), keys.tombstones_key(partition)]
    arguments: list[Argument] = []
    for endpoint, call, stream_id, message in messages:
        names += [_key(partition, "due", endpoint), _key(partition, "lane", endpoint, call)]
        arguments += [stream_id, call, int(at * 1000), pack(message)]
    command: list[Argument] = ["EVALSHA", QUEUE_ADD.sha, len(names), *names, position, _KEPT_S, *arguments]
    return int(await connections.connection(partition).call(*command))


class EndpointQueue:
    """What waits for an endpoint on one partition.

    ``changed`` is set when there may be something to do, ``size`` is the number of lanes when it was last asked.
    """

    def __init__(self, connections: Connections, partition: int, endpoint: str) -> None:
        self.partition = partition
        self.endpoint = endpoint
        self.changed = asyncio.Event()
        self.size = 0
        self._connections = connections
        self._due = _key(partition, "due", endpoint)
        self._failing = _key(partition, "failing", endpoint)

    async def due(self, now: float, most: int) -> tuple[list[str], float]:
        """The calls whose lanes are to be tried now, the longest due first, and when the next one is, epoch seconds."""
        rows, self.size = await self._calls(("ZRANGE", self._due, 0, most - 1, "WITHSCORES"), ("ZCARD", self._due))
        scored = [(text(call), float(score) / 1000) for call, score in zip(rows[::2], rows[1::2], strict=True)]
        return [call for call, at in scored if at <= now], min(
            (at for _, at in scored if at > now), default=float("inf")
        )

    async def head(self, call: str) -> Waiting | None:
        """The first message of a lane; a lane without one is removed."""
        (rows,) = await self._calls(("XRANGE", self._lane(call), "-", "+", "COUNT", 1))
        if not rows:  # it has expired
            await self._take(call, "0-0", 0.0, [])
        return _waiting(rows)

    async def failing(self, call: str) -> Failing:
        """What the first message of a lane has met with."""
        (found,) = await self._calls(("HGET", self._failing, call))
        return _failing(found) if found else Failing()

    async def put_off(self, call: str, failing: Failing, until: float) -> None:
        """The first message of a lane was not delivered: try again later (epoch seconds)."""
        *_, is_there = await self._calls(
            ("HSET", self._failing, call, _encode(failing)),
            ("EXPIRE", self._failing, _KEPT_S),
            ("ZADD", self._due, "XX", int(until * 1000), call),
            ("EXISTS", self._lane(call)),
        )
        if not is_there:  # the call was forgotten while its message was on its way
            await self._calls(("HDEL", self._failing, call))

    async def take(self, call: str, waiting: Waiting, now: float) -> Waiting | None:
        """The message was delivered; returns the next one of the lane."""
        return await self._take(call, waiting.lane_id, now, [])

    async def bury(self, call: str, waiting: Waiting, failing: Failing, now: float) -> Waiting | None:
        """Give a message up: it becomes a dead letter of the group; returns the next one of the lane."""
        message = waiting.message
        event = msgspec.json.decode(message.body, type=dict[str, msgspec.Raw])["data"]
        letter: list[Argument] = [
            "cause", message.id, "published", 0, "type", message.type, "call", call, "id", message.id,
            "body", bytes(event), "stream", keys.JOURNAL, "stream_id", waiting.lane_id,
            "handler", f"endpoint {self.endpoint}", "attempts", failing.attempts, "at", f"{now:.3f}",
            "error", failing.answer, "traceback", "",
        ]  # fmt: skip
        return await self._take(call, waiting.lane_id, now, letter)

    async def lanes(self) -> AsyncIterator[list[tuple[str, int, Waiting, Failing]]]:
        """All lanes, a page at a time: the call, how many messages wait, the first of them, what it has met with."""
        cursor: str = "0"
        while True:
            ((found, rows),) = await self._calls(("ZSCAN", self._due, cursor, "COUNT", _PAGE))
            calls = [text(call) for call in rows[::2]]
            asked: list[tuple[Argument, ...]] = []
            for call in calls:
                lane = self._lane(call)
                asked += [("XLEN", lane), ("XRANGE", lane, "-", "+", "COUNT", 1), ("HGET", self._failing, call)]
            replies = await self._calls(*asked) if asked else []
            page = []
            for call, count, head, failing in zip(calls, replies[::3], replies[1::3], replies[2::3], strict=True):
                if (waiting := _waiting(head)) is not None:
                    page.append((call, count, waiting, _failing(failing) if failing else Failing()))
            yield page
            cursor = text(found)
            if cursor == "0":
                return

    def _lane(self, call: str) -> str:
        return _key(self.partition, "lane", self.endpoint, call)

    async def _take(self, call: str, lane_id: str, now: float, letter: list[Argument]) -> Waiting | None:
        names = [self._lane(call), self._due, self._failing, keys.key(self.partition, "dead", GROUP)]
        (rows,) = await self._calls(
            ("EVALSHA", QUEUE_TAKE.sha, len(names), *names, call, lane_id, int(now * 1000), *letter)
        )
        return _waiting(rows)

    async def _calls(self, *commands: tuple[Argument, ...]) -> list[Any]:
        return await self._connections.connection(self.partition).calls(list(commands))


async def until_answered(ask: Callable[[], Awaitable[R]]) -> R:
    """What Redis answers, however long it is away; only for what may be asked again."""
    backoff = Backoff(0.05, 5.0)
    while True:
        try:
            return await ask()
        except RedisError as error:
            _LOG.warning("webhooks.redis", error=repr(error))
            await backoff.wait()


def app_key(call: str) -> str:
    """The key of the name of the app that has a call."""
    return _key(keys.partition_of(call), "app", call)


def _key(partition: int, *parts: str) -> str:
    return keys.key(partition, GROUP, *parts)


def _waiting(rows: list[Any]) -> Waiting | None:
    return Waiting(text(rows[0][0]), unpack(rows[0][1][1])) if rows else None
