"""Checks that a server can keep calls: one that would lose them is refused at the start, and `doctor` says why."""

from dataclasses import dataclass
from functools import partial

from redis.exceptions import RedisError, ResponseError

from orchestra.bus import keys
from orchestra.bus.ports import Connections
from orchestra.bus.redis.connection import Argument, RedisConnection
from orchestra.bus.redis.refusal import cause_of, describe_error, is_forbidden
from orchestra.bus.redis.reply import text
from orchestra.bus.redis.scripts import COMMIT
from orchestra.errors import ServerError

_KEY, _GROUP, _ID = keys.PROBE_KEY, "probe", "0-0"
#: each command that a worker or an edge needs, in a form that changes nothing: there is no key of that name, and the
#: number of partitions is not a hash
_NEEDED: tuple[tuple[Argument, ...], ...] = (
    ("EVALSHA", COMMIT.sha, 0), ("TIME",),
    ("XREAD", "COUNT", 1, "STREAMS", _KEY, 0), ("XRANGE", _KEY, "-", "+"), ("XREVRANGE", _KEY, "+", "-"),
    ("XLEN", _KEY), ("XPENDING", _KEY, _GROUP), ("XINFO", "GROUPS", _KEY), ("XINFO", "STREAM", _KEY),
    ("XADD", _KEY, "NOMKSTREAM", "*", "field", "value"), ("XDEL", _KEY, _ID), ("XTRIM", _KEY, "MAXLEN", 0),
    ("XACK", _KEY, _GROUP, _ID), ("XCLAIM", _KEY, _GROUP, "owner", 0, _ID),
    ("XGROUP", "CREATE", _KEY, _GROUP, 0), ("XGROUP", "SETID", _KEY, _GROUP, 0),
    ("GET", _KEY), ("SET", _KEY, "", "XX"), ("DEL", _KEY), ("EXISTS", _KEY), ("EXPIRE", _KEY, 1),
    ("HGET", _KEY, "field"), ("HMGET", _KEY, "field"), ("HGETALL", _KEY), ("HDEL", _KEY, "field"),
    ("HSET", keys.PARTITIONS_KEY, "field", "value"), ("HINCRBY", keys.PARTITIONS_KEY, "field", 1),
    ("ZADD", _KEY, "XX", 0, "member"), ("ZREM", _KEY, "member"), ("ZREMRANGEBYSCORE", _KEY, 0, 0),
    ("ZRANGE", _KEY, 0, -1), ("ZREVRANGEBYSCORE", _KEY, 0, 0), ("ZSCORE", _KEY, "member"),
)  # fmt: skip
_ONE_KEY_ONLY = ("access a key", "access one of the keys")
_UNKNOWN = "unknown command"


@dataclass(frozen=True, slots=True)
class Fitness:
    """Objections to a server, in words.

    ``unfit``: reasons why it can never keep calls. ``refuses``: what it refuses at the moment. ``lacks``: what would be
    useful and is missing, with the consequence.
    """

    unfit: tuple[str, ...]
    refuses: tuple[str, ...]
    lacks: tuple[str, ...]


async def examine(connections: Connections) -> Fitness:
    """Try every command that will be needed, changing nothing.

    Raises:
        redis.exceptions.RedisError: the server cannot be reached.

    """
    connection = RedisConnection(partial(connections.servers.address, _KEY), keep_open=True)
    try:
        *replies, user = await connection.try_calls([*_NEEDED, ("ACL", "WHOAMI")])
    finally:
        await connection.close()
    answers = [
        (" ".join(str(word).lower() for word in command[: 1 + (command[0] in {"XINFO", "XGROUP"})]), reply)
        for command, reply in zip(_NEEDED, replies, strict=True)
        if isinstance(reply, RedisError)
    ]
    refuses = {
        cause_of(str(reply)): describe_error(reply) for _, reply in answers if not isinstance(reply, ResponseError)
    }
    refuses.pop("NOPERM", None)
    unfit = (*_eviction(connections), *_permissions(answers, text(user) if isinstance(user, bytes) else "NAME"))
    return Fitness(unfit=unfit, refuses=tuple(refuses.values()), lacks=tuple(await _lacking(connections)))


async def check_server(connections: Connections) -> None:
    """Check that calls can be kept on the server.

    Raises:
        ServerError: it cannot be reached, it evicts keys, or our user may not run a command that is needed; the message
            says what to do.

    """
    try:
        unfit = (await examine(connections)).unfit
    except RedisError as error:
        msg = f"the Redis server {connections.servers.name} cannot be used: {describe_error(error)}"
        raise ServerError(msg) from error
    if unfit:
        msg = f"the Redis server {connections.servers.name} cannot keep calls: it {'; it '.join(unfit)}"
        raise ServerError(msg)


def _eviction(connections: Connections) -> tuple[str, ...]:
    if not connections.facts.evicts or connections.settings.allow_eviction:
        return ()
    objection = (
        f"drops keys when its memory is full (maxmemory-policy {connections.facts.policy}), and calls with them: set"
        " maxmemory-policy noeviction, or ORCHESTRA_ALLOW_EVICTION=true to lose some unseen"
    )
    return (objection,)


def _permissions(answers: list[tuple[str, RedisError]], user: str) -> tuple[str, ...]:
    forbidden = [(name, str(reply)) for name, reply in answers if is_forbidden(str(reply))]
    if any(each in text for _, text in forbidden for each in _ONE_KEY_ONLY):
        return (f"keeps the user {user!r} from the keys {keys.PREFIX}:*: ACL SETUSER {user} ~{keys.PREFIX}:*",)
    found = []
    if forbidden:
        names = [name for name, _ in forbidden]
        allowed = " ".join(f"+{name.replace(' ', '|')}" for name in names)
        found.append(f"forbids {', '.join(names).upper()} to the user {user!r}: ACL SETUSER {user} {allowed}")
    if unknown := [name for name, reply in answers if _UNKNOWN in str(reply).lower()]:
        found.append(f"does not know {', '.join(unknown).upper()}: they are renamed there, or it is another product")
    return tuple(found)


async def _lacking(connections: Connections) -> list[str]:
    """What is useful and forbidden to this user, with the consequence."""
    optional: list[tuple[Argument, ...]] = [("CLIENT", "UNBLOCK", 0), ("SCRIPT", "EXISTS", COMMIT.sha)]
    unblock, script = await connections.shared_connection.try_calls(optional)
    found = []
    if not connections.facts.version:
        found.append("INFO: what it is, and whether it keeps and drops what it has, is not known")
    if isinstance(unblock, RedisError):
        found.append("CLIENT UNBLOCK: partitions change hands half a second later")
    if isinstance(script, RedisError):
        found.append("SCRIPT: EVAL is used")
    return found
