"""The address of a Redis server, read from a URL: where it listens, our user there, and its TLS options."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio.connection import Connection, SSLConnection, parse_url
from redis.exceptions import RedisError

from orchestra.errors import ServerError
from orchestra.hide_secrets import masking, secrets_in, without_secrets

_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
_OF_THE_POOL = ("max_connections", "timeout")


class ReadTimeout(float):
    """A ``socket_timeout`` in seconds that redis-py uses for reading only.

    For writing, redis-py uses ``asyncio.wait_for`` if the time-out is true. Up to Python 3.11, ``wait_for`` can swallow
    a cancellation that arrives in the moment in which the command was sent (python/cpython#86296): the task would go
    on as if it had not been cancelled. For reading it uses ``asyncio.timeout``, which does not have this fault.
    """

    def __bool__(self) -> bool:
        return False


#: for redis-py's own connections
SOCKET_S = ReadTimeout(5.0)
#: how long a Sentinel or a node of a cluster may take to say where the masters are, in seconds
ASK_S = ReadTimeout(2.0)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and our user there. ``path`` is a unix socket and is used instead of host and port."""

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
            ServerError: the URL is none of these, or one of its options is invalid.

        """
        options = options_of(url)
        tls = tls_of(url, options)
        names = ("host", "port", "path", "username", "password", "db")
        return cls(tls=tls, **{name: options[name] for name in names if options.get(name) is not None})

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"


def options_of(url: str) -> dict[str, Any]:
    """The arguments that redis-py's connections take for a URL, ``connection_class`` included.

    Raises:
        ServerError: it is not the URL of a Redis server.

    """
    try:
        return dict(parse_url(url))
    except ValueError as error:
        raise _unreadable(url, error) from None


def tls_of(url: str, options: dict[str, Any]) -> ssl.SSLContext | None:
    """The TLS context for the server at the URL, None for a connection without TLS; checks every option of the URL.

    Raises:
        ServerError: an option is unknown or has a wrong value, or a file that it names cannot be used.

    """
    kind = options.get("connection_class", Connection)
    given = {name: value for name, value in options.items() if name not in {"connection_class", *_OF_THE_POOL}}
    try:
        connection = kind(**given)
        return connection.ssl_context.get() if isinstance(connection, SSLConnection) else None
    except TypeError as error:
        name = str(error).rpartition(" ")[2]
        with_tls = " without TLS (rediss:)" if "ssl_" in name and kind is not SSLConnection else ""
        raise _unreadable(url, f"there is no option {name}{with_tls}") from None
    except (RedisError, ValueError, OSError) as error:
        for name in _FILES:
            if given.get(name) and not Path(given[name]).exists():
                raise _unreadable(url, f"{name} is {given[name]}, which does not exist") from None
        raise _unreadable(url, error) from None


def _unreadable(url: str, reason: object) -> ServerError:
    shown = masking(secrets_in(url))(str(reason))
    return ServerError(f"cannot read the Redis URL {without_secrets(url)!r}: {shown}")
