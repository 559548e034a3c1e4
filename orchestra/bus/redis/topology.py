"""Finds the server of a partition: the only server, the master that Sentinel names, or a node of a cluster."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, Protocol

import redis.asyncio
from redis.asyncio.cluster import ClusterNode
from redis.crc import key_slot
from redis.exceptions import ConnectionError as LostConnectionError
from redis.exceptions import RedisError

from orchestra.bus.redis.address import ASK_S, SOCKET_S, Address
from orchestra.bus.redis.asking import SharedAnswer, ask_all
from orchestra.bus.redis.connection import RedisConnection
from orchestra.bus.redis.memory import ServerMemory
from orchestra.bus.redis.reply import text
from orchestra.bus.redis.sentinel import SentinelServers
from orchestra.errors import ServerError


class Servers(Protocol):
    """Finds the server of a slot; asked whenever a connection is opened."""

    #: whether slots are on different servers, so that the keys of a command must be of one slot
    divided: bool
    #: the name for messages
    name: str

    async def address(self, slot_key: str) -> Address:
        """The server that has this key now.

        Raises:
            redis.exceptions.ConnectionError: it cannot be found at the moment.

        """

    async def look(self) -> Callable[[str], Address] | None:
        """Ask where the masters are now, by key; None where only the server itself could say that it is one no more.

        Raises:
            redis.exceptions.ConnectionError: nobody answers; the function raises it for a key that nobody has now.

        """

    def client(self) -> Any:
        """A redis-py client, for everything but the hot path."""

    async def lead(self, client: Any) -> None:
        """Have such a client follow the masters of the last look."""

    async def close(self) -> None:
        """Close the connections that were opened to find servers."""


class OneServer:
    """A single server at a URL."""

    divided = False

    def __init__(self, url: str) -> None:
        self._url = url
        self._address = Address.parse(url)
        self.name = str(self._address)

    async def address(self, slot_key: str) -> Address:  # noqa: ARG002 - it has every key
        """The same address for every key."""
        return self._address

    async def look(self) -> None:
        """There is nobody to ask."""

    def client(self) -> Any:
        """A redis-py client."""
        return redis.asyncio.from_url(self._url, socket_timeout=SOCKET_S)

    async def lead(self, client: Any) -> None:
        """It goes where the URL leads."""

    async def close(self) -> None:
        """Nothing to close."""


class _Slots(NamedTuple):
    """Slots and their master, as one node has them. The node with the larger epoch was the last to get them."""

    epoch: int
    slots: range
    master: Address


class ClusterServers:
    """The nodes of a Redis Cluster: ``redis+cluster://user:pw@host:port`` names any of them.

    All of them are asked, and for each slot the newest of their answers counts: a master that was cut off from the
    others says that its slots are still its own.
    """

    divided = True

    def __init__(self, url: str) -> None:
        self._url = url.replace("+cluster", "", 1)
        self._seed = Address.parse(self._url)
        self._nodes: dict[Address, RedisConnection] = {}
        self._newest: list[_Slots] = []
        self._asked = SharedAnswer(self._ask)
        #: the masters that redis-py's client was told of
        self._led_to: set[Address] = set()
        self.name = f"cluster at {self._seed}"

    async def address(self, slot_key: str) -> Address:
        """The master of the key's slot. The cluster is asked each time: its last answer led to a lost connection."""
        await self._asked.get()
        return self._master_of(slot_key)

    async def look(self) -> Callable[[str], Address]:
        """Ask which node has which slots now."""
        await self._asked.get()
        return self._master_of

    def _master_of(self, slot_key: str) -> Address:
        return self._owner(key_slot(slot_key.encode()))

    def _owner(self, slot: int) -> Address:
        for part in self._newest:
            if slot in part.slots:
                return part.master
        msg = f"no node of the {self.name} serves slot {slot}"
        raise LostConnectionError(msg)

    async def _ask(self) -> None:
        """Ask every node that is known; the first time they have to be heard of first."""
        if not self._newest:
            await self._ask_known()
        await self._ask_known()

    async def _ask_known(self) -> None:
        asked = {self._seed: self._node(self._seed), **self._nodes}
        answers = await ask_all([self._slots_at(node, at) for at, node in asked.items()])
        for answer in answers:
            if isinstance(answer, Exception) and not isinstance(answer, RedisError | OSError):
                raise answer
        found = [answer for answer in answers if not isinstance(answer, Exception)]
        if not found:
            msg = f"no node of the {self.name} answers: {answers[0]}"
            raise LostConnectionError(msg)
        self._newest = sorted((part for parts, _ in found for part in parts), key=lambda part: -part.epoch)
        known = {node for _, nodes in found for node in nodes}
        for gone in set(self._nodes) - known - {self._seed}:
            await self._nodes.pop(gone).close()
        for address in known:
            self._node(address)

    async def _slots_at(self, node: RedisConnection, at: Address) -> tuple[list[_Slots], set[Address]]:
        """Which node has which slots according to this one, and all nodes that it names."""
        rows, nodes = await node.calls([("CLUSTER", "SLOTS"), ("CLUSTER", "NODES")])
        for refused in (rows, nodes):
            if isinstance(refused, RedisError):
                raise refused
        epochs = {line.split()[0]: int(line.split()[6]) for line in text(nodes).splitlines()}
        parts, known = [], set()
        for first, last, *servers in rows:
            places = [replace(self._seed, host=text(host or b"") or at.host, port=port) for host, port, *_ in servers]
            parts.append(_Slots(epochs.get(text(servers[0][2]), 0), range(first, last + 1), places[0]))
            known.update(places)
        return parts, known

    def _node(self, address: Address) -> RedisConnection:
        """The connection over which a node is asked. It stays open, and loads no state: a replica is asked, too."""
        known = self._nodes.get(address)
        if known is None:
            known = self._nodes[address] = RedisConnection(partial(_at, address), timeout_s=ASK_S, keep_open=True)
        return known

    def client(self) -> Any:
        """A redis-py cluster client."""
        return redis.asyncio.RedisCluster.from_url(self._url, socket_timeout=SOCKET_S)

    async def lead(self, client: Any) -> None:
        """Tell this client of new masters. By itself it asks any node that it knows, which may be one of before."""
        masters = {self._owner(slot) for part in self._newest for slot in (part.slots[0], part.slots[-1])}
        known = client.nodes_manager
        if masters == self._led_to or known.default_node is None:  # it asks when it is first used
            return
        asked = known.startup_nodes
        for name in set(asked) - set(map(str, masters)):
            await asked.pop(name).disconnect()
        for each in masters:
            if str(each) not in asked:
                asked[str(each)] = ClusterNode(each.host, each.port, **known.connection_kwargs)
        with contextlib.suppress(redis.exceptions.RedisClusterException):  # none can be reached: at the next look
            await known.initialize()
            self._led_to = masters

    async def close(self) -> None:
        """Close the connections to the nodes."""
        for node in self._nodes.values():
            await node.close()


