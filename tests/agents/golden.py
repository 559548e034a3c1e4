"""Golden journals: each demo script's call as the workers made it, to be replayed through the workers of today.

``python -m tests.agents.golden`` writes them anew, after a change that is meant to change what callers hear.
"""

import asyncio
import difflib
import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import structlog

from orchestra import App
from orchestra.agents.handlers import Orchestration
from orchestra.bus import Bus, EmbeddedServer
from orchestra.demo.scripts import SCRIPTS, Script
from orchestra.evaluation.recorded_caller import JournalFollower, RecordedCaller
from orchestra.execution.handlers import Execution
from orchestra.history.reduce import history_of
from orchestra.history.views.turn_summaries import call_summary
from orchestra.settings import load_settings
from orchestra.testing import TestBus
from orchestra_schemas import (
    CallEnded,
    CallStarted,
    Event,
    PromptRequested,
    ReplyChunk,
    ReplyInterrupted,
    ReplySpoken,
    ToolSchema,
    TurnCompleted,
    UserSpeechStarted,
    UserTurnEnded,
    decode,
    encode,
)

FOLDER = Path(__file__).parent / "golden"
CALL = "07-00000000-0000-7000-8000-000000000000"
_PUBLISHER = re.compile(r":test-[0-9a-f]+\.")
#: what is another one in every run
_NOT_COMPARED = {
    "at": 0.0,
    "trace": "",
    "version": "",
    "deadline": 0.0,
    "duration_ms": 0.0,
    "first_token_ms": 0.0,
    "speech_ended_at": 0.0,
}


class DivergedError(AssertionError):
    """The workers make another journal of a call than they did."""


def golden(script: str) -> Path:
    """The file of a script's journal."""
    return FOLDER / f"{script}.jsonl"


async def play(bus: TestBus, script: Script, app: App) -> list[Event]:
    """The journal of a script's call, typed instead of spoken; the caller hears each reply whole or half."""
    call = bus.call()
    async with bus.run(Orchestration(app).consumer, Execution(app).consumer):
        await _tell(bus, CallStarted(call=call, from_number="+15550123", greeting=app.greeting))
        for turn, line in enumerate(script.lines, 1):
            if turn > 1:
                for event in await _heard(bus, call, turn - 1, interrupted=line.barge_in_after_s is not None):
                    await _tell(bus, event)
            await _tell(bus, UserTurnEnded(call=call, turn=turn, text=line.text))
        await _tell(bus, CallEnded(call=call, turn=len(script.lines), reason="agent_hung_up"))
    return normal(await bus.published(None, call), call)


async def replay(bus: TestBus, script: str, app: App) -> None:
    """Play a golden journal's edge through the workers.

    Raises:
        DivergedError: they make another journal of it; the message is the difference.

    """
    lines = golden(script).read_text("utf-8").splitlines()
    recorded, call = [read(line) for line in lines], bus.call()
    publisher = bus.bus.publisher("test")
    async with bus.run(Orchestration(app).consumer, Execution(app).consumer), JournalFollower(bus.bus) as journals:
        with journals.watched(call) as journal:
            caller = RecordedCaller(
                recorded, call_summary(history_of(recorded)), call=call, journal=journal, publish=publisher.publish
            )
            await caller.play()
        await publisher.flush()
        await bus.settled()
    made = list(written(normal(await bus.published(None, call), call)))
    if made != lines:
        difference = difflib.unified_diff(lines, made, "golden", "today", lineterm="", n=1)
        raise DivergedError("\n".join([f"{script}: renew with python -m tests.agents.golden if meant", *difference]))


def normal(events: Sequence[Event], call: str) -> list[Event]:
    """Events without what differs from run to run: ids of the call, times, fillers of a slow moment, long prompts."""
    found = []
    for event in events:
        if isinstance(event, ReplyChunk) and event.filler:
            continue
        kept = read(_PUBLISHER.sub(":edge.", encode(event)[b"body"].decode().replace(call, CALL)))
        fields = {name: value for name, value in _NOT_COMPARED.items() if name in kept.__struct_fields__}
        if isinstance(kept, PromptRequested):
            fields["tools"] = tuple(ToolSchema(name=tool.name) for tool in kept.tools)
            fields["messages"] = tuple(message for message in kept.messages if message.role != "system")
        found.append(msgspec.structs.replace(kept, **fields))
    return found


def written(events: Sequence[Event]) -> Iterator[str]:
    """One line of JSON an event."""
    return (encode(event)[b"body"].decode() for event in events)


def read(line: str) -> Event:
    """The event of a line that `written` gave."""
    event = decode({b"type": msgspec.json.decode(line)["type"].encode(), b"body": line.encode()})
    assert event is not None, f"an event of unknown type: {line}"
    return event


async def _tell(bus: TestBus, event: Event) -> None:
    fields = {"at": time.time()} if isinstance(event, UserTurnEnded) else {}
    await bus.publish(msgspec.structs.replace(event, **fields))
    await bus.settled()


async def _heard(bus: TestBus, call: str, turn: int, *, interrupted: bool) -> list[Event]:
    """What the edge tells of a reply: spoken to its end, or cut in the middle."""
    (completed,) = [event for event in await bus.published(TurnCompleted, call) if event.turn == turn]
    if not interrupted:
        return [ReplySpoken(call=call, turn=turn, text=completed.text, agent=completed.agent)]
    words = completed.text.split()
    return [
        UserSpeechStarted(call=call, turn=turn, interrupting=True),
        ReplyInterrupted(call=call, turn=turn, heard=" ".join(words[: len(words) // 2])),
    ]


async def _renew() -> None:
    from orchestra.demo import app  # noqa: PLC0415 - after the settings are made

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ORCHESTRA_DATA_DIR"] = folder
        async with EmbeddedServer(Path(folder)) as server:
            os.environ["ORCHESTRA_REDIS_URL"] = server.url
            bus = await Bus.connect(load_settings())
            for name, script in SCRIPTS.items():
                lines = [f"{line}\n" for line in written(await play(TestBus(bus), script, app))]
                golden(name).write_text("".join(lines), "utf-8")
                print(f"{golden(name)}: {len(lines)} events")  # noqa: T201
            await bus.close()


if __name__ == "__main__":
    asyncio.run(_renew())
