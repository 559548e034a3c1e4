"""`orchestra trim`: removes old events now, even past a group that holds them back."""

from typing import Annotated

import typer

from orchestra.cli.ui.terminal import say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(trim)


def trim(
    past: Annotated[
        str, typer.Option("--past", help="Do not wait for this group. It loses the events that it has not read.")
    ] = "",
    older_than_s: Annotated[
        float | None, typer.Option("--older-than", help="Age in seconds. Default: the retention in the settings.")
    ] = None,
) -> None:
    """Remove events that are older than the retention and that every group has handled."""
    import uvloop

    from orchestra.bus import Bus
    from orchestra.bus.group.stream_trimming import trim as trim_stream
    from orchestra.bus.keys import STREAMS
    from orchestra.settings import load_settings

    async def run() -> dict[str, float]:
        bus = await Bus.connect(load_settings())
        held: dict[str, float] = {}
        try:
            for partition in range(bus.partitions):
                for stream in STREAMS:
                    found = await trim_stream(bus, partition, stream, past=past, retention_s=older_than_s) or {}
                    held.update({group: max(held.get(group, 0), behind) for group, behind in found.items()})
        finally:
            await bus.close()
        return held

    held = uvloop.run(run())
    for group, behind in sorted(held.items()):
        say(f"kept for {group}, which is {behind:.0f} s behind the retention: run its worker, or give --past {group}")
    if not held:
        say("trimmed; no group holds older events back")
