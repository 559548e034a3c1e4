"""`orchestra trim`: remove old events now, and past a group that holds them back."""

from typing import Annotated

import typer

from orchestra.cli.ui.terminal import say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(trim)


def trim(
    past: Annotated[
        str, typer.Option("--past", help="Do not wait for this group: what it has not read is lost to it.")
    ] = "",
    older_than_s: Annotated[
        float | None, typer.Option("--older-than", help="Seconds; the retention of the settings unless given.")
    ] = None,
) -> None:
    """Trim the journal and the media streams by their floor: what is old and needed by no group."""
    import uvloop

    from orchestra.bus import Bus
    from orchestra.bus.group.retention import trim as trim_stream
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
        say(f"kept for {group}, which is {behind:.0f} s behind the retention: run its worker, or --past {group}")
    if not held:
        say("trimmed; no group holds older events back")
