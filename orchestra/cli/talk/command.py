"""The command: finds the edge, or starts the app, and holds the call until somebody hangs up."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from orchestra.cli.ui.write_errors import writing

if TYPE_CHECKING:
    from rich.console import Console

    from orchestra.cli.talk.screen import Screen
    from orchestra.cli.talk.telephone import Telephone
    from orchestra.settings import Settings
    from orchestra.voice.audio.mulaw import Samples
    from orchestra.voice.carriers.browser.client import HowEnded

_KEYS = "0123456789*#"
#: a file is said when the agent has been silent for so long, or has said nothing for so long
_AFTER_GREETING_S, _NO_GREETING_S = 0.8, 10.0
#: the caller of a file hangs up when nobody has spoken for so long, or no reply has come for so long
_AFTER_REPLY_S, _NO_REPLY_S = 3.0, 30.0
_END_WITHIN_S = 3.0
_ENDINGS: "dict[HowEnded, str]" = {
    "caller_hung_up": "you hung up",
    "agent_hung_up": "the call is over",
    "refused": "the call was not taken",
    "cut_off": "the call was cut off: no edge answers any more",
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an edge is: its address, and the widget key that it needs."""

    url: str
    key: str = ""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(talk)


def talk(
    target: Annotated[
        str,
        typer.Argument(
            metavar="APP|URL",
            help="An app to start for this call (bank:app), or an edge's address. "
            "Without it: the edge that `orchestra up` started on this machine.",
        ),
    ] = "",
    *,
    line: Annotated[str, typer.Option(metavar="NAME", help="What is called, where the edge has several lines.")] = "",
    wav: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Say this 16-bit WAV file instead of using the microphone.")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Save the call as a stereo WAV file: you left, agents right.")
    ] = None,
) -> None:
    """Talk with the app from this terminal, by microphone and loudspeaker.

    Type digits for the keypad and m to mute. Headphones keep the agents'
    voice out of your microphone. With --wav, the file is said after the
    greeting, and the call ends after the reply.
    """
    import uvloop

    from orchestra.cli.ui.console import terminal
    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.log import configure_logging
    from orchestra.settings import load_settings

    with needs_extra("voice"):
        from orchestra.simulator.audio_files import read_wav
    settings = load_settings()
    configure_logging(settings.model_copy(update={"log_level": "error"}), "talk")
    said = None if wav is None else read_wav(wav, 16_000)
    if not uvloop.run(_talk(settings, target, _Call(line, said, save), terminal())):
        sys.exit(1)


@dataclass(frozen=True, slots=True)
class _Call:
    """The call that the command line describes; without ``said``, the microphone's."""

    line: str
    said: "Samples | None"
    save: Path | None


async def _talk(settings: "Settings", target: str, call: _Call, console: "Console") -> bool:
    hung_up = asyncio.Event()
    with _signals(hung_up):
        if target and "://" not in target:
            async with _app_started(settings, target, console, microphone=call.said is None) as place:
                return hung_up.is_set() or await _call(place, call, console, hung_up)
        return await _call(_edge(settings, target), call, console, hung_up)


def _check_sound() -> None:
    """See that there is a microphone and a loudspeaker.

    Raises:
        UsageError: there is none.

    """
    from orchestra.cli.talk.sound import sound_device
    from orchestra.cli.talk.telephone import FRAME_BYTES

    with sound_device(lambda _: bytes(FRAME_BYTES), microphone=True):
        pass


@contextlib.asynccontextmanager
async def _app_started(
    settings: "Settings", app: str, console: "Console", *, microphone: bool
) -> AsyncIterator[_Place]:
    """A system of its own for this app, whose files are gone afterwards."""
    from orchestra.agents.loader import load_lines
    from orchestra.errors import UsageError
    from orchestra.stack import stack

    host, _, port = app.partition(":")
    if port.isdigit():
        msg = f"{app} is neither an app (module:attribute) nor an address: write the address as http://{host}:{port}"
        raise UsageError(msg)
    load_lines(app)  # what is wrong with it is said once, not by each process that needs it
    if microphone:
        _check_sound()  # before anything slow
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="talk-", dir=settings.data_dir) as scratch:
        own = settings.model_copy(
            update={
                "app": app, "data_dir": Path(scratch), "redis_url": None, "embedded_port": 0, "port": 0,
                "public_url": "", "browser": True,
            }
        )  # fmt: skip
        async with contextlib.AsyncExitStack() as parts:
            with console.status("starting server, workers and edge …"):
                started = await parts.enter_async_context(stack(own, logs=Path(scratch) / "logs", workers=None))
            yield _Place(started.url)


def _edge(settings: "Settings", url: str) -> _Place:
    """The edge at this address, which may be the one of a page with its key; or the one that runs here."""
    from orchestra.cli.up import own_page
    from orchestra.errors import UsageError
    from orchestra.stack import find_running_stack

    if not url:
        up = find_running_stack(settings)
        if up is None:
            msg = (
                "no edge is running on this machine: start `orchestra up` in another terminal, or name an app to start "
                "(orchestra talk orchestra.demo:app) or an edge's address"
            )
            raise UsageError(msg)
        url = own_page(settings, up.url)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        msg = f"{url!r} is not the URL of an edge: write it like http://127.0.0.1:8480"
        raise UsageError(msg)
    return _Place(f"{parts.scheme}://{parts.netloc}", parts.fragment)


