"""The leases of operators who listen to calls: a console renews them, an edge sees when one is no longer renewed."""

from collections.abc import Iterable
from typing import Final

from orchestra.bus import Bus

#: of a lease, in seconds; a console renews it every `RENEWED_EVERY_S`
LEASE_S: Final = 15
RENEWED_EVERY_S: Final = 3.0


def _key(bus: Bus, call: str, operator: str, console: str) -> str:
    return bus.key(call, "listener", call, operator, console)


async def renew(bus: Bus, console: str, listeners: Iterable[tuple[str, str]]) -> None:
    """Hold the leases of this console's listeners (call, operator) for `LEASE_S` from now on. Raises RedisError."""
    for call, operator in listeners:
        await bus.redis.set(_key(bus, call, operator, console), b"1", ex=LEASE_S)


async def is_held(bus: Bus, call: str, operator: str, console: str) -> bool:
    """Whether this console still has the operator listen to the call. Raises RedisError."""
    return bool(await bus.redis.exists(_key(bus, call, operator, console)))
