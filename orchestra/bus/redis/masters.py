"""Has the connections of a process follow the masters, away from a server that still answers and is none any more."""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import structlog
from redis.exceptions import ConnectionError as LostConnectionError
from redis.exceptions import RedisError

from orchestra.bus.redis.address import Address
from orchestra.bus.redis.connection import RedisConnection, Reply, pack
from orchestra.bus.redis.refusal import is_forbidden
from orchestra.bus.redis.topology import Servers

_LOG = structlog.get_logger("orchestra.bus")
#: seconds between two looks
_EVERY_S = 0.5
_ROLE = pack(("ROLE",))


class Masters:
    """Watches the connections of a process to the masters of their keys.

    A connection ends by itself when its server dies, and when a server says that it is a replica. A master that was cut
    off from those who chose another one says nothing: it answers, knows nothing of its successor, and loses what it was
    told as soon as it joins them again. So Sentinels or the nodes of a cluster are asked twice a second, and who is
    connected to anything but the master is disconnected. A single server is asked itself over each connection: behind
    a name, a managed service may have put another one in its place, to which those lead that were opened since.

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
        #: those over which the server itself was asked, and has not answered: a blocking read comes first
        self._asked: WeakSet[RedisConnection] = WeakSet()
        #: those that have left a server and found no master since
        self._left: WeakSet[RedisConnection] = WeakSet()
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
                    self._ask_itself()
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
                else:
                    self._left.discard(connection)

    def _ask_itself(self) -> None:
        for connection in list(self._connections):
            if connection.connected and connection not in self._asked:
                self._asked.add(connection)
                connection.send(_ROLE, partial(self._answered, connection))

    def _answered(self, connection: RedisConnection, reply: Reply) -> None:
        self._asked.discard(connection)
        if isinstance(reply, Exception):  # the connection was lost, or we may not ask
            self._may_ask = self._may_ask and not is_forbidden(str(reply))
        elif reply[0] == b"master":
            self._led.add(connection)
            self._left.discard(connection)
        elif connection in self._led and connection.address is not None:  # else its user has named a replica
            self._leave(connection, connection.address)

    def _leave(self, connection: RedisConnection, at: Address) -> None:
        if connection not in self._left:  # it may take a while until a name leads to the next master
            self._left.add(connection)
            _LOG.warning("redis.master_replaced", was=str(at))
        connection.drop()
