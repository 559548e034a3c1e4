"""Has the connections of a process follow the masters, away from a server that still answers and is none any more."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import structlog
from redis.exceptions import ConnectionError as LostConnectionError
from redis.exceptions import RedisError

from orchestra.bus.redis.address import Address
from orchestra.bus.redis.connection import RedisConnection
from orchestra.bus.redis.refusal import is_forbidden
from orchestra.bus.redis.topology import Servers

_LOG = structlog.get_logger("orchestra.bus")
#: seconds between two looks
_EVERY_S = 0.5


class Masters:
    """Watches the connections of a process to the masters of their keys.

    A connection ends by itself when its server dies, and when a server says that it is a replica. A master that was cut
    off from those who chose another one says nothing: it answers, knows nothing of its successor, and loses what it was
    told as soon as it joins them again. So Sentinels or the nodes of a cluster are asked twice a second, and who is
    connected to anything but the master is disconnected. A single server is asked itself: behind a name, a managed
    service may have put another one in its place.

    Args:
        servers: where they are.
        client: the redis-py client of the process, which follows them, too.

    """

    def __init__(self, servers: Servers, client: Any) -> None:
        self._servers = servers
        self._client = client
        self._connections: WeakKeyDictionary[RedisConnection, str] = WeakKeyDictionary()
        #: those that were connected to a master
        self._led: WeakSet[RedisConnection] = WeakSet()
        self._may_ask = True

    def watch(self, connection: RedisConnection, slot_key: str) -> None:
        """Have a connection to the server of this key leave it when it is the master no more."""
        self._connections[connection] = slot_key

    async def follow(self) -> None:
        """Look where the masters are, until cancelled."""
        while self._may_ask:
            await asyncio.sleep(_EVERY_S)
            try:
                master_of = await self._servers.look()
                if master_of is None:
                    await asyncio.gather(*map(self._ask_itself, list(self._connections)))
                    continue
                self._leave_others(master_of)
                await self._servers.lead(self._client)
            except RedisError:
                pass  # nobody answers: the connections notice themselves what of that matters to them

    def _leave_others(self, master_of: Callable[[str], Address]) -> None:
        for connection, slot_key in list(self._connections.items()):
            at = connection.address
            if at is None or not connection.connected:
                continue
            with contextlib.suppress(LostConnectionError):  # no master has this key at the moment
                master = master_of(slot_key)
                if (master.host, master.port) != (at.host, at.port):
                    self._leave(connection, at)

    async def _ask_itself(self, connection: RedisConnection) -> None:
        if not connection.connected:
            return
        try:
            role = (await connection.call("ROLE"))[0]
        except RedisError as error:
            self._may_ask = self._may_ask and not is_forbidden(str(error))
            return
        if role == b"master":
            self._led.add(connection)
        elif connection in self._led and connection.address is not None:  # else its user has named a replica
            self._leave(connection, connection.address)

    @staticmethod
    def _leave(connection: RedisConnection, at: Address) -> None:
        _LOG.warning("redis.master_replaced", was=str(at))
        connection.drop()
