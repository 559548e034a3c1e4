"""`orchestra demo`: runs the whole system and one scripted call, and checks the call."""

import asyncio
import os
import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import typer
from rich.text import Text

from orchestra.cli.ui.write_errors import writing
from orchestra_schemas import CallEnded, CallStarted, Event, RecordingSaved, SentenceSpoken, TranscriptCurated

if TYPE_CHECKING:
    from rich.console import Console

    from orchestra.bus import Bus
    from orchestra.cli.demo.outbound import Ordered
    from orchestra.cli.ui.console import LiveConversation
    from orchestra.demo.scripts import Script
    from orchestra.settings import Settings
    from orchestra.simulator import (
        CallOutcome,
        CheckedTurn,
        Problem,
        ScriptedConversation,
        SimulatedCaller,
        SimulatedCarrier,
        Tracks,
        TransferTarget,
        Utterance,
    )
    from orchestra.simulator.script import Synthesize
    from orchestra.stack import RunningStack
    from orchestra.voice.engines.local import LocalSpeech

Line = Literal["twilio", "browser", "telnyx", "plivo", "vonage", "sip", "relay"]

_DEMO_APP = "orchestra.demo:app"
#: the caller's good-bye is misheard in some of the calls in German ("tschüss"), and then the agent does not end them
_AS_TEXT = frozenset({"de"})
#: written out, since importing the demo would cost every command a second; a test keeps it current
_NAMES = "demo, status, complaint, questions, transfer, digits, voicemail, edge-dies"
_LANGUAGES = "en, es, de"
_CALL_WITHIN_S = 180.0
_SETTLED_WITHIN_S = 15.0
_SERVERS_WITHIN_S = 60.0
_LATE_S = 0.1
#: longer than a pause inside what the scripted caller says, in seconds
_TURN_OVER_S = 0.7
_ARCHIVED_EVERY_S = 0.5


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call as it went: how it ended, both tracks on one clock (how late it was at worst), and its journal."""

    ending: "CallOutcome"
    tracks: "Tracks"
    talk: "ScriptedConversation"
    started_at: float
    late_s: float
    journal: list[Event]
    problems: "list[Problem]"
    person: "TransferTarget | None"


@dataclass(frozen=True, slots=True)
class _Made:
    """What the call is made with: the carrier of an inbound one, that of an outbound one, the person of a transfer."""

    carrier: "SimulatedCarrier"
    order: "Ordered"
    person: "TransferTarget | None"


def demo(
    script: Annotated[str, typer.Option(metavar="NAME", help=f"The scripted caller: {_NAMES}.")] = "demo",
    line: Annotated[
        Line | None,
        typer.Option(help="How the caller reaches the system: twilio, or relay if no model hears them."),
    ] = None,
    language: Annotated[str, typer.Option(metavar="CODE", help=f"What caller and agents speak: {_LANGUAGES}.")] = "en",
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the recording, journal and logs of this run.")
    ] = None,
    stay: Annotated[
        bool, typer.Option("--stay", help="Start the console, too, and keep everything running until Ctrl-C.")
    ] = False,
) -> None:
    """Start everything, let a scripted caller call the demo app, and check what the caller heard."""
    import uvloop

    from orchestra.cli.ui.console import terminal
    from orchestra.settings import load_settings

    settings = load_settings()
    folder = (keep or settings.data_dir / "demo-runs" / time.strftime("%Y-%m-%d-%H%M%S")).absolute()
    try:
        good = uvloop.run(
            _demo(_own_settings(settings), _script(script, line, language), folder, terminal(), stay=stay)
        )
    except KeyboardInterrupt:
        sys.exit(130)
    if not good:
        sys.exit(1)


def _script(name: str, chosen: Line | None, language: str) -> "Script":
    """The script, on its line: as text where no model here understands the voice here."""
    from orchestra.cli.ui.requires_extra import needs_extra
    from orchestra.demo.scripts import SCRIPTS, SHOWS, TRANSLATED
    from orchestra.errors import UsageError

    with needs_extra("all"):
        from orchestra.voice.engines.local.languages import understands_itself

    scripts = SCRIPTS | SHOWS
    if name not in scripts:
        msg = f"no demo script {name!r}: choose one of {', '.join(scripts)}"
        raise UsageError(msg)
    script = scripts[name]
    if language != script.language:
        if language not in TRANSLATED:
            msg = f"the demo does not speak {language!r}: choose one of {_LANGUAGES}"
            raise UsageError(msg)
        script = TRANSLATED[language]
        if name != script.name:
            msg = f"the demo script {name!r} is in English only: in other languages there is {script.name!r}"
            raise UsageError(msg)
    by_audio = understands_itself(script.language) and script.language not in _AS_TEXT
    line = chosen or ("twilio" if by_audio else "relay")
    if line == "browser" and (script.answered_by or script.person):
        msg = f"the demo script {name!r} needs a telephone: it cannot be played with --line browser"
        raise UsageError(msg)
    if line == "sip" and script.person:
        msg = f"in the demo script {name!r} a person hears a briefing: it cannot be played with --line sip"
        raise UsageError(msg)
    if script.answered_by and line != "twilio":
        msg = f"in the demo script {name!r} the system calls: it is played with --line twilio only"
        raise UsageError(msg)
    return replace(script, line=line)


def _own_settings(settings: "Settings") -> "Settings":
    """A stack of the demo's own, with its own server and ports."""
    from orchestra.errors import SettingError

    if settings.app != _DEMO_APP:
        msg = f"the demo plays {_DEMO_APP}: unset ORCHESTRA_APP; `orchestra up` and `orchestra call` try your app"
        raise SettingError(msg)
    if settings.public_url:
        msg = "the demo's edge is not reached through ORCHESTRA_PUBLIC_URL: unset it"
        raise SettingError(msg)
    return settings.model_copy(
        update={"redis_url": None, "embedded_port": 0, "port": 0, "console_port": 0, "console_url": None}
    )


