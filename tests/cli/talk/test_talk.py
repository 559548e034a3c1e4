"""A person talks from a terminal with a real edge; only the sound card is made up."""

import asyncio
import contextlib
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from orchestra.settings import Settings
from orchestra.testing import TestBus
from orchestra_schemas import (
    AgentChanged,
    CallEnded,
    CallEndRequested,
    CallResumed,
    CallStarted,
    DigitPressed,
    ReplyChunk,
    ReplySpoken,
    ToolCompleted,
    ToolRequested,
    TurnCompleted,
    UserTurnEnded,
)
from tests.faults.test_draining import up
from tests.voice.edges import RunningEdge, running_edge, tone

SOUND = Path(__file__).parent / "sound"
_ROOT = Path(__file__).parents[3]
_COLUMNS = 80
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_WITHIN_S = 60.0

pytestmark = pytest.mark.integration


@dataclass
class Terminal:
    """A terminal of 80 columns, and a command that runs in it."""

    master: int
    process: subprocess.Popen[bytes]
    before: list[object]
    written: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    async def until(self, shown: str) -> None:
        async with asyncio.timeout(_WITHIN_S):
            while shown not in self.plain:
                self.changed.clear()
                await self.changed.wait()

    @property
    def plain(self) -> str:
        return _ESCAPES.sub("", self.written)

    @property
    def rows(self) -> list[str]:
        """What is left on the screen in its lines."""
        return [line.rpartition("\r")[2] for line in self.plain.replace("\r\n", "\n").split("\n")]

    async def ended(self) -> int:
        return await asyncio.to_thread(self.process.wait, _WITHIN_S)

    def is_as_before(self) -> bool:
        shown, hidden = self.written.rfind("\x1b[?25h"), self.written.rfind("\x1b[?25l")
        return termios.tcgetattr(self.master) == self.before and shown >= hidden


@asynccontextmanager
async def terminal(*command: str, **environment: str) -> AsyncIterator[Terminal]:
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, _COLUMNS, 0, 0))
    process = subprocess.Popen(  # noqa: ASYNC220 - asyncio's has no terminal yet when it asks for it
        (sys.executable, "-m", "orchestra.cli", *command),
        env=os.environ | {"PYTHONPATH": f"{SOUND}:{_ROOT}", "TERM": "xterm"} | environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - Ctrl-C reaches it
    )
    # the terminal stays open here, so that its state can be looked at when the command has ended
    found = Terminal(master, process, termios.tcgetattr(master))

    def read() -> None:
        with contextlib.suppress(OSError):
            found.written += os.read(master, 65_536).decode(errors="replace")
        found.changed.set()

    loop = asyncio.get_running_loop()
    loop.add_reader(master, read)
    try:
        yield found
    finally:
        loop.remove_reader(master)
        process.kill()
        await asyncio.to_thread(process.wait)
        os.close(slave)
        os.close(master)


async def answer(bus: TestBus, running: RunningEdge, text: str, turn: int = 1) -> None:
    which = (await running.event(UserTurnEnded, turn=turn)).call
    await bus.publish(
        AgentChanged(call=which, turn=turn, agent="desk"),
        ReplyChunk(call=which, turn=turn, text=text, agent="desk"),
        TurnCompleted(call=which, turn=turn, agent="desk"),
    )


