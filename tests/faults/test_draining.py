"""An operator stops `orchestra up --edges 2` during calls: first one edge, then all of it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestra.bus import Bus, EmbeddedServer
from orchestra.settings import Settings
from orchestra.simulator import Caller, CallOutcome, PhoneLine, Utterance, compare, synthesize_lines
from orchestra.simulator.media_stream import MediaStream
from orchestra.simulator.script import ScriptLine
from orchestra.stack import RunningStack, find_running_stack
from orchestra.testing import TestBus
from orchestra.voice.engines.local import LocalSpeech
from orchestra_schemas import CallEnded, CallResumed, CallStarted, ReplySpoken, UserTurnEnded
from tests.simulator.test_commands import processes_of
from tests.voice.edges import RunningEdge

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

QUESTION = "What happens if a parcel gets lost?"
READY_WITHIN_S = 120


@dataclass
class Up:
    """The supervisor's process and its log."""

    process: Process
    stack: RunningStack
    journal: RunningEdge
    said: list[str] = field(default_factory=list)

    async def until_said(self, *words: str, times: int = 1) -> None:
        """Wait until this many log lines contain these words."""
        async with asyncio.timeout(READY_WITHIN_S):
            while sum(all(word in line for word in words) for line in self.said) < times:
                assert self.process.returncode is None, "the supervisor has ended"
                await asyncio.sleep(0.05)

    async def call(
        self, line: PhoneLine, talk: Callable[[PhoneLine], object], number: str = "+15550001"
    ) -> CallOutcome:
        """Make a call."""
        async with asyncio.timeout(180):
            return await Caller(self.stack.url, self.stack.auth_token, from_number=number).call(line, talk)  # type: ignore[arg-type]


@asynccontextmanager
async def up(folder: Path) -> AsyncIterator[Up]:
    """`orchestra up --edges 2`, ready."""
    given = {
        "ORCHESTRA_DATA_DIR": str(folder),
        "ORCHESTRA_PORT": "0",
        "ORCHESTRA_CONSOLE": "false",
        "ORCHESTRA_EMBEDDED_PORT": "0",
        "ORCHESTRA_DRAIN_S": "120",
        "ORCHESTRA_RECONNECT_S": "30",
    }
    command = (sys.executable, "-m", "orchestra.cli", "up", "--edges", "2")
    process = await asyncio.create_subprocess_exec(
        *command, env=os.environ | given, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )
    said: list[str] = []

    async def read() -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            said.append(line.decode())

    reading = asyncio.create_task(read())
    settings = Settings(data_dir=folder)
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while (found := find_running_stack(settings)) is None:
                assert process.returncode is None, "".join(said)
                await asyncio.sleep(0.1)
        bus = await Bus.connect(settings.model_copy(update={"redis_url": found.redis_url}))
        yield Up(process, found, RunningEdge(edge=None, url=found.url, bus=TestBus(bus)), said)  # type: ignore[arg-type]
        await bus.close()
    finally:
        if process.returncode is None:
            process.kill()
        await asyncio.gather(process.wait(), reading)
        print("".join(said))  # noqa: T201 - shown when the test fails


async def ask(up: Up, line: PhoneLine, call: str, question: Utterance) -> None:
    """Ask the question and listen to the answer until its end."""
    before = [event.turn for event in await up.journal.bus.published(ReplySpoken, call)]
    line.say(question.samples)
    ended = await up.journal.event(UserTurnEnded, call=call, turn=max(before) + 1)
    await up.journal.event(ReplySpoken, call=call, turn=ended.turn)


async def heard_whole(up: Up, line: PhoneLine, call: str, speech: LocalSpeech) -> None:
    """Check that the caller heard what the journal says was spoken."""
    spoken_texts = [event.text for event in await up.journal.bus.published(ReplySpoken, call)]
    heard = await asyncio.to_thread(speech.transcribe, line.tracks.agent.tobytes(), 8_000)
    assert compare(" ".join(spoken_texts), heard).matches, heard


async def test_calls_continue_while_one_edge_and_then_all_edges_shut_down(tmp_path: Path) -> None:
    speech = await asyncio.to_thread(LocalSpeech.load)
    (question,) = await asyncio.to_thread(synthesize_lines, [ScriptLine(QUESTION)], speech.synthesize)
    async with up(tmp_path) as stack:
        first, second = PhoneLine(), PhoneLine()
        edges = dict(stack.stack.edges)

        async def one_edge_ends(line: PhoneLine) -> None:
            started = await stack.journal.event(CallStarted)
            os.kill(edges[started.source], signal.SIGTERM)
            await stack.until_said("edge.draining", "left")
            for number in ("+15550002", "+15550003", "+15550004"):
                assert (await stack.call(PhoneLine(), hear_a_word, number)).streams == 1
            await stack.journal.event(ReplySpoken, call=started.call, turn=0)
            await ask(stack, line, started.call, question)

        async def hear_a_word(line: PhoneLine) -> None:
            assert await line.until(lambda: line.agent_audible_s > 0.1, 60)

        ending = await stack.call(first, one_edge_ends)
        began = {event.from_number: event for event in await stack.journal.bus.published(CallStarted)}
        drained = began["+15550001"].source
        assert (ending.how, ending.streams) == ("caller_hung_up", 1)
        assert {event.source for number, event in began.items() if number != "+15550001"} == set(edges) - {drained}
        await heard_whole(stack, first, began["+15550001"].call, speech)
        # it has exited cleanly, and the supervisor has started a replacement
        await stack.until_said("stack.process_ended", drained, "exit_code=0")
        await stack.until_said("edge.ready", times=3)

        async def all_end(line: PhoneLine) -> None:
            started = await stack.journal.event(CallStarted, from_number="+15550005")
            assert await line.until(lambda: line.agent_audible_s > 0.5, 60)
            stack.process.send_signal(signal.SIGTERM)
            await stack.until_said("edge.draining", times=3)
            assert (await stack.call(PhoneLine(), hear_a_word, "+15550006")).how == "refused"
            stream = line.stream
            assert isinstance(stream, MediaStream)
            stream._socket.transport.abort()
            await stack.journal.event(CallResumed, call=started.call)
            await stack.journal.event(ReplySpoken, call=started.call, turn=0)
            await ask(stack, line, started.call, question)
            calls.append(started.call)

        calls: list[str] = []
        ending = await stack.call(second, all_end, "+15550005")
        assert (ending.how, ending.streams) == ("caller_hung_up", 2)
        assert await asyncio.wait_for(stack.process.wait(), 60) == 0
    assert processes_of(tmp_path) == []
    assert not any("Traceback" in line for line in stack.said)
    async with EmbeddedServer(tmp_path) as server:
        bus = await Bus.connect(Settings(data_dir=tmp_path, redis_url=server.url))
        ended = [event for event in await bus.journal(calls[0]) if isinstance(event, CallEnded)]
        await bus.close()
    assert [event.reason for event in ended] == ["caller_hung_up"]