def _scratch(folder: Path) -> Path:
    """A new folder for the stack's data, in the folder of this run."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return Path(mkdtemp(prefix="stack-", dir=folder))


def _archived(settings: "Settings") -> dict[str, object]:
    """The calls of demo runs are in the user's own archive, at once, since the run's journal goes with its server."""
    return {"archive_url": settings.archive, "archive_flush_s": _ARCHIVED_EVERY_S}


def _tidy(scratch: Path) -> None:
    """After a good run, keep only the recording that its journal names."""
    for part in scratch.iterdir():
        if part.is_dir() and part.name != "recordings":
            shutil.rmtree(part)


async def _demo(settings: "Settings", script: "Script", folder: Path, console: "Console", *, stay: bool) -> bool:
    scratch = _scratch(folder)
    async with AsyncExitStack() as running:
        good = await _call_and_check(settings, script, folder, scratch, console=console, running=running, stay=stay)
        if stay:
            from orchestra.async_tasks import end_signal

            console.print("\neverything goes on running until Ctrl-C", style="dim")
            await end_signal().wait()
    if good:
        await asyncio.to_thread(_tidy, scratch)
    return good


async def _call_and_check(
    settings: "Settings",
    script: "Script",
    folder: Path,
    scratch: Path,
    *,
    console: "Console",
    running: AsyncExitStack,
    stay: bool,
) -> bool:
    """Make the call in a stack that ``running`` holds, and check it; without ``stay``, the stack ends with the call."""
    from orchestra.cli.demo.checks import special_problems
    from orchestra.cli.ui.latency_table import turn_table
    from orchestra.cli.ui.requires_extra import needs_extra

    with needs_extra("all"):
        from orchestra.simulator import check_call, write_stereo
        from orchestra.voice.engines.local import LocalSpeech

    console.print(Text.assemble(("Orchestra", "bold"), f"  {script.about}\n"))
    speech = await asyncio.to_thread(LocalSpeech.load)
    call = await _in_a_stack(
        settings.model_copy(update={"data_dir": scratch, "app": script.app, **_archived(settings)}),
        script,
        speech,
        console=console,
        parts=running,
        with_console=stay,
    )
    if not stay:
        await running.aclose()
    recording, journal = folder / "call.wav", folder / "journal.jsonl"
    await asyncio.to_thread(write_stereo, recording, call.tracks.caller, call.tracks.agent)
    await asyncio.to_thread(journal.write_bytes, b"".join(msgspec.json.encode(event) + b"\n" for event in call.journal))
    with console.status("listening to what the caller heard …"):
        turns = await asyncio.to_thread(_records, call, script, speech)
        proof = await asyncio.to_thread(
            special_problems, script, call.journal, call.ending, call.tracks, person=call.person, speech=speech
        )
    found = [*check_call(turns, script.lines, call.ending), *proof, *call.problems]
    console.print()
    console.print(turn_table(turns, console.width))
    _conclude(console, turns, found, call.late_s)
    console.print(f"\nrecording  {recording}\njournal    {journal}", soft_wrap=True)
    if found:
        console.print(f"logs       {scratch / 'logs'}", soft_wrap=True)
    return not found


async def _in_a_stack(
    settings: "Settings",
    script: "Script",
    speech: "LocalSpeech",
    *,
    console: "Console",
    parts: AsyncExitStack,
    with_console: bool,
) -> _Call:
    """Start everything, which then runs as long as ``parts``, and make the call."""
    from orchestra.bus import Bus
    from orchestra.cli.demo.outbound import ordering
    from orchestra.cli.up import console_of
    from orchestra.settings import Settings
    from orchestra.simulator import simulated_carrier, synthesize_lines
    from orchestra.stack import stack

    order = await parts.enter_async_context(ordering())
    as_text = script.line == "relay"
    carrier = await parts.enter_async_context(simulated_carrier("twilio" if as_text else script.line))
    media = {"twilio_media": "relay"} if as_text else {}
    settings = Settings.model_validate(settings.model_dump() | carrier.settings | media)
    settings = order.settings(settings) if script.answered_by else settings
    with console.status("starting server, workers and edge …"):
        # Spoken before the call: a voice that is synthesised during it would take the edge's processor time.
        preparing = asyncio.create_task(asyncio.to_thread(synthesize_lines, script.lines, _voice(script, speech)))
        running = await parts.enter_async_context(
            stack(settings, logs=settings.data_dir / "logs", edges=script.edges, console=with_console)
        )
        utterances = await preparing
    if running.console:
        console.print(f"console    {console_of(settings, running.console)}\n", soft_wrap=True)
    bus = await Bus.connect(settings.model_copy(update={"redis_url": running.redis_url}))
    parts.push_async_callback(bus.close)
    person = await asyncio.to_thread(_person, script, speech) if script.person else None
    made = _Made(carrier, order, person)
    return await _call(bus, running, script, utterances, made=made, console=console, speech=speech)


def _voice(script: "Script", speech: "LocalSpeech") -> "Synthesize":
    return partial(speech.synthesize, language=script.language)


def _person(script: "Script", speech: "LocalSpeech") -> "TransferTarget":
    from orchestra.simulator import TransferTarget, to_telephone

    return TransferTarget(says=to_telephone(*speech.synthesize(script.person)))


async def _call(
    bus: "Bus",
    running: "RunningStack",
    script: "Script",
    utterances: "list[Utterance]",
    *,
    made: _Made,
    console: "Console",
    speech: "LocalSpeech",
) -> _Call:
    from orchestra.cli.demo.outbound import called
    from orchestra.cli.ui.console import LiveConversation
    from orchestra.simulator import PhoneLine, Problem, ScriptedConversation

    curated = bus.settings.label_studio_url is not None
    watch = _Watch(
        LiveConversation(console),
        edges=running.edges if script.edge_dies else {},
        curated=curated,
        recorded=script.line != "relay",
    )
    phone = PhoneLine()
    spoken: deque[str] = deque()  # what a carrier with ears has not heard yet

    def said(utterance: "Utterance") -> None:
        watch.view.said(utterance.text)
        spoken.extend([utterance.text] if utterance.text else [])

    talk = ScriptedConversation(utterances, replying=watch.replying, said=said)
    found = []
    async with watch.following(bus):
        if script.answered_by:
            making = called(running.url, made.order, script.answered_by, phone, talk)
        else:
            making = _caller(running.url, script, made, spoken, speech).call(phone, talk)
        ending = await _within(making, _CALL_WITHIN_S)
        within_s = _SERVERS_WITHIN_S if curated else _SETTLED_WITHIN_S
        try:
            async with asyncio.timeout(within_s):
                await watch.settled.wait()
        except TimeoutError:
            found.append(Problem(None, f"{within_s:.0f} s after its end the journal lacks {watch.lacks()}"))
    found += [
        Problem(None, f"{_SERVERS_WITHIN_S:.0f} s after its end not every event is in {place}")
        for group, place in (("archive", "the archive"), ("logging", "OpenObserve"))
        if not await _is_through(bus, group)
    ]
    journal = await bus.journal(watch.call) if watch.call else []
    return _Call(ending, phone.tracks, talk, phone.started_at, phone.max_late_s, journal, found, made.person)


def _caller(url: str, script: "Script", made: _Made, spoken: deque[str], speech: "LocalSpeech") -> "SimulatedCaller":
    from orchestra.simulator import RelayVoice, to_telephone

    if script.line != "relay" or made.carrier.text_caller is None:
        return made.carrier.caller(url, made.person)
    voice = RelayVoice(
        hear=lambda: spoken.popleft() if spoken else "",
        speak=lambda text: to_telephone(*_voice(script, speech)(text)),
        turn_over_s=_TURN_OVER_S,
    )
    return made.carrier.text_caller(url, made.person, voice)


async def _is_through(bus: "Bus", group: str) -> bool:
    """Wait until this worker, if it runs here, has handled the whole journal: the server ends with the demo."""
    from orchestra.stack import workers_of

    deadline = time.monotonic() + _SERVERS_WITHIN_S
    while group in workers_of(bus.settings):
        if not any(status.lag or status.pending for status in await bus.groups() if status.group == group):
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


async def _within(call: "Awaitable[CallOutcome]", seconds: float) -> "CallOutcome":
    from orchestra.errors import OrchestraError

    try:
        async with asyncio.timeout(seconds):
            return await call
    except TimeoutError:
        msg = f"the scripted call was not over after {seconds:.0f} s"
        raise OrchestraError(msg) from None


class _Watch:
    """Follows the journal of the only call in this stack: to show it, to time the caller, to notice its end."""

    def __init__(self, view: "LiveConversation", *, edges: dict[str, int], curated: bool, recorded: bool) -> None:
        from orchestra.simulator import ReplyInProgress

        self.view = view
        self.replying = ReplyInProgress()
        self.call = ""
        self.settled = asyncio.Event()
        self._edges = dict(edges)  # processes of which the one with the call is to die
        self._edge = ""
        self._awaited: set[type[Event]] = {CallStarted, CallEnded, *([RecordingSaved] if recorded else [])}
        if curated:
            self._awaited.add(TranscriptCurated)

    def lacks(self) -> str:
        """Events that every call has and this one lacks so far."""
        return ", ".join(sorted(awaited.__name__ for awaited in self._awaited))

    @asynccontextmanager
    async def following(self, bus: "Bus") -> AsyncIterator[None]:
        """Follow the journal while the block runs."""
        following = asyncio.create_task(self._follow(bus))
        try:
            yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    async def _follow(self, bus: "Bus") -> None:
        follow = bus.follow(since="0")
        try:
            async for entry in follow:
                event = entry.event()
                if event is not None:
                    self._take(event)
        finally:
            await follow.aclose()

    def _take(self, event: Event) -> None:
        self.call = event.call
        self.replying.follow(event)
        self.view.show(event)
        self._awaited.discard(type(event))
        if isinstance(event, CallStarted):
            self._edge = event.source
        if isinstance(event, SentenceSpoken) and event.turn and self._edge in self._edges:
            os.kill(self._edges[self._edge], signal.SIGKILL)
            self._edges.clear()
        if not self._awaited:
            self.settled.set()


def _records(call: _Call, script: "Script", speech: "LocalSpeech") -> "list[CheckedTurn]":
    """Every turn as both sides experienced it; index 0 is the greeting."""
    from orchestra.history.reduce import history_of
    from orchestra.history.views.by_utterance import by_utterance
    from orchestra.simulator import SAMPLE_RATE, CheckedTurn, match_reply, measure_turns
    from orchestra.voice.engines.local.languages import understands_itself

    agent, spans = call.tracks.agent, call.talk.said_spans
    if call.person is not None and call.person.connected_s is not None:
        agent = agent[: round(call.person.connected_s * SAMPLE_RATE)]  # what follows is the person's voice
    audio = measure_turns(call.tracks.caller, agent, spans)
    turns = by_utterance(history_of(call.journal), [call.started_at + span.start_s for span in spans])
    said = ["", *(line.text for line in script.lines)][: len(audio)]
    records = []
    for text, turn, sound in zip(said, turns, audio, strict=True):
        heard = (
            match_reply(
                agent,
                sound,
                partial(speech.transcribe, language=script.language),
                turn.reply_heard,
                interrupted=turn.interrupted,
                language=script.language,
            )
            if understands_itself(script.language)
            else None
        )
        records.append(CheckedTurn(text, turn, sound, heard))
    return records


def _conclude(console: "Console", turns: "list[CheckedTurn]", found: "list[Problem]", late_s: float) -> None:
    from orchestra.cli.ui.console import WARNING

    waits = [turn.audio.response_s for turn in turns if turn.audio.response_s is not None]
    if waits:
        console.print(f"first audio: median {1000 * median(waits):,.0f} ms, longest {1000 * max(waits):,.0f} ms")
    if late_s > _LATE_S:
        late = (
            f"the caller's clock was up to {1000 * late_s:,.0f} ms late: this machine was busy, and replies took longer"
        )
        console.print(late, style=WARNING)
    if not found:
        heard = [turn.heard.similarity for turn in turns if turn.heard is not None]
        replies = f"all {len(turns)} replies, the greeting among them,"
        words = (
            f" {replies} were heard as the journal says they were spoken (≥ {min(heard):.0%} alike)"
            if heard
            else f" {replies} were heard; their words are those of the journal, no model here listened to them"
        )
        console.print(Text.assemble(("✓", "green"), words))
    for problem in found:
        console.print(Text.assemble(("✗ ", "bold red"), str(problem)))