async def _call(place: _Place, call: _Call, console: "Console", hung_up: asyncio.Event) -> bool:
    """Hold the call. Returns whether it was one."""
    from orchestra.cli.talk.keyboard import keys
    from orchestra.cli.talk.screen import Screen
    from orchestra.cli.talk.telephone import Telephone
    from orchestra.cli.ui.console import QUIET, WARNING
    from orchestra.simulator import write_stereo

    screen = Screen(console, keyboard=sys.stdin.isatty())
    telephone = Telephone(screen.caption, screen.note, screen.connected)

    def typed(key: str) -> None:
        if key in _KEYS:
            telephone.press(key)
            screen.pressed(key)
        elif key in "mM":
            telephone.muted = not telephone.muted
            screen.muted(telephone.muted)

    how: HowEnded | None = None
    try:
        async with _sound(telephone, call, screen, hung_up):
            console.print(f"calling {place.url}", style=QUIET)
            with screen, keys(typed):
                how = await _hold(place, call, telephone, screen, hung_up)
    finally:
        if call.save is not None:
            with writing(call.save):
                await asyncio.to_thread(write_stereo, call.save, *telephone.tracks, 16_000)
    good = how in ("caller_hung_up", "agent_hung_up")
    console.print(_ENDINGS[how], style="" if good else WARNING)
    if call.save is not None:
        console.print(f"recording  {call.save}", soft_wrap=True)
    return good


async def _hold(
    place: _Place, call: _Call, telephone: "Telephone", screen: "Screen", hung_up: asyncio.Event
) -> "HowEnded":
    from orchestra.voice.carriers.browser.client import BrowserLineCall

    making = asyncio.create_task(
        BrowserLineCall(place.url, telephone, line=call.line, key=place.key).call(lambda: ending)
    )
    ending: asyncio.Task[None] = asyncio.create_task(_until_hung_up(call, telephone, screen, hung_up))
    sending = asyncio.create_task(telephone.run())
    try:
        await asyncio.wait({making, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not making.done():  # also while it is not connected
            await asyncio.wait({making}, timeout=_END_WITHIN_S)
        return await making if making.done() else "caller_hung_up"
    finally:
        for each in (making, ending, sending):
            each.cancel()
        await asyncio.gather(making, ending, sending, return_exceptions=True)


async def _until_hung_up(call: _Call, telephone: "Telephone", screen: "Screen", hung_up: asyncio.Event) -> None:
    """Return when the caller wants to hang up: by Ctrl-C, or after the reply to what the file says."""
    waiting = asyncio.create_task(hung_up.wait())
    speaking = [] if call.said is None else [asyncio.create_task(_say(call.said, telephone, screen))]
    try:
        await asyncio.wait({waiting, *speaking}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in (waiting, *speaking):
            each.cancel()


async def _say(samples: "Samples", telephone: "Telephone", screen: "Screen") -> None:
    def quiet_for(seconds: float) -> bool:
        return 0.0 <= telephone.agent_audible_at <= telephone.now_s - seconds

    await telephone.until(lambda: quiet_for(_AFTER_GREETING_S), _NO_GREETING_S)
    telephone.say(samples)
    seconds = samples.size / 16_000
    await telephone.until(lambda: not telephone.saying, seconds + 1.0)
    over_s = telephone.now_s
    await telephone.until(
        lambda: (
            quiet_for(_AFTER_REPLY_S)
            and telephone.now_s > over_s + _AFTER_REPLY_S
            and screen.turns_answered >= screen.turns_said
        ),
        _NO_REPLY_S,
    )


@contextlib.asynccontextmanager
async def _sound(telephone: "Telephone", call: _Call, screen: "Screen", hung_up: asyncio.Event) -> AsyncIterator[None]:
    """Microphone and loudspeaker; with a file to be said, a clock where there is no loudspeaker."""
    from orchestra.async_tasks import cancel_and_wait
    from orchestra.cli.talk.sound import keep_time, sound_device
    from orchestra.errors import UsageError

    async with contextlib.AsyncExitStack() as parts:
        try:
            device = parts.enter_context(sound_device(telephone.exchange, microphone=call.said is None))
        except UsageError:
            if call.said is None:
                raise
            ticking = asyncio.create_task(keep_time(telephone.exchange))
        else:

            async def end_with_device() -> None:
                await device.stopped.wait()
                screen.note(device.reason)
                hung_up.set()

            ticking = asyncio.create_task(end_with_device())
        parts.push_async_callback(cancel_and_wait, ticking)
        yield


@contextlib.contextmanager
def _signals(hung_up: asyncio.Event) -> Iterator[None]:
    """Hang up at Ctrl-C, and when the terminal is closed; the second time end at once."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def interrupted() -> None:
        if hung_up.is_set() and task is not None:
            task.cancel()
        hung_up.set()

    watched = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    for each in watched:
        loop.add_signal_handler(each, interrupted)
    try:
        yield
    finally:
        for each in watched:
            loop.remove_signal_handler(each)
