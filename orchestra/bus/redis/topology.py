"""Finds the server of a partition: the only server, the master that Sentinel names, or a node of a cluster."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import ConnectionError as LostConnectionError
from redis.exceptions import RedisError

from orchestra.bus.redis.address import ASK_S, SOCKET_S, Address
from orchestra.bus.redis.memory import ServerMemory
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

    def client(self) -> Any:
        """A redis-py client, for everything but the hot path."""

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

    def client(self) -> Any:
        """A redis-py client."""
        return redis.asyncio.from_url(self._url, socket_timeout=SOCKET_S)

    async def close(self) -> None:
        """Nothing to close."""


class ClusterServers:
    """The nodes of a Redis Cluster: ``redis+cluster://user:pw@host:port`` names any of them."""

    divided = True

    def __init__(self, url: str) -> None:
        self._url = url.replace("+cluster", "", 1)
        self._seed = Address.parse(self._url)
        self._nodes: dict[range, Address] = {}
        self._answered = self._seed
        self._answers = 0
        self._asking = asyncio.Lock()
        self.name = f"cluster at {self._seed}"

    async def address(self, slot_key: str) -> Address:
        """The master of the key's slot. The cluster is asked each time: its last answer led to a lost connection."""
        slot, answers = key_slot(slot_key.encode()), self._answers
        async with self._asking:
            if answers == self._answers:  # else another task has asked meanwhile
                await self._ask()
        for slots, address in self._nodes.items():
            if slot in slots:
                return address
        msg = f"no node of the {self.name} serves slot {slot}"
        raise LostConnectionError(msg)

    async def _ask(self) -> None:
        """Ask the nodes which slots are where until one answers, beginning with the one that answered last time."""
        failure: Exception | None = None
        for address in dict.fromkeys((self._answered, *self._nodes.values(), self._seed)):
            try:
                found = await self._slots(address)
            except (RedisError, OSError) as error:
                failure = error
            else:
                self._nodes = found
                self._answered = address
                self._answers += 1
                return
        msg = f"no node of the {self.name} answers: {failure}"
        raise LostConnectionError(msg)

    async def _slots(self, address: Address) -> dict[range, Address]:
        once = Retry(NoBackoff(), 0)
        client = redis.asyncio.from_url(self._url, socket_timeout=ASK_S, socket_connect_timeout=ASK_S, retry=once)
        client.connection_pool.connection_kwargs.update(host=address.host, port=address.port)
        async with client:
            rows = await client.execute_command("CLUSTER SLOTS")  # type: ignore[no-untyped-call]
        return {
            range(int(first), int(last) + 1): replace(
                self._seed, host=_text(master[0]) or address.host, port=int(master[1])
            )
            for first, last, master, *_ in _rows(rows)
        }

    def client(self) -> Any:
        """A redis-py cluster client."""
        return redis.asyncio.RedisCluster.from_url(self._url, socket_timeout=SOCKET_S)

    async def close(self) -> None:
        """Nothing to close."""


def _text(value: str | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def _rows(reply: Any) -> list[Any]:
    """The rows of a CLUSTER SLOTS reply; redis-py may have turned it into a mapping."""
    if not isinstance(reply, Mapping):
        return list(reply)
    return [(first, last, (node["primary"][0], node["primary"][1])) for (first, last), node in reply.items()]


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
