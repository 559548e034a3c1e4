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
    to: Annotated[str, typer.Argument(metavar="NUMBER", help="The number to call, E.164, or a SIP address.")],
    *,
    line: Annotated[str, typer.Option(help="Our number that the person sees, and whose app speaks.")] = "",
    var: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="What the agents are told; may be repeated.")
    ] = None,
    key: Annotated[str, typer.Option(help="The same command with the same key places one call.")] = "",
    zone: Annotated[str, typer.Option(help="The person's time zone, in place of that of the number.")] = "",
) -> None:
    """Place a call. Whoever answers talks to the agents of the running edge."""
    import uvloop

    from orchestra.log import configure_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    configure_logging(settings, "dial")
    asked: dict[str, object] = {
        "to": to,
        "line": line,
        "variables": _variables(var or []),
        "idempotency_key": key,
        "zone": zone,
    }
    call, sid = uvloop.run(_dial(settings, asked))
    say(f"{call} {sid}")


def _variables(given: list[str]) -> dict[str, str]:
    from orchestra.errors import UsageError

    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or name in found:
            msg = f"--var {each[:64]!r}: write NAME=VALUE, each name once"
            raise UsageError(msg)
        found[name] = value
    return found


async def _dial(settings: "Settings", asked: dict[str, object]) -> tuple[str, str]:
    import msgspec

    from orchestra.app_phrases import load_edge_lines
    from orchestra.bus import Bus
    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.errors import RejectedError, UsageError
    from orchestra.stack import find_running_stack

    with needs_extra("voice"):
        from orchestra.voice.carriers.registry import open_dial_carriers
        from orchestra.voice.edge.dialler import CallRequest, Dialler

    up = find_running_stack(settings)
    carriers = open_dial_carriers(settings, settings.public_url or (up.url if up else ""))
    bus = await Bus.connect(settings)
    try:
        request = msgspec.convert(asked, CallRequest)
        plan = (await load_edge_lines(settings.app)).plan if request.line else None
        dialler = Dialler(settings, bus, carriers[settings.carrier], plan, bus.new_call, sip=carriers.get("sip"))
        placed = await dialler.place(request)
    except (RejectedError, msgspec.ValidationError) as error:
        raise UsageError(str(error)) from None
    finally:
        await bus.close()
    return placed.call, placed.provider_call
