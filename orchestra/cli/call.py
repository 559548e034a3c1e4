"""`orchestra call`: a simulated caller calls the edge, speaks, and reports what it heard."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer
from typer.core import TyperCommand

from orchestra.cli.ui.write_errors import writing

if TYPE_CHECKING:
    from rich.console import Console

    from orchestra.bus import Subscription
    from orchestra.settings import Settings
    from orchestra.simulator import (
        Caller,
        CallOutcome,
        PhoneLine,
        ReplyInProgress,
        ScriptedConversation,
        ScriptLine,
        TurnAudio,
        Utterance,
    )
    from orchestra.voice.engines.local import LocalSpeech

#: the options that say what the caller does; they may be mixed, and are done in the order in which they stand
_STEPS = {"say": "text", "wav": "wav", "silence": "silence_s", "digits": "digits"}
_ORDER = "orchestra.call.order"
_CONNECT_S = 5.0
#: the backslash keeps the help's printer from taking the table for markup
_HELP = """Call the edge as Twilio does, in real time, and show each reply and the wait for it.

--say, --wav, --silence and --digits may be repeated and mixed. They are
done in the given order, each after the reply to the one before. If the edge
was started on this machine, the call's journal shows when a reply is over;
otherwise it is over after --patience seconds of silence.

A --script is a text file with one line per turn (# starts a comment), or TOML:

\b
  [\\[say]]
  text = "Where is my parcel?"  # or wav = "FILE", or silence_s = 6
  [\\[say]]
  text = "Four two seven one."
  barge_in_after_s = 1.5        # interrupts the reply before
  wait_s = 5                    # over after 5 s of silence
  [\\[say]]
  digits = "4271#"              # beside a text: after its reply
"""


_CALLER, _OUTPUT = "What the caller does", "Output"


class _InOrder(TyperCommand):
    """Remembers in which order the options were given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, and store every option's name in `_ORDER`."""
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta[_ORDER] = [parameter.name for parameter in order]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(cls=_InOrder, help=_HELP)(call)


@dataclass(frozen=True, slots=True)
class _Order:
    """The call that the command line describes."""

    steps: "tuple[ScriptLine, ...]"
    barge_in_after_s: float | None
    patience_s: float
    from_number: str
    to_number: str
    save: Path | None
    url: str | None


@dataclass(frozen=True, slots=True)
class _Turn:
    """One turn as the caller experienced it. In the greeting the caller says nothing."""

    said: str
    audio: "TurnAudio"
    heard: str


def call(
    context: typer.Context,
    *,
    say: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="Say this.", rich_help_panel=_CALLER)] = None,
    wav: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Play this 16-bit WAV file.", rich_help_panel=_CALLER)
    ] = None,
    silence: Annotated[
        list[float] | None, typer.Option(metavar="S", help="Be silent for S seconds.", rich_help_panel=_CALLER)
    ] = None,
    digits: Annotated[
        list[str] | None,
        typer.Option(metavar="KEYS", help="Press these keys: 0-9, *, #, A-D.", rich_help_panel=_CALLER),
    ] = None,
    script: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Follow the steps in this file.", rich_help_panel=_CALLER)
    ] = None,
    barge_in_after: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            min=0,
            help="Say the last step into the reply, S seconds after that began.",
            rich_help_panel=_CALLER,
        ),
    ] = None,
    patience: Annotated[
        float,
        typer.Option(metavar="S", min=0, help="A reply is over after S seconds of silence.", rich_help_panel=_CALLER),
    ] = 0.8,
    from_number: Annotated[str, typer.Option("--from", metavar="NUMBER", help="The caller's number.")] = "+15550001",
    to_number: Annotated[
        str, typer.Option("--to", metavar="LINE", help="What is dialled: a number, or sip:NAME.")
    ] = "+15550100",
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Save the call as a stereo WAV file: caller left, agent right.",
            rich_help_panel=_OUTPUT,
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The edge. Without it: the one that `orchestra up` started on this machine."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.", rich_help_panel=_OUTPUT)] = False,
) -> None:
    """Call the edge as Twilio does, in real time; see `_HELP`."""
    import uvloop

    from orchestra.cli.ui.console import terminal
    from orchestra.errors import UsageError
    from orchestra.printable import escaped
    from orchestra.settings import load_settings

    given = {"say": say, "wav": wav, "silence": silence, "digits": digits}
    if bool(script) == any(given.values()):
        msg = (
            'say what the caller says: --say "…", --wav FILE, --silence S, --digits KEYS in any order, or --script FILE'
        )
        raise UsageError(msg)
    steps = _script(script) if script else _steps(context.meta[_ORDER], given)
    order = _Order(tuple(steps), barge_in_after, patience, from_number, to_number, save, url)
    console = terminal(quiet=as_json)
    good, account = uvloop.run(_call(load_settings(), order, console))
    if as_json:
        print(escaped(json.dumps(account, indent=2, ensure_ascii=False)))
    if not good:
        sys.exit(1)


