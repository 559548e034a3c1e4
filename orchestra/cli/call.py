"""`orchestra call`: a simulated caller rings the edge, speaks, and tells what it heard."""

import asyncio
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestra.cli.files import writing

if TYPE_CHECKING:
    from rich.console import Console

    from orchestra.settings import Settings
    from orchestra.voice.caller import Caller, Ending, PhoneLine, ScriptedConversation, TurnAudio, Utterance
    from orchestra.voice.engines.local import LocalSpeech


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(call)


@dataclass(frozen=True, slots=True)
class _Order:
    """What the command line asks for."""

    say: tuple[str, ...]
    wav: tuple[Path, ...]
    script: Path | None
    barge_in_after_s: float | None
    from_number: str
    save: Path | None
    url: str | None


@dataclass(frozen=True, slots=True)
class _Turn:
    """One turn as the caller had it; the greeting says nothing."""

    said: str
    audio: "TurnAudio"
    heard: str


def call(
    *,
    say: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="What to say; once for every turn.")] = None,
    wav: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="16-bit WAV file to play; likewise.")] = None,
    script: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Script: a line of text a turn, or TOML, a table `say` a turn.")
    ] = None,
    barge_in_after: Annotated[
        float | None,
        typer.Option(metavar="S", help="Speak the last turn over the reply before it, S seconds after it began."),
    ] = None,
    from_number: Annotated[str, typer.Option("--from", metavar="NUMBER", help="The caller's number.")] = "+15550001",
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the call as stereo WAV: left caller, right agent.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="The edge; without it, the one that `orchestra up` started here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Call the edge as Twilio does, in real time, and print per turn what was heard and how long it took to come."""
    import uvloop

    from orchestra.cli.conversation import terminal
    from orchestra.errors import UsageError
    from orchestra.printable import escaped
    from orchestra.settings import load_settings

    if sum(map(bool, (say, wav, script))) != 1:
        msg = 'say what the caller says: either --say "…" or --wav FILE (both may be repeated) or --script FILE'
        raise UsageError(msg)
    order = _Order(tuple(say or ()), tuple(wav or ()), script, barge_in_after, from_number, save, url)
    console = terminal(quiet=as_json)
    good, account = uvloop.run(_call(load_settings(), order, console))
    if as_json:
        print(escaped(json.dumps(account, indent=2, ensure_ascii=False)))
    if not good:
        sys.exit(1)


async def _call(settings: "Settings", order: _Order, console: "Console") -> tuple[bool, dict[str, Any]]:
    from orchestra.cli.conversation import CALLER, row
    from orchestra.cli.extras import needs_extra

    with needs_extra("voice", "local"):
        from orchestra.voice.caller import PhoneLine, ScriptedConversation, write_stereo
        from orchestra.voice.engines.local import LocalSpeech

    caller = _caller(settings, order)
    with console.status("loading local speech …"):
        speech = await asyncio.to_thread(LocalSpeech.load)
        utterances = await asyncio.to_thread(_utterances, order, speech)
    line = PhoneLine()

    def said(utterance: "Utterance") -> None:
        row(console, f"{line.now_s:.1f} s", "caller", utterance.text, CALLER, who_style=CALLER)

    console.print(f"calling {caller.url} from {order.from_number}", style="dim")
    talk = ScriptedConversation(utterances, said=said)
    ending = await caller.call(line, talk)
    if order.save is not None:
        with writing(order.save):
            await asyncio.to_thread(write_stereo, order.save, line.tracks.caller, line.tracks.agent)
    with console.status("listening to what was heard …"):
        turns = await asyncio.to_thread(_turns, line, talk, utterances, speech)
    _print(console, turns, ending, order.save)
    good = not talk.gave_up and ending.how not in ("refused", "cut_off")
    return good, _account(caller, turns, ending, order.save)


def _caller(settings: "Settings", order: _Order) -> "Caller":
    from orchestra.errors import UsageError
    from orchestra.stack import running
    from orchestra.voice.caller import Caller

    up = running(settings)
    auth_token = settings.twilio_auth_token.get_secret_value() or (up.auth_token if up else "")
    url = order.url or settings.public_url or (up.url if up else "")
    if not url:
        msg = "nothing is running here to call: start `orchestra up` in another terminal, or give --url"
        raise UsageError(msg)
    if not auth_token:
        msg = f"calls to {url} must be signed: set ORCHESTRA_TWILIO_AUTH_TOKEN to the edge's token"
        raise UsageError(msg)
    return Caller(url, auth_token, from_number=order.from_number)


def _utterances(order: _Order, speech: "LocalSpeech") -> list["Utterance"]:
    from orchestra.voice.caller import ScriptLine, read_script, recorded, spoken

    if order.wav:
        utterances = recorded(order.wav)
    else:
        lines = read_script(order.script) if order.script else [ScriptLine(text) for text in order.say]
        utterances = spoken(lines, speech.synthesize)
    if order.barge_in_after_s is not None and utterances:
        utterances[-1] = replace(utterances[-1], barge_in_after_s=order.barge_in_after_s)
    return utterances


def _turns(
    line: "PhoneLine", talk: "ScriptedConversation", utterances: list["Utterance"], speech: "LocalSpeech"
) -> list[_Turn]:
    from orchestra.voice.caller import measure_turns, words_heard

    agent = line.tracks.agent
    turns = measure_turns(line.tracks.caller, agent, talk.said_spans)
    said = ["", *(utterance.text for utterance in utterances)][: len(turns)]
    return [
        _Turn(text, turn, words_heard(agent, turn, speech.transcribe)) for text, turn in zip(said, turns, strict=True)
    ]


def _print(console: "Console", turns: list[_Turn], ending: "Ending", save: Path | None) -> None:
    from orchestra.cli.conversation import AGENT, CALLER, QUIET, WARNING, row

    console.print()
    for number, turn in enumerate(turns):
        if number:
            row(console, f"turn {number}", "said", turn.said, CALLER)
        if turn.audio.yielded_s is not None:
            row(console, "", "interrupted", f"the agent fell silent after {_ms(turn.audio.yielded_s)} ms", QUIET)
        row(console, "", "heard", turn.heard or "(nothing)", AGENT)
        if turn.audio.response_s is not None:
            row(console, "", "first audio", f"{_ms(turn.audio.response_s)} ms after the caller's last sound", QUIET)
    console.print(str(ending), style="" if ending.how not in ("refused", "cut_off") else WARNING)
    if save is not None:
        console.print(f"recording  {save}", soft_wrap=True)


def _account(caller: "Caller", turns: list[_Turn], ending: "Ending", save: Path | None) -> dict[str, Any]:
    return {
        "url": caller.url,
        "call_sid": caller.call_sid,
        "turns": [
            {
                "turn": number,
                "said": turn.said,
                "heard": turn.heard,
                "first_audio_ms": _ms(turn.audio.response_s),
                "yielded_ms": _ms(turn.audio.yielded_s),
                "spoke_over_ms": _ms(turn.audio.spoke_over_s),
            }
            for number, turn in enumerate(turns)
        ],
        "ending": {"how": ending.how, "target": ending.target, "announcements": ending.announcements},
        "recording": None if save is None else str(save),
    }


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(1000 * seconds)
