"""`orchestra webhooks`: the endpoints of other systems: list, test, resend."""

from typing import TYPE_CHECKING, Annotated

import typer

from orchestra.cli.ui.terminal import complain, say, say_json
from orchestra.counted import counted
from orchestra.errors import UsageError

if TYPE_CHECKING:
    from collections import Counter

    from orchestra.settings import Settings
    from orchestra.webhooks.endpoints import Endpoint
    from orchestra.webhooks.http_post import Answer
    from orchestra.webhooks.overview import EndpointOverview

webhooks = typer.Typer(help="Webhooks to other systems: list, test, resend.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(webhooks, name="webhooks")


@webhooks.command("list")
def list_endpoints(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """List the endpoints: what waits for each, since when, its last answer, how many messages it has received."""
    import uvloop

    from orchestra.settings import load_settings
    from orchestra.webhooks.endpoints import load_endpoints

    settings = load_settings()
    endpoints = load_endpoints(settings, secrets=False)
    found = uvloop.run(_overviews(settings, endpoints))
    if as_json:
        for each in found:
            say_json(each)
        return
    if not found:
        say("no webhooks: name a file with their endpoints in ORCHESTRA_WEBHOOKS")
        return
    _print_table(found)
    for endpoint in endpoints:
        if endpoint.unknown_events:
            complain(f"{endpoint.name}: the platform has no event {', '.join(endpoint.unknown_events)}: yours?")


@webhooks.command("test")
def send_test_message(
    target: Annotated[str, typer.Argument(metavar="NAME|URL", help="An endpoint of the file, or any URL.")],
    *,
    secret_env: Annotated[str, typer.Option(help="For a URL: the variable with the secret.")] = "",
) -> None:
    """Send a signed message of the type webhook.test, once, and print the answer; exit code 1: it was not received.

    An endpoint that was stopped and receives it gets messages again.
    """
    import asyncio
    import time

    from orchestra.errors import OrchestraError
    from orchestra.settings import load_settings
    from orchestra.webhooks.delivery import Verdict, shown, verdict_of

    settings = load_settings()
    endpoint = _target(settings, target, secret_env)
    started = time.monotonic()
    try:
        answer, again = asyncio.run(_test(settings, endpoint))
    except OrchestraError as error:
        if isinstance(error, UsageError):
            raise
        complain(f"{endpoint.name}: {endpoint.place}: {error}")
        raise typer.Exit(1) from None
    say(f"{endpoint.name}: {endpoint.place}: {shown(answer)} ({1000 * (time.monotonic() - started):.0f} ms)")
    if again:
        say(f"{endpoint.name} gets messages again")
    if verdict_of(answer.status) is not Verdict.DELIVERED:
        raise typer.Exit(1)


@webhooks.command()
def resend(
    what: Annotated[str, typer.Argument(metavar="[CALL|EVENT]", help="A call's id, or an event's.")] = "",
    *,
    since: Annotated[str, typer.Option(help="All events since then: 2h, 2026-11-22, 2026-11-22T20:15.")] = "",
    endpoint: Annotated[str, typer.Option(help="Only to this endpoint.")] = "",
) -> None:
    """Send events again, from the journal or the archive. Receivers know those that they have by their ids."""
    import uvloop

    from orchestra.cli.ui.parse_time import moment
    from orchestra.settings import load_settings
    from orchestra.webhooks.endpoints import load_endpoints

    settings = load_settings()
    endpoints = [each for each in load_endpoints(settings, secrets=False) if endpoint in ("", each.name)]
    if not endpoints:
        known = ", ".join(each.name for each in load_endpoints(settings, secrets=False)) or "none"
        msg = f"there is no endpoint {endpoint!r} in ORCHESTRA_WEBHOOKS: there are {known}"
        raise UsageError(msg)
    if bool(what) == bool(since):
        msg = "say what to send again: a call's id, an event's, or --since with a time"
        raise UsageError(msg)
    count = uvloop.run(_resend(settings, endpoints, what, moment(since) if since else None))
    if not count:
        say("nothing to send again: no endpoint wants an event of these")
    for name, events in sorted(count.items()):
        say(f"{name}: {counted(events, 'event')} sent again")


async def _overviews(settings: "Settings", endpoints: "tuple[Endpoint, ...]") -> "list[EndpointOverview]":
    from orchestra.bus import Bus
    from orchestra.webhooks.overview import overview

    if not endpoints:
        return []
    bus = await Bus.connect(settings)
    try:
        return [await overview(bus, each) for each in endpoints]
    finally:
        await bus.close()


def _print_table(found: "list[EndpointOverview]") -> None:
    from rich.text import Text

    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.parse_time import shown
    from orchestra.cli.ui.table import columns, print_table

    rows = []
    for each in found:
        status = each.status
        state = Text("stopped", "bold red") if status.stopped else Text("failing" if each.failing else "ok")
        rows.append(
            (
                each.name,
                each.url,
                state,
                f"{each.messages} of {counted(each.calls, 'call')}" if each.messages else "0",
                shown(each.oldest_at) if each.oldest_at else "",
                str(status.delivered),
                str(status.failed),
                str(status.given_up),
                shown(status.at) if status.at else "never",
                status.stopped or status.answer,
            )
        )
    numbers = ("delivered", "failed", "given up")
    titles = ("endpoint", "URL", "state", "waiting", "oldest", *numbers, "last", "answer")
    print_table(terminal(), columns(*titles, right=numbers), rows)


def _target(settings: "Settings", target: str, secret_env: str) -> "Endpoint":
    from orchestra.secret_files import read_variable
    from orchestra.webhooks.endpoints import Endpoint, check_url, load_endpoints
    from orchestra.webhooks.signing import read_secrets

    if "://" not in target:
        found = load_endpoints(settings, only=target)
        if not found:
            msg = f"there is no endpoint {target!r} in ORCHESTRA_WEBHOOKS: `orchestra webhooks list` shows all"
            raise UsageError(msg)
        return found[0]
    url = check_url(target, "test", private=settings.webhooks_private)
    if not secret_env:
        msg = "name the variable with the secret of this URL: --secret-env NAME"
        raise UsageError(msg)
    secrets = read_secrets(read_variable(secret_env) or "", f"the variable {secret_env}")
    return Endpoint(name="test", url=url, secrets=secrets)


async def _test(settings: "Settings", endpoint: "Endpoint") -> "tuple[Answer, bool]":
    from orchestra.bus import Bus
    from orchestra.errors import ServerError
    from orchestra.webhooks.delivery import Verdict, verdict_of
    from orchestra.webhooks.endpoint_status import start_again
    from orchestra.webhooks.overview import send_test

    answer = await send_test(endpoint, private=settings.webhooks_private)
    if verdict_of(answer.status) is not Verdict.DELIVERED or endpoint.name == "test":
        return answer, False
    try:
        bus = await Bus.connect(settings)
    except ServerError:  # nothing runs here: nothing was stopped, either
        return answer, False
    try:
        return answer, await start_again(bus, endpoint.name)
    finally:
        await bus.close()


async def _resend(settings: "Settings", endpoints: "list[Endpoint]", what: str, since: float | None) -> "Counter[str]":
    from orchestra.bus import Bus
    from orchestra.webhooks.resend import resend as send_again

    call, colon, _ = what.partition(":")
    bus = await Bus.connect(settings)
    try:
        return await send_again(
            bus, endpoints, call=call, event=what if colon else "", since=since, on_warning=complain
        )
    finally:
        await bus.close()
