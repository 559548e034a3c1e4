"""Where the server of a partition is: one server, the master that Sentinel names, or the nodes of a cluster."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import redis.asyncio
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import ConnectionError as LostConnectionError
from redis.exceptions import RedisError

from orchestra.errors import ServerError
from orchestra.masking import masking, secrets_in, without_secrets


class ReadTimeout(float):
    """A ``socket_timeout`` in seconds, for redis-py to read by and not to write by.

    It writes under ``asyncio.wait_for`` where a time-out is set and true, and up to Python 3.11 that returns, instead
    of raising, when it is cancelled in the moment in which the command was sent (python/cpython#86296): whoever cancels
    a task that asks Redis something would be passed over. Reading is under ``asyncio.timeout``, which loses nothing.
    """

    def __bool__(self) -> bool:
        return False


#: redis-py's own
_SOCKET_S = ReadTimeout(5.0)
#: how long a Sentinel or a node of a cluster may take to say where the masters are, in seconds
_ASK_S = ReadTimeout(1.0)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and who we are to it. ``path`` is a unix socket and goes before host and port."""

    host: str = "127.0.0.1"
    port: int = 6379
    path: str = ""
    username: str = ""
    password: str = ""
    db: int = 0
    tls: ssl.SSLContext | None = None

    @classmethod
    def parse(cls, url: str) -> "Address":
        """From ``redis://``, ``rediss://`` or ``unix://``, with the options that redis-py knows.

        Raises:
            ServerError: the URL is none of these.

        """
        try:
            options: dict[str, Any] = dict(parse_url(url))
        except ValueError as error:
            reason = masking(secrets_in(url))(str(error))
            msg = f"cannot read the Redis URL {without_secrets(url)!r}: {reason}"
            raise ServerError(msg) from None
        tls = None
        if options.pop("connection_class", None) is SSLConnection:
            chosen: dict[str, Any] = {name: value for name, value in options.items() if name.startswith("ssl_")}
            tls = SSLConnection(**chosen).ssl_context.get()
        names = ("host", "port", "path", "username", "password", "db")
        return cls(tls=tls, **{name: options[name] for name in names if options.get(name) is not None})

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"


class Servers(Protocol):
    """Finds the server of a slot; asked again whenever a connection is opened."""

    #: whether slots lie on different servers, so that a command may name keys of one slot only
    divided: bool
    #: what to call it in messages
    name: str

    async def address(self, slot_key: str) -> Address:
        """The server that has this key now.

        Raises:
            redis.exceptions.ConnectionError: nobody knows at the moment.

        """

    def client(self) -> Any:
        """A redis-py client for everything that is not the hot path."""

    async def close(self) -> None:
        """Close what was opened to find out."""


class OneServer:
    """A server of its own, at a URL."""

    divided = False

    def __init__(self, url: str) -> None:
        self._url = url
        self._address = Address.parse(url)
        self.name = str(self._address)

    async def address(self, slot_key: str) -> Address:  # noqa: ARG002 - it has every key
        """The same for every key."""
        return self._address

    def client(self) -> Any:
        """A redis-py client."""
        return redis.asyncio.from_url(self._url, socket_timeout=_SOCKET_S)

    async def close(self) -> None:
        """Nothing is open."""


class SentinelServers:
    """The master that a group of Sentinels names: ``redis+sentinel://user:pw@host:26379,host2:26379/service/db``.

    Replication is asynchronous: a replica that is promoted may lack the last events and commits that its master had
    answered, and these events are lost unless their publisher had no answer yet and sends them again. Of what the new
    master has, every event is handled and has its effects once (commit.lua). The same holds for a cluster's replicas.
    """

    divided = False

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        hosts = [host.rpartition(":") for host in parts.netloc.rpartition("@")[2].split(",")]
        path = [part for part in parts.path.split("/") if part]
        if not path or not all(port.isdecimal() and host for host, _, port in hosts):
            msg = (
                f"{without_secrets(url)!r} is not redis+sentinel://[user:password@]host:port[,host:port…]/service[/db]"
            )
            raise ServerError(msg)
        self._service = path[0]
        plain = parts.scheme.removesuffix("+sentinel")
        self._base = replace(
            Address.parse(f"{plain}://localhost/{path[1] if len(path) > 1 else 0}?{parts.query}"),
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )
        known = {"username": self._base.username or None, "password": self._base.password or None, "db": self._base.db}
        self._known = known | ({"ssl": True} if plain == "rediss" else {})
        secret = parse_qs(parts.query).get("sentinel_password", [None])[0]
        self._sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]
            [(host, int(port)) for host, _, port in hosts],
            # one that died with the master's machine must not use up the time there is for asking the next one
            sentinel_kwargs={
                "password": secret,
                "socket_timeout": _ASK_S,
                "socket_connect_timeout": _ASK_S,
                "retry": Retry(NoBackoff(), 0),
            },
            **self._known,
        )
        self.name = f"{self._service} by Sentinel"

    async def address(self, slot_key: str) -> Address:  # noqa: ARG002 - the master has every key
        """The present master's."""
        host, port = await self._sentinel.discover_master(self._service)
        return replace(self._base, host=host, port=port)

    def client(self) -> Any:
        """A redis-py client that follows the master."""
        return self._sentinel.master_for(self._service, socket_timeout=_SOCKET_S)

    async def close(self) -> None:
        """Close the connections to the Sentinels."""
        for sentinel in self._sentinel.sentinels:
            await sentinel.aclose()


