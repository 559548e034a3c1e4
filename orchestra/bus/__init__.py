"""The bus: one ordered journal per partition, fenced consumer groups, exactly-once effects."""

from orchestra.bus.bus import Bus, GroupStatus
from orchestra.bus.consumer import Consumer, Refusal
from orchestra.bus.context import Context, State
from orchestra.bus.engine import run_consumer
from orchestra.bus.entry import Entry
from orchestra.bus.follow import Follow
from orchestra.bus.keys import partition_of
from orchestra.bus.publisher import Publisher
from orchestra.bus.server import EmbeddedServer

__all__ = [
    "Bus",
    "Consumer",
    "Context",
    "EmbeddedServer",
    "Entry",
    "Follow",
    "GroupStatus",
    "Publisher",
    "Refusal",
    "State",
    "partition_of",
    "run_consumer",
]
