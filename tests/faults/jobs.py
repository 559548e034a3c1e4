"""The events and the consumer of the fault tests; run as a process, it is one worker of the group "effects"."""

import asyncio
import os
import time
from pathlib import Path

import uvloop

from orchestra.bus import Consumer, Context
from orchestra.bus.worker.process import run_worker
from orchestra.settings import load_settings
from orchestra_schemas import Event


class JobAsked(Event, frozen=True, kw_only=True):
    """A job; ``kind`` selects how its handler behaves."""

    seq: int
    kind: str = "inline"


class JobBegun(Event, frozen=True, kw_only=True):
    """Published before the ack."""

    seq: int


class JobDone(Event, frozen=True, kw_only=True):
    """Published with the ack."""

    seq: int


class JobForgotten(Event, frozen=True, kw_only=True):
    """No handler takes this type."""

    seq: int


consumer = Consumer("effects", max_attempts=3, handler_timeout_s=1.0)


@consumer.on(JobAsked)
async def work(event: JobAsked, context: Context):  # noqa: ANN201
    note(event, context.attempt)
    last = int(await context.state.get("last") or -1) if event.kind == "stateful" else -1
    match event.kind:
        case "waits":
            await asyncio.sleep(0.002)
        case "begins":
            await context.publish(JobBegun(call=event.call, seq=event.seq))
        case "stateful":
            assert last < event.seq, f"{event.call} went back from {last} to {event.seq}"
            context.state.set("last", b"%d" % event.seq)
        case "raises":
            message = "this job cannot be done"
            raise ValueError(message)
        case "kills":
            os._exit(7)
        case "hangs":
            await asyncio.Event().wait()
        case "blocks":
            if context.attempt == 1:
                time.sleep(float(os.environ["BLOCK_S"]))  # noqa: ASYNC251 - blocking is the fault
    return JobDone(call=event.call, seq=event.seq)


def note(event: JobAsked, attempt: int) -> None:
    """Record every job that was started, also where its effects were refused."""
    if "NOTES" in os.environ:
        with Path(os.environ["NOTES"]).open("a") as notes:
            notes.write(f"{os.getpid()} {event.seq} {attempt} {event.kind}\n")


async def main() -> None:
    if "CLOCK_OFF_S" in os.environ:
        true_time, true_ns, off = time.time, time.time_ns, float(os.environ["CLOCK_OFF_S"])
        time.time = lambda: true_time() + off
        time.time_ns = lambda: true_ns() + int(off * 1e9)
    await run_worker([consumer], load_settings())


if __name__ == "__main__":
    uvloop.run(main())
