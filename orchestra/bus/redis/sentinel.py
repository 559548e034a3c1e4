"""The master that a group of Sentinels names."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as LostConnectionError

from orchestra.bus.redis.address import ASK_S, SOCKET_S, Address, options_of, tls_of
from orchestra.bus.redis.asking import SharedAnswer, ask_all
from orchestra.errors import ServerError
from orchestra.hide_secrets import without_secrets

_PORT = 26379
_HOST = re.compile(r"(\[[^\]]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
_SHAPE = "redis+sentinel://[user:password@]host[:port][,host[:port]…]/service[/db]"
_NO = frozenset({"0", "f", "false", "n", "no"})


class SentinelServers:
    """The master that Sentinels name: ``redis+sentinel://user:pw@host,host2:26380/service/db``.

    With ``rediss+sentinel`` the server and the Sentinels speak TLS, with the same ``ssl_…`` options; with
    ``sentinel_ssl=false`` only the server does, with ``redis+sentinel`` and ``sentinel_ssl=true`` only the Sentinels
    do. Our user at the Sentinels is ``sentinel_username`` with ``sentinel_password``.

    Replication is asynchronous: a promoted replica may lack the last events and commits that its master had answered.
    Those events are lost, unless their publisher had no answer yet and sends them again. Every event that the new
    master has is handled, and takes effect once (commit.lua). The same holds for the replicas of a cluster.
    """

    divided = False

    def __init__(self, url: str) -> None:
        scheme, hosts, self._service, db, query = _parts(url)
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        ours = "&".join(part for part in query.split("&") if not part.startswith("sentinel_"))
        options = options_of(f"{scheme}://localhost/{db}?{ours}")
        parts = urlsplit(url)
        self._base = Address(
            username=unquote(parts.username or ""), password=unquote(parts.password or ""), db=options.get("db", 0)
        )
        tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
        secure = scheme == "rediss"
        theirs = asked.get("sentinel_ssl", str(secure)).lower() not in _NO
        if not secure and theirs:  # the TLS options are for the Sentinels alone
            tls_of(url, options_of(f"rediss://localhost/?{ours}"))
            options = {name: value for name, value in options.items() if name not in tls}
        self._base = replace(self._base, tls=tls_of(url, options))
        known = {"username": self._base.username or None, "password": self._base.password or None, "db": self._base.db}
        self._sentinels = _Sentinels(  # type: ignore[no-untyped-call]
            hosts,
            # a Sentinel that died with the master's machine must not use up the time for asking the next one
            sentinel_kwargs={
                "protocol": 2,  # in version 3, the error for a missing password is another one
                "username": asked.get("sentinel_username"),
                "password": asked.get("sentinel_password"),
                "socket_timeout": ASK_S,
                "socket_connect_timeout": ASK_S,
                "retry": Retry(NoBackoff(), 0),
                **({"ssl": True, **tls} if theirs else {}),
            },
            **known,
            **({"ssl": True, **tls} if secure else {}),
        )
        self.name = f"{self._service} by Sentinel"
        self._master = SharedAnswer(self._find_master)

    async def _find_master(self) -> Address:
        host, port = await self._sentinels.discover_master(self._service)
        return replace(self._base, host=host, port=port)

    async def address(self, slot_key: str) -> Address:  # noqa: ARG002 - the master has every key
        """The address of the current master."""
        return await self._master.get()

    async def look(self) -> Callable[[str], Address]:
        """Ask where the master is now."""
        master = await self._master.get()
        return lambda _: master

    def client(self) -> Any:
        """A redis-py client that follows the master."""
        return self._sentinels.master_for(self._service, socket_timeout=SOCKET_S)

    async def lead(self, client: Any) -> None:
        """End the connections of this client to a master of before; redis-py does so only when it opens one."""
        pool, known = client.connection_pool, client.connection_pool.master_address
        if known is not None and await pool.get_master_address() != known:
            await pool.disconnect()

    async def close(self) -> None:
        """Close the connections to the Sentinels."""
        await self._sentinels.aclose()


class _Sentinels(Sentinel):
    """redis-py's Sentinel client, with an error that says why no Sentinel names a master."""

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """Ask all of them, and follow the newest configuration: one that was cut off names the master of before.

        Raises:
            redis.exceptions.ConnectionError: none of them names a master; the message has each one's answer.

        """
        answers: list[str] = []
        named: list[tuple[int, bool, tuple[str, int]]] = []
        replies: list[Any] = await ask_all([sentinel.sentinel_masters() for sentinel in self.sentinels])
        for sentinel, masters in zip(self.sentinels, replies, strict=True):
            at = "{host}:{port}".format_map(sentinel.connection_pool.connection_kwargs)
            if isinstance(masters, RedisError | OSError):
                cure = ": set sentinel_password" if isinstance(masters, AuthenticationError) else ""
                answers.append(f"{at}: {' '.join(str(masters).split()) or 'no answer'}{cure}")
            elif isinstance(masters, Exception):
                raise masters
            elif (state := masters.get(service_name)) is None:
                answers.append(f"{at} knows {', '.join(masters) or 'no service'}, but not {service_name}")
            else:
                is_up = self.check_master_state(state, service_name)
                named.append((int(state["config-epoch"]), is_up, (state["ip"], state["port"])))
                if not is_up:
                    answers.append(f"{at} says that it is down")
        _, is_up, place = max(named, default=(0, False, ("", 0)))
        if is_up:
            return place
        msg = f"no Sentinel names a master of {service_name}: {'; '.join(answers)}"
        if self.sentinel_kwargs.get("ssl"):
            msg += " (they were asked over TLS; if they do not speak it, add sentinel_ssl=false)"
        raise LostConnectionError(msg)


def _parts(url: str) -> tuple[str, list[tuple[str, int]], str, str, str]:
    """Scheme, Sentinels, service, number of the database and query of a URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    hosts = [_HOST.fullmatch(each) for each in parts.netloc.rpartition("@")[2].split(",")]
    path = [part for part in parts.path.split("/") if part]
    if not path or not all(hosts):
        msg = f"{without_secrets(url)!r} is not {_SHAPE}"
        raise ServerError(msg)
    found = [(match[1].strip("[]"), int(match[2] or _PORT)) for match in hosts if match]
    return parts.scheme.removesuffix("+sentinel"), found, path[0], path[1] if len(path) > 1 else "0", parts.query
