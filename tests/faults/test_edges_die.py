"""kill -9 of an edge in mid-reply: another edge on the same port continues the call."""

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from orchestra.bus import Bus
from orchestra.settings import Settings
from orchestra.simulator import Caller, PhoneLine, ScriptLine, synthesize_lines
from orchestra.simulator.transcript_match import compare
from orchestra.stack import stack
from orchestra.voice.engines.local import LocalSpeech
from orchestra_schemas import (
    CallEnded,
    CallResumed,
    CallStarted,
    RecordingSaved,
    ReplySpoken,
    SentenceSpoken,
    UserTurnEnded,
)

QUESTION = "What happens if a parcel gets lost?"


@pytest.mark.faults
async def test_another_edge_speaks_the_rest_of_the_reply(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, embedded_port=0, port=0)
    speech = await asyncio.to_thread(LocalSpeech.load)
    (question,) = await asyncio.to_thread(synthesize_lines, [ScriptLine(QUESTION)], speech.synthesize)
    async with stack(settings, logs=tmp_path / "logs", edges=2) as running:
        bus = await Bus.connect(settings.model_copy(update={"redis_url": running.redis_url}))
        seen: list[object] = []

        async def follow() -> None:
            async for entry in bus.follow(since="0"):
                seen.append(entry.event())  # noqa: PERF401 - it never ends

        async def until(kind: type, count: int = 1) -> object:
            async with asyncio.timeout(40):
                while len(found := [event for event in seen if isinstance(event, kind)]) < count:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            return found[-1]

        async def talk(line: PhoneLine) -> None:
            await until(ReplySpoken)
            line.say(question.samples)
            await until(SentenceSpoken)
            started = await until(CallStarted)
            assert isinstance(started, CallStarted)
            os.kill(running.edges[started.source], signal.SIGKILL)
            await until(ReplySpoken, 2)

        following = asyncio.create_task(follow())
        line = PhoneLine()
        ending = await Caller(running.url, running.auth_token).call(line, talk)
        await until(RecordingSaved)
        following.cancel()
        (call,) = {event.call for event in seen if isinstance(event, CallStarted)}
        journal = await bus.journal(call)
        await bus.close()
    assert (ending.how, ending.streams) == ("caller_hung_up", 2)
    (resumed,) = [event for event in journal if isinstance(event, CallResumed)]
    started = next(event for event in journal if isinstance(event, CallStarted))
    assert resumed.source != started.source
    assert len([event for event in journal if isinstance(event, CallEnded)]) == 1
    assert len([event for event in journal if isinstance(event, UserTurnEnded)]) == 1
    heard = await asyncio.to_thread(speech.transcribe, line.tracks.agent.astype(np.int16).tobytes(), 8000)
    last = [event for event in journal if isinstance(event, ReplySpoken)][-1].text.split()[-6:]
    assert compare(" ".join(last), " ".join(heard.split()[-6:])).similarity > 0.5, heard  # about where it ended
