"""kill -9 of edges and workers around the answer of callers who are asked whether they may be recorded."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestra.archive.archive import Archive
from orchestra.bus import Bus, keys
from orchestra.history.reduce import history_of
from orchestra.settings import load_settings
from orchestra.simulator import Caller, PhoneLine
from orchestra.stack import RunningStack
from orchestra_schemas import (
    AudioChunk,
    CallEnded,
    CallResumed,
    CallStarted,
    ConsentGiven,
    ConsentRefused,
    Event,
    RecordingSaved,
    ReplySpoken,
    ToolRequested,
    TranscriptFinal,
    tag_of,
)
from tests.faults.spoken.asking import QUESTION
from tests.faults.spoken.journal import Journal
from tests.faults.spoken.kills import processes
from tests.faults.spoken.running import spoken_stack
from tests.faults.spoken.tones import GREETING, NONSENSE, encode
from tests.servers.openai import Call, Reply

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

NO_MORE = "stop recording please"
STOPPED, ANSWER = f"{NONSENSE[5]} over.", f"{NONSENSE[6]} over."


def respond(messages: list[dict[str, Any]], _: list[dict[str, Any]]) -> Reply:
    """The model: it has the recording stopped for a caller who wants that."""
    if messages[-1]["role"] == "tool":
        return STOPPED
    return [Call("stop_recording")] if messages[-1]["content"].endswith(NO_MORE) else ANSWER


def edge_process(folder: Path, name: str) -> int:
    """The process of the edge with this name, which may have been started again."""
    (found,) = (
        pid for pid in processes(folder)["edge"] if f"EDGE_NAME={name}\0" in Path(f"/proc/{pid}/environ").read_text()
    )
    return found


class AskedCalls:
    """Calls of one stack, one after another, each with the processes that die in it."""

    def __init__(self, folder: Path, running: RunningStack, bus: Bus, journal: Journal) -> None:
        self.folder, self.journal = folder, journal
        self._running, self._bus = running, bus

    async def call(self, story: Callable[["AskedCall", PhoneLine], Awaitable[None]]) -> "AskedCall":
        """Have somebody call, and wait until the call is over."""
        before, line = len(self.journal.all(CallStarted)), PhoneLine()

        async def talk(line: PhoneLine) -> None:
            asked.started = await self.journal.until(CallStarted, before + 1)
            await story(asked, line)

        asked = AskedCall(self)
        asked.outcome = await Caller(self._running.url, self._running.auth_token).call(line, talk)
        return asked

    async def settled(self) -> None:
        """Wait until the consumers have done what is to be done at the end of these calls, and all is archived."""
        await self.journal.until(CallEnded, len(self.journal.all(CallStarted)))
        async with asyncio.timeout(25):
            while any(group.pending or group.lag for group in await self._bus.groups()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


class AskedCall:
    """What there is of one call on the streams."""

    started: CallStarted
    outcome: Any

    def __init__(self, calls: AskedCalls) -> None:
        self._calls = calls

    @property
    def id(self) -> str:
        return self.started.call

    def all(self, *kinds: type[Any], **fields: Any) -> list[Any]:
        return self._calls.journal.all(*kinds, call=self.id, **fields)

    async def until(self, kind: type[Any], count: int = 1, **fields: Any) -> Any:
        return await self._calls.journal.until(kind, count, call=self.id, **fields)

    def kill_edge(self) -> None:
        last = [self.started, *self.all(CallResumed)][-1]
        os.kill(edge_process(self._calls.folder, last.source), signal.SIGKILL)

    def kill(self, worker: str) -> None:
        os.kill(processes(self._calls.folder)[worker][0], signal.SIGKILL)

    async def heard(self, text: str) -> None:
        """Wait until the caller has heard this, perhaps with a phrase of the edge's around it."""
        async with asyncio.timeout(25):
            while not any(text in spoken.text for spoken in self.all(ReplySpoken)):  # noqa: ASYNC110 - an edge says it
                await asyncio.sleep(0.02)

    @property
    def files(self) -> list[Path]:
        return list(self._calls.folder.rglob(f"*{self.id}*.wav"))