def _script(path: Path) -> "list[ScriptLine]":
    from orchestra.cli.ui.requires_extra import needs_extra

    with needs_extra("voice", "local"):
        from orchestra.simulator import read_script
    return read_script(path)


def _steps(order: list[str], given: dict[str, Any]) -> "list[ScriptLine]":
    """The steps of the command line, in their order."""
    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.errors import UsageError

    with needs_extra("voice", "local"):
        from orchestra.simulator import ScriptLine
    values = {name: iter(each or ()) for name, each in given.items()}
    steps: list[ScriptLine] = []
    for name in (each for each in order if each in values):
        value = next(values[name])
        fields: dict[str, Any] = {_STEPS[name]: str(value) if name == "wav" else value}
        try:
            steps.append(ScriptLine(**fields))
        except ValueError as error:
            msg = f"--{name} {value!r}: {error}"
            raise UsageError(msg) from None
    return steps


async def _call(settings: "Settings", order: _Order, console: "Console") -> tuple[bool, dict[str, Any]]:
    from orchestra.cli.ui.console import CALLER, row
    from orchestra.cli.ui.requires_extra import needs_extra

    with needs_extra("voice", "local"):
        from orchestra.simulator import Patience, PhoneLine, ScriptedConversation, write_stereo
        from orchestra.voice.engines.local import LocalSpeech

    caller = _caller(settings, order)
    with console.status("loading local speech …"):
        speech = await asyncio.to_thread(LocalSpeech.load)
        utterances = await asyncio.to_thread(_utterances, order, speech)
    line = PhoneLine()

    def said(utterance: "Utterance") -> None:
        row(console, f"{line.now_s:.1f} s", "caller", utterance.text, CALLER, who_style=CALLER)

    console.print(f"calling {caller.url} from {order.from_number}", style="dim")
    patience = Patience()
    patience = replace(patience, quiet_s=order.patience_s, reply_s=max(patience.reply_s, order.patience_s))
    async with _replying(settings, caller) as replying:
        talk = ScriptedConversation(utterances, patience=patience, replying=replying, said=said)
        ending = await caller.call(line, talk)
    if order.save is not None:
        with writing(order.save):
            await asyncio.to_thread(write_stereo, order.save, line.tracks.caller, line.tracks.agent)
    with console.status("listening to what was heard …"):
        turns = await asyncio.to_thread(_turns, line, talk, utterances, speech)
    _print(console, turns, ending, order.save)
    good = not talk.unanswered_turn and ending.how not in ("refused", "cut_off")
    return good, _account(caller, turns, ending, order.save)


def _caller(settings: "Settings", order: _Order) -> "Caller":
    from orchestra.errors import UsageError
    from orchestra.simulator import Caller
    from orchestra.stack import find_running_stack

    if settings.carrier != "twilio":
        msg = (
            f"`orchestra call` calls as Twilio does, and ORCHESTRA_CARRIER is {settings.carrier}: "
            "`orchestra demo --line` plays a call by other carriers"
        )
        raise UsageError(msg)
    up = find_running_stack(settings)
    auth_token = settings.twilio_auth_token.get_secret_value() or (up.auth_token if up else "")
    url = order.url or settings.public_url or (up.url if up else "")
    if not url:
        msg = "no edge is running on this machine: start `orchestra up` in another terminal, or give --url"
        raise UsageError(msg)
    require_listener(url)
    if not auth_token:
        msg = f"calls to {url} must be signed: set ORCHESTRA_TWILIO_AUTH_TOKEN to the edge's token"
        raise UsageError(msg)
    return Caller(url, auth_token, from_number=order.from_number, to_number=order.to_number)


