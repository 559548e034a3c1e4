"""`orchestra dial`: place an outbound call."""

from typing import TYPE_CHECKING, Annotated

import typer

from orchestra.cli.ui.terminal import say

if TYPE_CHECKING:
    from orchestra.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(dial)


def dial(
    to: Annotated[str, typer.Argument(metavar="NUMBER", help="The number to call, E.164: +15550001.")],
) -> None:
    """Place a call. Whoever answers talks to the agents of the running edge."""
    import uvloop

    from orchestra.log import configure_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    configure_logging(settings, "dial")
    call, sid = uvloop.run(_dial(settings, to))
    say(f"{call} {sid}")


async def _dial(settings: "Settings", to: str) -> tuple[str, str]:
    from orchestra.bus import Bus
    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.errors import RejectedError, UsageError
    from orchestra.stack import find_running_stack

    with needs_extra("voice"):
        from orchestra.voice.carriers.registry import open_carrier

    up = find_running_stack(settings)
    carrier = open_carrier(settings, settings.public_url or (up.url if up else ""))
    bus = await Bus.connect(settings)
    try:
        call = bus.new_call()
        return call, await carrier.place_call(call, to)
    except RejectedError as error:
        raise UsageError(str(error)) from None
    finally:
        await bus.close()
