"""What the parts of the bus need of it: connections to Redis, and where its servers are."""

from typing import Protocol

from orchestra.bus.redis.connection import RedisConnection
from orchestra.bus.redis.topology import ServerFacts, Servers
from orchestra.bus.sealing import Sealing
from orchestra.settings import Settings


class Connections(Protocol):
    """The connections of a process. The `orchestra.bus.bus.Bus` is one."""

    @property
    def settings(self) -> Settings:
        """The settings of the process."""

    @property
    def sealing(self) -> Sealing:
        """How events are sealed and opened."""

    @property
    def partitions(self) -> int:
        """The number of partitions of the journal. It may grow."""

    @property
    def servers(self) -> Servers:
        """Finds the server of a key."""

    @property
    def facts(self) -> ServerFacts:
        """What the server said of itself when the process connected."""

    @property
    def shared_connection(self) -> RedisConnection:
        """The connection for the keys that belong to no partition."""

    def connection(self, partition: int) -> RedisConnection:
        """The connection for commands on a partition; never use it for blocking reads."""

    def new_connection(self, partition: int) -> RedisConnection:
        """A separate connection to a partition's server, for blocking reads."""

    def connection_for(self, slot_key: str) -> RedisConnection:
        """A separate connection to the server of a key."""