class ClusterServers:
    """The nodes of a Redis Cluster: ``redis+cluster://user:pw@host:port``; any node will do."""

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
        """The master of the key's slot, asked anew: a connection is only opened when the old one was of no use."""
        slot, answers = key_slot(slot_key.encode()), self._answers
        async with self._asking:
            if answers == self._answers:  # else what another asked meanwhile is news enough
                await self._ask()
        for slots, address in self._nodes.items():
            if slot in slots:
                return address
        msg = f"no node of the {self.name} serves slot {slot}"
        raise LostConnectionError(msg)

    async def _ask(self) -> None:
        """Ask the first node that answers which slots lie where, first of all the one that answered last time."""
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
        client = redis.asyncio.from_url(self._url, socket_timeout=_ASK_S, socket_connect_timeout=_ASK_S, retry=once)
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
        return redis.asyncio.RedisCluster.from_url(self._url, socket_timeout=_SOCKET_S)

    async def close(self) -> None:
        """Nothing is open."""


def _text(value: str | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def _rows(reply: Any) -> list[Any]:
    """CLUSTER SLOTS as the server sends it; redis-py may have made a mapping of it."""
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
    """What a server says it is: ``product`` is "redis" or "valkey"; ``durable`` whether it appends to a file.

    ``version`` is empty where it says nothing, and so is ``policy``, its maxmemory-policy; ``memory`` is what it uses
    of its ``maxmemory``, both in bytes, which is 0 for no limit.
    """

    product: str
    version: str
    cluster: bool
    durable: bool
    policy: str = ""
    memory: int = 0
    maxmemory: int = 0

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
            memory=_number(fields.get("used_memory")),
            maxmemory=_number(fields.get("maxmemory")),
        )

    @property
    def evicts(self) -> bool:
        """Whether it drops keys when its memory is full. Those that expire are leases and producers' numbers."""
        return self.policy not in {"", "noeviction"}

    def check(self, name: str) -> None:
        """Refuse a server that is too old.

        Raises:
            ServerError: it is older than Redis 7.0.

        """
        if self.product == "redis" and self.version and _number(self.version.partition(".")[0]) < 7:  # noqa: PLR2004
            msg = f"the server at {name} is Redis {self.version}: Orchestra needs Redis or Valkey 7.0 or newer"
            raise ServerError(msg)
