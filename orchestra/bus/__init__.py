"""The bus: one ordered journal per partition, fenced consumer groups, exactly-once effects."""

from orchestra.bus.bus import Bus, GroupStatus
from orchestra.bus.consumer.context import Context, State
from orchestra.bus.consumer.definition import Consumer, Refusal
from orchestra.bus.keys import partition_of
from orchestra.bus.redis.embedded import EmbeddedServer
from orchestra.bus.stream.entry import Entry
from orchestra.bus.stream.publisher import Publisher
from orchestra.bus.stream.subscription import Subscription
from orchestra.bus.worker.runtime import run_consumer

__all__ = [
    "Bus",
    "Consumer",
    "Context",
    "EmbeddedServer",
    "Entry",
    "GroupStatus",
    "Publisher",
    "Refusal",
    "State",
    "Subscription",
    "partition_of",
    "run_consumer",
]