def require_listener(url: str) -> None:
    """Raises UsageError unless a server listens at this address."""
    from orchestra.errors import UsageError

    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        host = parts.hostname or ""
    except (ValueError, KeyError):
        host = ""
    if not host:
        msg = f"{url!r} is not the URL of an edge: write it like http://127.0.0.1:8480"
        raise UsageError(msg)
    try:
        socket.create_connection((host, port), _CONNECT_S).close()
    except OSError as error:
        msg = f"nothing listens at {url} ({error.strerror or error}): start `orchestra up`, or give the edge's --url"
        raise UsageError(msg) from None


@asynccontextmanager
async def _replying(settings: "Settings", caller: "Caller") -> "AsyncIterator[Callable[[], bool]]":
    """Whether the agents are still replying, according to the call's journal; False if the journal is not here."""
    from orchestra.async_tasks import cancel_and_wait
    from orchestra.bus import Bus
    from orchestra.errors import ServerError
    from orchestra.simulator import ReplyInProgress
    from orchestra.stack import find_running_stack

    replying = ReplyInProgress()
    up = find_running_stack(settings)
    if up is None or caller.url != up.url.rstrip("/"):
        yield replying
        return
    try:
        bus = await Bus.connect(settings.model_copy(update={"redis_url": up.redis_url}))
    except ServerError:
        yield replying
        return
    follow = bus.follow()
    await follow.start()
    listening = asyncio.create_task(_listen(follow, caller.call_sid, replying))
    try:
        yield replying
    finally:
        await cancel_and_wait(listening)
        await bus.close()


async def _listen(follow: "Subscription", call_sid: str, replying: "ReplyInProgress") -> None:
    """Show the events of the call with the carrier's id ``call_sid``."""
    from orchestra_schemas import CallStarted, DecodeError

    call = ""
    async for entry in follow:
        try:
            event = entry.event() if call in ("", entry.call) else None
        except DecodeError:
            continue  # it says nothing of whether there is a reply
        if isinstance(event, CallStarted) and event.provider_call == call_sid:
            call = event.call
        if event is not None and call:
            replying.follow(event)


def _utterances(order: _Order, speech: "LocalSpeech") -> list["Utterance"]:
    from orchestra.simulator import render_script

    utterances = render_script(order.steps, speech.synthesize)
    if order.barge_in_after_s is not None and utterances:
        utterances[-1] = replace(utterances[-1], barge_in_after_s=order.barge_in_after_s)
    return utterances


def _turns(
    line: "PhoneLine", talk: "ScriptedConversation", utterances: list["Utterance"], speech: "LocalSpeech"
) -> list[_Turn]:
    from orchestra.simulator import measure_turns, transcribe_reply

    agent = line.tracks.agent
    turns = measure_turns(line.tracks.caller, agent, talk.said_spans)
    said = ["", *(utterance.text for utterance in utterances)][: len(turns)]
    return [
        _Turn(text, turn, transcribe_reply(agent, turn, speech.transcribe))
        for text, turn in zip(said, turns, strict=True)
    ]


def _print(console: "Console", turns: list[_Turn], ending: "CallOutcome", save: Path | None) -> None:
    from orchestra.cli.ui.console import AGENT, CALLER, QUIET, WARNING, row

    console.print()
    for number, turn in enumerate(turns):
        if number:
            row(console, f"turn {number}", "said", turn.said, CALLER)
        if turn.audio.barge_in_stop_s is not None:
            row(console, "", "interrupted", f"the agent fell silent after {_ms(turn.audio.barge_in_stop_s)} ms", QUIET)
        row(console, "", "heard", turn.heard or "(nothing)", AGENT)
        if turn.audio.response_s is not None:
            row(console, "", "first audio", f"{_ms(turn.audio.response_s)} ms after the caller's last sound", QUIET)
    console.print(str(ending), style="" if ending.how not in ("refused", "cut_off") else WARNING)
    if save is not None:
        console.print(f"recording  {save}", soft_wrap=True)


def _account(caller: "Caller", turns: list[_Turn], ending: "CallOutcome", save: Path | None) -> dict[str, Any]:
    return {
        "url": caller.url,
        "call_sid": caller.call_sid,
        "turns": [
            {
                "turn": number,
                "said": turn.said,
                "heard": turn.heard,
                "first_audio_ms": _ms(turn.audio.response_s),
                "yielded_ms": _ms(turn.audio.barge_in_stop_s),
                "spoke_over_ms": _ms(turn.audio.talk_over_s),
            }
            for number, turn in enumerate(turns)
        ],
        "ending": {"how": ending.how, "target": ending.target, "announcements": ending.announcements},
        "recording": None if save is None else str(save),
    }


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(1000 * seconds)
