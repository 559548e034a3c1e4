"""`orchestra replay --into redis://…`: recorded calls on another server, under their ids or others."""

from orchestra.cli.replay.terminal import Bar, Run, finished, note, stopping, total
from orchestra.replay.rewrite import Rewrite
from orchestra.replay.sources.sources import connect
from orchestra.replay.targets.redis import copying


async def copy(run: Run, url: str, rename: str, *, now: bool) -> int:
    """Write the entries to the server at this URL; those that it has stay as they are."""
    bus = await connect(run.settings, url)
    try:
        seconds, micros = await bus.shared_connection.call("TIME")
        run = run.until(int(seconds) + int(micros) / 1e6)  # what is written from here on is not read again
        with stopping() as stop, Bar("events", await total(run)) as bar:
            async with copying(bus, Rewrite(bus.partitions, rename=rename), now=now, prompt=bool(run.speed)) as target:
                done = await run.replay(stop, bar).into(target)
    finally:
        await bus.close()
    there = f"; {target.there:,} were there already" if target.there else ""
    note(f"{target.written:,} events of {done.calls:,} calls written{there}")
    return finished(run, done)
