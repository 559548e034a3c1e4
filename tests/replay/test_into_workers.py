from pathlib import Path

from orchestra import Consumer
from orchestra.agents.handlers import Orchestration
from orchestra.demo import app
from orchestra.demo.scripts import SCRIPTS
from orchestra.execution.handlers import Execution
from orchestra.replay.position import position_of
from orchestra.replay.rewrite import Rewrite
from orchestra.replay.selection import Selection, entries
from orchestra.replay.sources.json_lines import encode_line
from orchestra.replay.targets.consumer import Clock, ConsumerResult, consumer_target
from orchestra.settings import Settings
from orchestra.testing import TestBus
from tests.agents.golden import play
from tests.replay.test_into_consumer import replay

HOUR_S = 3600.0


async def old_call(bus: TestBus, settings: Settings, tmp_path: Path, script: str) -> str:
    """A file with a call that the workers have answered, as if an hour ago."""
    await play(bus, SCRIPTS[script], app)
    ago, lines = Rewrite(16), []
    async for entry in entries(settings, Selection(), "journal"):
        earlier = ago.entry(entry, shift_s=-HOUR_S)
        ms, number, *_ = position_of(entry)
        lines.append(encode_line(type(entry)(f"{ms - 3_600_000}-{number}", *_fields(earlier))))
    file = tmp_path / "old.jsonl"
    file.write_bytes(b"\n".join(lines))
    return str(file)


def _fields(entry: object) -> list[object]:
    names = ("partition", "stream", "type", "call", "id", "body")
    return [getattr(entry, name) for name in names]


async def through(consumer: Consumer, settings: Settings, source: str, folder: Path, clock: Clock) -> ConsumerResult:
    async with consumer_target(consumer, settings, folder, clock=clock, patience_s=5.0) as scratch:
        await replay(settings, source=source).into(scratch)
        return await scratch.result()


async def test_orchestration_publishes_what_was_recorded_in_an_old_call(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    call = await old_call(bus, settings, tmp_path, "status")
    outcome = await through(Orchestration(app).consumer, settings, call, tmp_path / "now", "now")
    assert outcome.agrees
    made = {output.entry.type for output in outcome.outputs.of("same")}
    assert made == {"agent.changed", "prompt.requested", "tool.requested", "turn.completed"}
    late = await through(Orchestration(app).consumer, settings, call, tmp_path / "then", "then")
    assert {output.entry.type for output in late.outputs.of("changed")} == {"turn.cancelled"}  # nobody waits any more


async def test_execution_publishes_what_was_recorded_in_an_old_call(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    call = await old_call(bus, settings, tmp_path, "questions")  # no tool of it is slow enough for a filler
    outcome = await through(Execution(app).consumer, settings, call, tmp_path / "now", "now")
    made = {output.entry.type for output in outcome.outputs.of("same")}
    assert made >= {"prompt.completed", "tool.completed", "reply.chunk", "call.end.requested"}
    assert outcome.agrees
