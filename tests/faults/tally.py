"""A consumer that only counts and checks the order of every call, so that a test measures the engine itself."""

import asyncio
from collections import defaultdict

from orchestra.bus import Consumer, Context
from tests.faults.jobs import JobAsked, JobBegun, JobDone

consumer = Consumer("tally", max_attempts=1)
_next: dict[str, int] = defaultdict(int)


@consumer.on(JobAsked)
async def count(event: JobAsked, context: Context) -> JobDone | None:
    """Handle most events at once; some wait, so that others queue up after them, some publish, some write state."""
    assert event.seq == _next[event.call], f"{event.call} had {event.seq} where {_next[event.call]} was next"
    _next[event.call] += 1
    match event.kind:
        case "waits":
            await asyncio.sleep(0.002)
        case "begins":
            await context.publish(JobBegun(call=event.call, seq=event.seq))
        case "stateful":
            context.state.set("last", b"%d" % event.seq)
            return JobDone(call=event.call, seq=event.seq)
    return None
