"""What is known of an endpoint, in Redis: counts, the last answer, whether it is stopped. All workers write it."""

from typing import Any

import msgspec

from orchestra.bus import keys
from orchestra.bus.ports import Connections
from orchestra.bus.redis.connection import Argument
from orchestra.bus.redis.reply import pairs, text


class StoredStatus(msgspec.Struct, frozen=True):
    """The status as it is stored.

    Times are epoch seconds, 0 for never. ``answer`` is the last one, in words; ``stopped`` says why nothing is sent,
    empty if it is.
    """

    delivered: int = 0
    failed: int = 0
    given_up: int = 0
    at: float = 0.0
    answer: str = ""
    succeeded_at: float = 0.0
    stopped: str = ""


class EndpointStatus:
    """This worker's part of an endpoint's status; `write` brings both together."""

    def __init__(self, connections: Connections, endpoint: str) -> None:
        self.delivered = self.failed = self.given_up = 0
        self.succeeded_at = 0.0
        self.stopped = ""
        self._connections = connections
        self._endpoint = endpoint
        self._at = 0.0
        self._answer = ""
        self._written = (0, 0, 0)
        self._stops = ""

    def count(self, delivered: bool, answer: str, at: float) -> None:
        """Count an attempt."""
        self._at, self._answer = at, answer
        if delivered:
            self.delivered, self.succeeded_at = self.delivered + 1, at
        else:
            self.failed += 1

    def stop(self, why: str) -> None:
        """Send nothing more."""
        self.stopped = self._stops = why

    async def read(self) -> None:
        """Begin with what is stored.

        Raises:
            redis.exceptions.RedisError: the server cannot be reached.

        """
        stored = await read_status(self._connections, self._endpoint)
        self.stopped, self.succeeded_at = self._stops or stored.stopped, max(self.succeeded_at, stored.succeeded_at)

    async def write(self) -> None:
        """Store what has changed since the last time, and take over whether it is stopped.

        Raises:
            redis.exceptions.RedisError: the server cannot be reached; the next time stores it.

        """
        key, counts = _key(self._endpoint), (self.delivered, self.failed, self.given_up)
        commands: list[tuple[Argument, ...]] = [
            ("HINCRBY", key, name, count - written)
            for name, count, written in zip(("delivered", "failed", "given_up"), counts, self._written, strict=True)
            if count > written
        ]
        if commands:
            fields: dict[str, Argument] = {"at": self._at, "answer": self._answer, "succeeded_at": self.succeeded_at}
            commands.append(("HSET", key, *(part for pair in fields.items() for part in pair)))
        stops, self._stops = self._stops, ""
        if stops:
            commands.append(("HSET", key, "stopped", stops))
        commands.append(("HGET", key, "stopped"))
        try:
            *_, stopped = await self._connections.shared_connection.calls(commands)
        except BaseException:
            self._stops = self._stops or stops
            raise
        self._written, self.stopped = counts, self._stops or text(stopped or b"")


async def read_status(connections: Connections, endpoint: str) -> StoredStatus:
    """The status of an endpoint.

    Raises:
        redis.exceptions.RedisError: the server cannot be reached.

    """
    found: Any = await connections.shared_connection.call("HGETALL", _key(endpoint))
    fields = {name: text(value) for name, value in pairs(found or []).items()}
    return msgspec.convert(fields, StoredStatus, strict=False)


async def start_again(connections: Connections, endpoint: str) -> bool:
    """Let messages be sent to an endpoint that was stopped; whether it was.

    Raises:
        redis.exceptions.RedisError: the server cannot be reached.

    """
    return bool(await connections.shared_connection.call("HDEL", _key(endpoint), "stopped"))


def _key(endpoint: str) -> str:
    return f"{keys.PREFIX}:{{shared}}:webhooks:{endpoint}"
