"""One process of a bus benchmark: ``_bus_roles.py ROLE '{"url": …}'``; prints one line of JSON at its end.

Peers run this file in their own environments, so the top of the file imports nothing of Orchestra.
"""

# ruff: noqa: PLC0415 - a peer's environment has only the packages of that peer

import asyncio
import json
import os
import sys
import time
from typing import Any


class Meter:
    """CPU and wall time from the first to the last of ``count`` events, and latencies where events carry a time."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.seen = 0
        self.latencies: list[float] = []
        self.done = asyncio.Event()

    def hit(self, sent: float = 0.0) -> None:
        """Count one handled event."""
        if sent:
            self.latencies.append((time.monotonic() - sent) * 1000)
        if self.seen == 0:
            self._wall, self._cpu = time.perf_counter(), time.process_time()
        self.seen += 1
        if self.seen == self.count:
            self._wall, self._cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
            self.done.set()

    def report(self) -> dict[str, Any]:
        """The measurements."""
        return {"cpu_us": self._cpu / self.seen * 1e6, "per_s": self.seen / self._wall, "latencies": self.latencies}


def quiet() -> None:
    """Keep everything but the result off standard output."""
    import logging

    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


async def engine(options: dict[str, Any], *, output: bool) -> dict[str, Any]:
    """Our engine: a handler per event, exactly-once commits."""
    from pathlib import Path

    from _bus_events import SampleSeen, SampleTaken

    from orchestra.bus import Bus, Consumer, run_consumer
    from orchestra.bus.worker.process import tune_gc
    from orchestra.settings import Settings

    quiet()
    bus = await Bus.connect(
        Settings(redis_url=options["url"], data_dir=Path("/nowhere"), partitions=options["partitions"])
    )
    meter, consumer = Meter(options["count"]), Consumer(options.get("group", "bench"))

    if output:

        @consumer.on(SampleTaken)
        async def answer(event: SampleTaken) -> SampleSeen:
            meter.hit(event.sent)
            return SampleSeen(call=event.call, seq=event.seq)
    else:

        @consumer.on(SampleTaken)
        async def take(event: SampleTaken) -> None:
            meter.hit(event.sent)

    tune_gc()
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(run_consumer(consumer, bus, stop=stop, ready=ready))
    if options.get("announce"):
        await ready.wait()
        print("ready", flush=True)
    done = asyncio.create_task(meter.done.wait())
    await asyncio.wait([done, running], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await running
    await bus.close()
    return meter.report()


async def raw(options: dict[str, Any]) -> dict[str, Any]:
    """The usual code without a framework: redis-py, XREADGROUP COUNT 100, one XACK a batch."""
    import msgspec
    import redis.asyncio
    from redis.exceptions import ResponseError

    class Sample(msgspec.Struct):
        call: str
        id: str
        at: float
        seq: int
        text: str
        sent: float = 0.0

    decode = msgspec.json.Decoder(Sample).decode
    client = redis.asyncio.from_url(options["url"], socket_timeout=None)
    meter = Meter(options["count"])
    keys = [
        f"{options.get('prefix', 'orchestra')}:{{p{partition:02d}}}:events"
        for partition in range(options["partitions"])
    ]
    for key in keys:
        try:
            await client.xgroup_create(key, "raw", "0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
    if options.get("announce"):
        print("ready", flush=True)

    async def handle(event: Sample) -> None:
        meter.hit(event.sent)

    while not meter.done.is_set():
        reply = await client.xreadgroup("raw", "one", dict.fromkeys(keys, ">"), count=100, block=2000)
        for key, entries in reply.items() if isinstance(reply, dict) else reply:
            rows = entries[0] if entries and isinstance(entries[0], list) else entries
            for _, fields in rows:
                await handle(decode(fields[b"body"]))
            await client.xack(key, "raw", *[stream_id for stream_id, _ in rows])
    await client.aclose()
    return meter.report()


async def faststream(options: dict[str, Any], *, batch: bool) -> dict[str, Any]:
    """FastStream's Redis broker on one stream with a group."""
    import logging

    from faststream import FastStream
    from faststream.redis import RedisBroker, StreamSub
    from pydantic import BaseModel

    class Sample(BaseModel):
        call: str
        id: str
        at: float
        seq: int
        text: str

    logging.disable(logging.ERROR)
    meter, broker = Meter(options["count"]), RedisBroker(options["url"], logger=None)
    app = FastStream(broker)
    stream = {"group": "fast", "consumer": "one", "max_records": 100}
    if batch:

        @broker.subscriber(stream=StreamSub("fast", batch=True, **stream))
        async def many(samples: list[Sample]) -> None:
            for _ in samples:
                meter.hit()
    else:

        @broker.subscriber(stream=StreamSub("fast", **stream))
        async def one(sample: Sample) -> None:
            meter.hit()

    running = asyncio.create_task(app.run())
    await meter.done.wait()
    print(json.dumps(meter.report()), flush=True)
    os._exit(0)  # its shutdown waits for a blocking read
    await running


