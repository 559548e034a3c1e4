"""`orchestra.testing.history` and `orchestra.testing.replay`, as a developer uses them."""

from pathlib import Path

import pytest

from orchestra import Consumer
from orchestra.errors import ReplayDivergedError, UsageError
from orchestra.history.views.transcript import json_lines
from orchestra.settings import Settings
from orchestra.testing import TestBus, history, replay
from orchestra_schemas import Event, UserTurnEnded
from tests.agents.golden import golden
from tests.replay.scratch_consumers import TemperScored, mood_consumer, turns_of


async def recorded(bus: TestBus) -> list[Event]:
    """The journal of a call that the mood consumer has handled."""
    async with bus.run(mood_consumer()):
        for event in turns_of(bus.call()):
            await bus.publish(event)
            await bus.settled()
    return await bus.published()


def test_the_turns_of_a_recorded_call_can_be_read() -> None:
    call = history(golden("status"))
    assert call.record.status == "ended"
    turn = call.turn(2)
    assert turn is not None
    assert (turn.agent, [step.name for step in turn.tools]) == ("tracking", ["find_parcel"])


def test_a_history_contains_one_call() -> None:
    with pytest.raises(ValueError, match="a history covers one call, but this journal has 2"):
        history([*turns_of("07-a"), *turns_of("07-b")])


def test_a_missing_or_empty_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no journal"):
        history(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(UsageError, match="contains no event"):
        history(tmp_path / "empty.jsonl")


async def test_an_unchanged_consumer_agrees_with_the_recording(
    bus: TestBus, settings: Settings, tmp_path: Path
) -> None:
    journal = await recorded(bus)
    result = await replay(journal, mood_consumer(), settings=settings)
    assert [output.verdict for output in result.outputs.all] == ["same"] * 4
    file = tmp_path / "journal.jsonl"
    file.write_bytes(json_lines(journal))
    assert (await replay(file, mood_consumer(), settings=settings)).agrees


async def test_a_consumer_with_different_output_diverges(bus: TestBus, settings: Settings) -> None:
    with pytest.raises(ReplayDivergedError) as raised:
        await replay(await recorded(bus), mood_consumer("bad"), settings=settings)
    first, output, change = str(raised.value).splitlines()[:3]
    assert first == "mood diverges from the recording in 3 of 4 outputs:"
    assert output.startswith("  changed temper.scored ")
    assert change == '    mood: recorded "good", now "bad"'


async def test_ignored_fields_may_differ(bus: TestBus, settings: Settings) -> None:
    assert (await replay(await recorded(bus), mood_consumer("bad"), settings=settings, ignored=["mood"])).agrees


async def test_an_event_that_cannot_be_handled_is_a_divergence(bus: TestBus, settings: Settings) -> None:
    broken = Consumer("mood", max_attempts=1)

    @broken.on(UserTurnEnded)
    async def score(event: UserTurnEnded) -> TemperScored:
        raise ValueError(event.text)

    with pytest.raises(ReplayDivergedError, match=r"dead letter user.turn.ended .*: ValueError\('words 1'\)"):
        await replay(await recorded(bus), broken, settings=settings)