async def test_a_person_talks_mutes_presses_keys_and_hangs_up(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    speak = tmp_path / "speak"
    async with (
        running_edge(bus, settings, "where is it") as running,
        terminal("talk", running.url, TEST_SPEAK=str(speak)) as screen,
    ):
        await screen.until("Hello there.")
        await running.event(ReplySpoken, turn=0)
        screen.type("m")
        await screen.until("muted")
        screen.type("m4#")
        await running.event(DigitPressed, digit="#")
        speak.touch()
        await answer(bus, running, "It is in a lorry on its way, so please be patient until the afternoon of tomorrow.")
        await running.event(ReplySpoken, turn=1)
        await screen.until("tomorrow.")
        await screen.until("reply after")
        screen.type("\x03")
        assert await screen.ended() == 0
        assert (await running.event(CallEnded)).reason == "caller_hung_up"
        assert screen.is_as_before()
    rows = screen.rows
    assert max(map(len, rows)) <= _COLUMNS
    for words in (
        "you          where is it",
        "desk has the call",
        "desk         It is in a lorry",
        "key 4",
        "you hung up",
    ):
        assert sum(words in row for row in rows) == 1, (words, rows)
    assert "".join(event.digit for event in await bus.published(DigitPressed)) == "4#"


async def test_what_a_muted_person_says_is_not_heard(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    speak = tmp_path / "speak"
    async with (
        running_edge(bus, settings, "where is it") as running,
        terminal("talk", running.url, TEST_SPEAK=str(speak)) as screen,
    ):
        await screen.until("Hello there.")
        screen.type("m")
        await screen.until("muted")
        speak.touch()
        await gone(speak)
        screen.type("1")  # what was said before the key was sent before it
        await running.event(DigitPressed)
        screen.type("\x03")
        assert await screen.ended() == 0
        await running.event(CallEnded)
    assert await bus.published(UserTurnEnded) == []


async def gone(path: Path) -> None:
    async with asyncio.timeout(_WITHIN_S):
        while path.exists():  # noqa: ASYNC110, ASYNC240 - another process removes it
            await asyncio.sleep(0.02)


async def test_tools_and_an_interruption_are_shown(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    speak = tmp_path / "speak"
    async with (
        running_edge(bus, settings, "find it", "no stop") as running,
        terminal("talk", running.url, TEST_SPEAK=str(speak)) as screen,
    ):
        await running.event(ReplySpoken, turn=0)
        speak.touch()
        which = (await running.event(UserTurnEnded, turn=1)).call
        asked = ToolRequested(call=which, turn=1, name="find_parcel", agent="desk")
        await bus.publish(asked)
        await screen.until("find_parcel runs")
        await bus.publish(ToolCompleted(call=which, turn=1, request=asked.id, name="find_parcel", result="x"))
        for part in ("Well, it is a story.", " ".join(["long"] * 60) + "."):
            await bus.publish(ReplyChunk(call=which, turn=1, text=part, agent="desk"))
        await screen.until("it is a story.")
        speak.touch()
        await screen.until("interrupted after")
        screen.type("\x03")
        assert await screen.ended() == 0
    assert any("find_parcel: done" in row for row in screen.rows)


async def test_the_agents_end_of_the_call_ends_the_command(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    speak = tmp_path / "speak"
    async with (
        running_edge(bus, settings, "bye") as running,
        terminal("talk", running.url, TEST_SPEAK=str(speak)) as screen,
    ):
        await running.event(ReplySpoken, turn=0)
        speak.touch()
        which = (await running.event(UserTurnEnded, turn=1)).call
        await bus.publish(
            ReplyChunk(call=which, turn=1, text="Bye.", agent="a"),
            CallEndRequested(call=which, turn=1),
            TurnCompleted(call=which, turn=1, agent="a"),
        )
        assert await screen.ended() == 0
        assert screen.is_as_before()
    assert "the call is over" in screen.plain


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
async def test_a_command_that_is_ended_hangs_up_and_leaves_the_terminal_clean(
    bus: TestBus, settings: Settings, how: signal.Signals
) -> None:
    async with running_edge(bus, settings) as running, terminal("talk", running.url) as screen:
        await screen.until("Hello there.")
        screen.process.send_signal(how)
        assert await screen.ended() == 0
        assert screen.is_as_before()
        assert (await running.event(CallEnded)).reason == "caller_hung_up"


async def test_a_sound_card_that_is_pulled_out_ends_the_call(bus: TestBus, settings: Settings, tmp_path: Path) -> None:
    pulled = tmp_path / "pulled"
    async with (
        running_edge(bus, settings) as running,
        terminal("talk", running.url, TEST_UNPLUGGED=str(pulled)) as screen,
    ):
        await screen.until("Hello there.")
        pulled.touch()
        await screen.ended()
        assert screen.is_as_before()
        await running.event(CallEnded)
    assert "the sound device stopped" in screen.plain


def recorded(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(tone(0.4).tobytes())
    return path


def loudness(path: Path) -> tuple[int, list[int]]:
    with wave.open(str(path), "rb") as file:
        rate, samples = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return rate, [int(samples[side::2].max()) for side in (0, 1)]


@pytest.mark.parametrize("sound", ["none", "a loudspeaker"])
async def test_a_file_talks_where_there_is_no_microphone(
    bus: TestBus, settings: Settings, tmp_path: Path, sound: str
) -> None:
    save = tmp_path / "call.wav"
    files = ("--wav", str(recorded(tmp_path / "said.wav")), "--save", str(save))
    async with (
        running_edge(bus, settings, "where is it") as running,
        terminal("talk", running.url, *files, TEST_SOUND=sound) as screen,
    ):
        await answer(bus, running, "In a lorry.")
        assert await screen.ended() == 0
        assert (await running.event(CallEnded)).reason == "caller_hung_up"
    assert any("In a lorry." in row for row in screen.rows)
    rate, (caller, agent) = loudness(save)
    assert (rate, caller > 6_000, agent > 6_000) == (16_000, True, True)


async def test_the_call_goes_on_when_its_edge_dies(tmp_path: Path) -> None:
    async with up(tmp_path / "data") as stack, terminal("talk", stack.stack.url) as screen:
        started = await stack.journal.event(CallStarted)
        await screen.until("How can I help")
        os.kill(stack.stack.edges[started.source], signal.SIGKILL)
        await screen.until("the connection broke")
        resumed = await stack.journal.event(CallResumed, call=started.call)
        assert resumed.source != started.source
        screen.type("7")
        await stack.journal.event(DigitPressed, call=started.call)
        screen.type("\x03")
        assert await screen.ended() == 0
        assert (await stack.journal.event(CallEnded)).reason == "caller_hung_up"


async def test_a_sound_card_that_plays_nothing_is_told_from_one_that_does(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    # the real library with ALSA's own device for nothing, as containers have it
    (tmp_path / ".asoundrc").write_text("pcm.!default { type null }")
    async with (
        running_edge(bus, settings) as running,
        terminal("talk", running.url, PYTHONPATH=str(_ROOT), HOME=str(tmp_path)) as screen,
    ):
        await screen.ended()
        assert screen.is_as_before()
        assert (await running.event(CallEnded)).reason == "caller_hung_up"
    assert "it runs faster than time" in screen.plain
