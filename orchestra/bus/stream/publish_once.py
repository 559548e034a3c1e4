"""Publishes an event that may be asked for more than once: a request that is repeated is stored once."""

from orchestra.bus import keys
from orchestra.bus.ports import Connections
from orchestra.bus.redis.scripts import PUBLISH
from orchestra.bus.stream.encode import encode_event, fill_header
from orchestra.bus.stream.publisher import NUMBERS_KEPT_S
from orchestra.clock import SYSTEM_CLOCK
from orchestra.version import package_version
from orchestra_schemas import Event

#: to the server each request is a producer of its own, whose only event has this number
_NUMBER = 1


async def publish_once(connections: Connections, event: Event, *, source: str, request: str) -> bool:
    """Store an event of the journal unless that was done for this request; returns whether it was stored now.

    A call that ends with a lost connection may have stored the event: it is safe to repeat it with the same request.

    Args:
        connections: the bus.
        event: the event, without a header.
        source: who publishes it.
        request: what distinguishes this request from all others about the call.

    Raises:
        redis.exceptions.RedisError: Redis cannot be reached, or refuses.
        orchestra_schemas.EncodeError: the event has a value that cannot be encoded.

    """
    partition, producer = keys.partition_of(event.call), f"{source}-{request}"
    event_id = f"{event.call}:{producer}.{_NUMBER}"
    event = fill_header(event, event_id, SYSTEM_CLOCK.time(), source, event.cause, version=package_version())
    fields = encode_event(event, connections.sealing).fields()
    names = [
        keys.key(partition, keys.JOURNAL),
        keys.key(partition, keys.MEDIA),
        keys.tombstones_key(partition),
        _numbers_key(event.call),
    ]
    stored = await connections.connection(partition).call(
        "EVALSHA", PUBLISH.sha, len(names), *names, producer, NUMBERS_KEPT_S, 1, 4, _NUMBER, len(fields), *fields
    )
    return bool(stored)


async def was_published(connections: Connections, call: str, *, source: str, request: str) -> bool:
    """Whether `publish_once` has stored an event for this request.

    Raises:
        redis.exceptions.RedisError: Redis cannot be reached.

    """
    connection = connections.connection(keys.partition_of(call))
    return bool(await connection.call("HEXISTS", _numbers_key(call), f"{source}-{request}"))


def _numbers_key(call: str) -> str:
    return keys.key(keys.partition_of(call), "numbers", call)
