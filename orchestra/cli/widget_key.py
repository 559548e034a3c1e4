"""`orchestra widget-key`: let the pages of a web site call from the browser."""

import time
from typing import Annotated

import typer

from orchestra.cli.ui.terminal import say

_DAY_S = 86_400


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("widget-key")(widget_key)


def widget_key(
    origins: Annotated[list[str], typer.Argument(metavar="ORIGIN…", help="The sites: https://www.example.com.")],
    line: Annotated[str, typer.Option(help="The line that their pages call.")] = "web",
    days: Annotated[int, typer.Option(min=1, max=3_650, help="How long the key is good.")] = 365,
    calls_a_day: Annotated[int, typer.Option(min=1, help="Calls over all callers.")] = 500,
    calls_a_minute: Annotated[int, typer.Option(min=1, help="Calls from one address.")] = 3,
) -> None:
    """Make a key with which pages of these sites can call. It is good for them only, so it may stand in the page."""
    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.errors import RejectedError, UsageError
    from orchestra.settings import load_settings
    from orchestra.storage.secrets import link_key

    with needs_extra("voice"):
        from orchestra.voice.carriers.browser.visitors import WidgetClaims, WidgetKeys

    expires = int(time.time()) + days * _DAY_S
    claims = WidgetClaims(line, tuple(origins), calls_a_day, calls_a_minute, expires)
    try:
        say(WidgetKeys(link_key(load_settings())).issue(claims))
    except RejectedError as error:
        raise UsageError(str(error)) from None