@asynccontextmanager
async def asking(folder: Path, environment: pytest.MonkeyPatch) -> AsyncIterator[AskedCalls]:
    environment.setenv("ORCHESTRA_ARCHIVE_FLUSH_S", "0.2")
    journal = Journal()
    app = "tests.faults.spoken.asking:app"
    # two may be down at a time
    async with spoken_stack(folder, environment, app=app, answers=respond, edges=3, archive=True) as running:
        bus = await Bus.connect(load_settings().model_copy(update={"redis_url": running.redis_url}))
        following = asyncio.create_task(journal.follow(bus, keys.STREAMS))
        try:
            yield AskedCalls(folder, running, bus, journal)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await bus.close()


def archived(folder: Path, call: str) -> list[str]:
    """The types of a call's archived events."""
    entries = Archive.of(load_settings().model_copy(update={"data_dir": folder})).entries(calls={call})
    return [entry.type for entry in entries]


async def agrees_and_withdraws(call: AskedCall, line: PhoneLine) -> None:
    """The edge dies while it asks; later the agent and the recorder die while the caller takes their yes back."""
    assert await line.until(lambda: line.agent_audible_s > 0.2, 30)
    call.kill_edge()
    line.say(encode(f"{NONSENSE[3]} {NONSENSE[4]}")[0])
    await call.until(CallResumed)
    await call.heard(QUESTION)
    assert not call.all(AudioChunk, ConsentGiven, ConsentRefused)
    await line.press("1")
    await call.heard(GREETING)
    await call.until(AudioChunk, speaker="caller")
    assert await line.until(lambda: bool(call.files), 10)
    line.say(encode(NO_MORE)[0])
    await call.until(ToolRequested, name="stop_recording")
    call.kill("execution")
    await call.until(ConsentRefused, by="request")
    call.kill("persistence")
    assert await line.until(lambda: not call.files, 15)
    await call.heard(STOPPED)


async def agrees_and_refuses(call: AskedCall, line: PhoneLine) -> None:
    """The edge dies with the caller's yes, and the next one after the no to its question."""
    await call.heard(QUESTION)
    line.say(encode("yes")[0])
    await call.until(TranscriptFinal, text="yes")
    call.kill_edge()
    await call.until(CallResumed)
    await call.until(ReplySpoken, 2, text=QUESTION)
    assert not call.all(ConsentGiven)
    line.say(encode("no")[0])
    await call.until(ConsentRefused, by="words")
    call.kill_edge()
    await call.until(CallResumed, 2)
    line.say(encode("ask for more please")[0])
    await call.heard(ANSWER)


async def test_nothing_is_kept_before_a_yes_or_after_a_no_whichever_process_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asking(tmp_path, monkeypatch) as calls:
        withdrawn, refused = [await calls.call(story) for story in (agrees_and_withdraws, agrees_and_refuses)]
        await calls.settled()
        for call in (withdrawn, refused):
            types = await asyncio.to_thread(archived, tmp_path, call.id)
            assert call.outcome.how == "caller_hung_up"
            assert not call.files
            assert (types.count(tag_of(ConsentRefused)), types.count(tag_of(RecordingSaved))) == (1, 0)
            assert history_of(call.all(Event)).record.recording_mode == "refused"
    assert (withdrawn.outcome.streams, refused.outcome.streams) == (2, 3)
    assert not refused.all(AudioChunk, ConsentGiven)
    (given,), (no,) = withdrawn.all(ConsentGiven), withdrawn.all(ConsentRefused)
    chunks = withdrawn.all(AudioChunk)
    assert chunks
    assert all(given.at <= chunk.at < no.at + 0.5 for chunk in chunks)  # until the edge has read of it
