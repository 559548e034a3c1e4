"""How full a server's memory is, and how much less of the past it should keep then."""

from dataclasses import dataclass

from orchestra.bus.redis.connection import RedisConnection
from orchestra.bus.redis.reply import text

#: from this share of the memory on, operators are told
NEARLY_FULL = 0.7
#: between these shares the past is kept for less and less long; at the latter, as short as calls that run allow
SHORTENS_FROM, SHORTEST_FROM = 0.85, 0.95
#: the server does not count all that it uses when it decides what to refuse
_FULL = 0.98


@dataclass(frozen=True, slots=True)
class ServerMemory:
    """What a server has in memory, in bytes; ``limit`` is its maxmemory, or, without one, its machine's memory.

    Both are 0 where it does not say.
    """

    used: int = 0
    limit: int = 0

    @classmethod
    def read(cls, info: str) -> "ServerMemory":
        """From the text of INFO."""
        fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)

        def number(name: str) -> int:
            value = fields.get(name, "").strip()
            return int(value) if value.isdecimal() else 0

        return cls(number("used_memory"), number("maxmemory") or number("total_system_memory"))

    @property
    def share(self) -> float:
        """The used share of the limit; 0 where it is not known."""
        return self.used / self.limit if self.limit else 0.0

    @property
    def is_nearly_full(self) -> bool:
        """Whether operators should act."""
        return self.share > NEARLY_FULL

    @property
    def is_full(self) -> bool:
        """Whether it refuses to store more."""
        return self.share > _FULL

    def __str__(self) -> str:
        """``712 of 1,024 MB``; empty where it is not known."""
        return f"{self.used / 2**20:,.0f} of {self.limit / 2**20:,.0f} MB" if self.limit else ""

    def shortened(self, retention_s: float, shortest_s: float) -> float:
        """For how long to keep the past: ``retention_s``, but less the fuller the memory is, down to ``shortest_s``."""
        if self.share <= SHORTENS_FROM or retention_s <= shortest_s:
            return retention_s
        left = max(0.0, (SHORTEST_FROM - self.share) / (SHORTEST_FROM - SHORTENS_FROM))
        return shortest_s + left * (retention_s - shortest_s)


async def memory_of(connection: RedisConnection) -> ServerMemory:
    """How full the memory of the server at this connection is.

    Raises:
        redis.exceptions.RedisError: it cannot be reached, or may not be asked.

    """
    return ServerMemory.read(text(await connection.call("INFO", "memory")))