async def faststream_seed(options: dict[str, Any]) -> dict[str, Any]:
    """One event as FastStream publishes it, for the filler to copy."""
    from faststream.redis import RedisBroker

    broker = RedisBroker(options["url"], logger=None)
    await broker.connect()
    await broker.publish(options["event"], stream="fast")
    await broker.stop()
    return {}


async def publisher(options: dict[str, Any]) -> dict[str, Any]:
    """Publish at a steady rate through our publisher."""
    from pathlib import Path

    from _bus_events import SampleTaken

    from orchestra.bus import Bus
    from orchestra.settings import Settings

    bus = await Bus.connect(
        Settings(redis_url=options["url"], data_dir=Path("/nowhere"), partitions=options["partitions"])
    )
    source = bus.publisher("bench")
    calls = [bus.new_call() for _ in range(50)]
    for number in range(options["count"]):
        source.publish(SampleTaken(call=calls[number % 50], seq=number, sent=time.monotonic()))
        await asyncio.sleep(1 / options["rate"])
    await bus.close()
    return {}


async def raw_publisher(options: dict[str, Any]) -> dict[str, Any]:
    """Publish at a steady rate with redis-py's XADD."""
    import msgspec
    import redis.asyncio

    client = redis.asyncio.from_url(options["url"])
    for number in range(options["count"]):
        event = {"call": f"00-{number % 50}", "id": f"e{number}", "at": 0.0, "seq": number, "text": "x" * 150}
        event["sent"] = time.monotonic()
        await client.xadd("raw:{p00}:events", {"type": "t", "call": event["call"], "body": msgspec.json.encode(event)})
        await asyncio.sleep(1 / options["rate"])
    await client.aclose()
    return {}


async def relay(options: dict[str, Any]) -> dict[str, Any]:
    """Two of these share the partitions and record who handles which, until killed or stopped by an empty line."""
    from pathlib import Path

    from _bus_events import SampleTaken

    from orchestra.bus import Bus, Consumer, run_consumer
    from orchestra.settings import Settings

    quiet()
    settings = Settings(
        redis_url=options["url"],
        data_dir=Path("/nowhere"),
        partitions=options["partitions"],
        lease_ms=options["lease_ms"],
    )
    bus = await Bus.connect(settings)
    consumer = Consumer("relay")

    @consumer.on(SampleTaken)
    async def take(event: SampleTaken) -> None:
        print(json.dumps({"seq": event.seq, "late_s": time.monotonic() - event.sent}), flush=True)

    await run_consumer(consumer, bus)
    return {}


ROLES = {
    "engine": lambda options: engine(options, output=False),
    "engine_output": lambda options: engine(options, output=True),
    "raw": raw,
    "faststream_batch": lambda options: faststream(options, batch=True),
    "faststream_single": lambda options: faststream(options, batch=False),
    "faststream_seed": faststream_seed,
    "publisher": publisher,
    "raw_publisher": raw_publisher,
    "relay": relay,
}

if __name__ == "__main__":
    import uvloop

    print(json.dumps(uvloop.run(ROLES[sys.argv[1]](json.loads(sys.argv[2])))), flush=True)
