"""`orchestra up`: the whole system on this machine, until Ctrl-C."""

import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestra.cli.ui.terminal import Terminal

#: the key in the address of the edge's own page: calls a day and a minute, and seconds
_OWN_CALLS, _OWN_KEY_S = 10_000, 30 * 86_400
#: what a person opens in a browser
_PAGES = ("browser", "console")
#: an example that begins so is a question
_ASKING = ("where", "when", "what", "who", "which", "how", "why", "can ", "do ", "does ", "is ", "are ", "may ")

if TYPE_CHECKING:
    from orchestra.agents import App
    from orchestra.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)


def up(
    edges: Annotated[
        int, typer.Option(min=1, max=64, metavar="N", help="Number of edge processes, all on one port.")
    ] = 1,
    reload: Annotated[
        bool,
        typer.Option("--reload", help="Load the app again whenever one of its files below this directory changes."),
    ] = False,
    sip: Annotated[
        bool,
        typer.Option("--sip", help="Take calls by SIP, too: from softphones on this machine, or as the settings say."),
    ] = False,
) -> None:
    """Start the server, the workers and the edge, and run them until Ctrl-C."""
    import uvloop

    from orchestra.agents.loader import load_lines
    from orchestra.cli.app_languages import check_languages
    from orchestra.log import configure_logging
    from orchestra.settings import load_settings

    settings = load_settings()
    if sip:
        settings = settings.model_copy(update={"sip": True})
    lines = load_lines(settings.app)
    check_languages(settings, lines)
    app = lines.default  # what is wrong with it is said once, not by each process that needs it
    configure_logging(settings, "up")
    uvloop.run(_up(settings, edges, Path.cwd() if reload else None, words_to_try(app)))


def words_to_try(app: "App") -> str:
    """Something a caller may say to this app: the first example of its entry agent, or of another."""
    agents = sorted(app.agents, key=lambda agent: agent.name != app.entry)
    first = app.speaks.first
    examples = [
        part for agent in agents for part in (agent.examples_in(first), *(t.examples_in(first) for t in agent.tools))
    ]
    words = next((" ".join(each.split()) for part in examples for each in part if each.strip()), "")
    if not words:
        return "What are your opening hours?" if app.knowledge else "Hello. What can you do for me?"
    mark = "" if words[-1] in ".?!" else "?" if words.lower().startswith(_ASKING) else "."
    return f"{words[0].upper()}{words[1:]}{mark}"


async def _up(settings: "Settings", edges: int, watched: Path | None, words: str) -> None:

    from rich.text import Text

    from orchestra.async_tasks import end_signal
    from orchestra.hide_secrets import without_secrets
    from orchestra.stack import stack
    from orchestra.voice.carriers.registry import webhook_url

    console = Terminal(stderr=True, soft_wrap=True)
    console.print("starting server, workers and edge …", style="dim")
    async with stack(settings, edges=edges, watched=watched, console=with_console(settings)) as started:
        told = {
            "browser": f"{own_page(settings, started.url)}  press Call, and talk" if settings.browser else "",
            "console": console_of(settings, started.console) if started.console else "",
            "webhook": webhook_url(settings, settings.public_url or started.url),
            "sip": f"{sip_address(started.sip)}  from a softphone on this machine" if started.sip else "",
            "server": started.redis_url,
            "try": f"orchestra call --say {_quoted(words)}" if settings.carrier == "twilio" else "",
        }
        # the key or token in a page's address is meant to be seen
        rows = [f"{name:7}  {text if name in _PAGES else without_secrets(text)}" for name, text in told.items() if text]
        for place, each in enumerate(rows):
            console.print(Text.assemble(("ready  " if place == 0 else " " * 7, "bold green"), each))
        await end_signal().wait()
        calls_may = f"calls that run may go on for {settings.drain_s:g} s (ORCHESTRA_DRAIN_S), Ctrl-C ends them now"
        console.print(f"stopping … {calls_may}", style="dim")


def with_console(settings: "Settings") -> bool:
    """Whether there is to be a console; not where what it needs is not installed, as on a machine for edges."""
    return settings.console and find_spec("fastapi") is not None and find_spec("uvicorn") is not None


def console_of(settings: "Settings", url: str) -> str:
    """What to print about a console that listens at this address."""
    from urllib.parse import urlsplit

    from orchestra.console.address import sign_in_line

    return sign_in_line(settings.model_copy(update={"console_port": urlsplit(url).port}))


def sip_address(listen: str) -> str:
    """What a softphone on this machine calls: any name will do; the port of SIP need not be said."""
    host, _, port = listen.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)  # noqa: S104 - what the gateway listens on
    return f"sip:demo@{host}" if port == "5060" else f"sip:demo@{host}:{port}"


def own_page(settings: "Settings", url: str) -> str:
    """The address at which a person on this machine talks with the app; with a key where others can reach the edge."""
    if not settings.public_url:
        return url
    import time
    from urllib.parse import urlsplit

    from orchestra.storage.secrets import link_key
    from orchestra.voice.carriers.browser.visitors import WidgetClaims, WidgetKeys

    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    claims = WidgetClaims("", (origin,), _OWN_CALLS, _OWN_CALLS, int(time.time()) + _OWN_KEY_S)
    return f"{url.rstrip('/')}/browser/#{WidgetKeys(link_key(settings)).issue(claims)}"


def _quoted(words: str) -> str:
    """The words as one argument of a shell, in double quotes if possible."""
    return shlex.quote(words) if set(words) & set('"$`\\!') else f'"{words}"'
