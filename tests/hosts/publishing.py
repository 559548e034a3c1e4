"""Publishes the jobs of one call for a while, on the host on which it is run, and says what it has published."""

import asyncio
import sys

from orchestra.bus import Bus
from orchestra.settings import load_settings
from tests.faults.jobs import JobAsked

_PAUSE_S = 0.02


async def main(jobs: int) -> None:
    """Publish so many, and wait until all of them are stored."""
    bus = await Bus.connect(load_settings())
    publisher, call = bus.publisher("publishing"), bus.new_call()
    for seq in range(jobs):
        publisher.publish(JobAsked(call=call, seq=seq))
        await asyncio.sleep(_PAUSE_S)
        if not seq:
            print("begun", flush=True)  # noqa: T201
    await publisher.flush(60)
    print("published", call, flush=True)  # noqa: T201
    await bus.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