async def _at(address: Address) -> Address:
    return address


def find_servers(url: str) -> Servers:
    """The servers at a URL: ``redis:``, ``rediss:`` (TLS), ``unix:``, ``redis+cluster:``, ``redis+sentinel:``.

    Raises:
        ServerError: it is none of these.

    """
    scheme = url.partition(":")[0]
    if scheme.endswith("+cluster"):
        return ClusterServers(url)
    if scheme.endswith("+sentinel"):
        return SentinelServers(url)
    return OneServer(url)


def _number(value: str | None) -> int:
    return int(value) if value and value.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says of itself: ``product`` is "redis" or "valkey"; ``durable`` whether it has an append-only file.

    ``version`` and ``policy``, its maxmemory-policy, are empty if it does not say. ``memory`` is what it had in memory
    then.
    """

    product: str
    version: str
    cluster: bool
    durable: bool
    policy: str = ""
    memory: ServerMemory = field(default_factory=ServerMemory)

    @classmethod
    def read(cls, info: str) -> "ServerFacts":
        """From the text of INFO."""
        fields: dict[str, str] = {}
        for line in info.splitlines():
            name, _, value = line.partition(":")
            with contextlib.suppress(ValueError):
                fields[name] = value.strip()
        valkey = fields.get("valkey_version")
        return cls(
            product="valkey" if valkey else "redis",
            version=valkey or fields.get("redis_version", ""),
            cluster=fields.get("cluster_enabled") == "1",
            durable=fields.get("aof_enabled") == "1",
            policy=fields.get("maxmemory_policy", ""),
            memory=ServerMemory.read(info),
        )

    @property
    def evicts(self) -> bool:
        """Whether it drops keys when its memory is full. Even ``volatile-…`` drops leases and producers' numbers."""
        return self.policy not in {"", "noeviction"}

    def check(self, name: str) -> None:
        """Check that the server is new enough.

        Raises:
            ServerError: it is older than Redis 7.0.

        """
        if self.product == "redis" and self.version and _number(self.version.partition(".")[0]) < 7:  # noqa: PLR2004
            msg = f"the server at {name} is Redis {self.version}: Orchestra needs Redis or Valkey 7.0 or newer"
            raise ServerError(msg)
