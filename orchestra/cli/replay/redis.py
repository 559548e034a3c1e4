"""`orchestra replay --into redis://…`: recorded calls on another server, under their ids or others."""

from orchestra.cli.replay.terminal import ProgressBar, ReplayRun, finished, note, stop_on_signal, total
from orchestra.replay.rewrite import Rewrite
from orchestra.replay.sources.redis_journal import connect
from orchestra.replay.targets.redis import redis_target


async def replay_into_redis(run: ReplayRun, url: str, rename: str, *, now: bool) -> int:
    """Write the entries to the server at this URL; those that it has stay as they are."""
    bus = await connect(run.settings, url)
    try:
        seconds, micros = await bus.shared_connection.call("TIME")
        run = run.until(int(seconds) + int(micros) / 1e6)  # what is written from here on is not read again
        with stop_on_signal() as stop, ProgressBar("events", await total(run)) as bar:
            async with redis_target(
                bus, Rewrite(bus.partitions, rename=rename), now=now, prompt=bool(run.speed)
            ) as target:
                done = await run.replay(stop, bar).into(target)
    finally:
        await bus.close()
    already_there = f"; {target.already_there:,} were there already" if target.already_there else ""
    note(f"{target.written:,} events of {done.calls:,} calls written{already_there}")
    return finished(run, done)
