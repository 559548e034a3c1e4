"""Events that cannot be handled become dead letters, and no others do."""

import asyncio
from pathlib import Path

import pytest

from orchestra.bus.group.dead_letters import dead_letters
from tests.faults.fleet import fleet_at
from tests.faults.jobs import JobForgotten

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.mark.parametrize(("kind", "word"), [("raises", "cannot be done"), ("hangs", "took longer than 1.0 s")])
async def test_a_job_that_always_fails_becomes_a_dead_letter_and_the_others_are_done(
    tmp_path: Path, kind: str, word: str
) -> None:
    async with fleet_at(tmp_path) as fleet:
        fleet.worker()
        await fleet.shared_by(1)
        await fleet.load(500, 20, per_s=900)
        call = next(iter(fleet.asked))
        dead = {call: [len(fleet.asked[call])]}
        fleet.ask(call, kind)
        await fleet.load(500, 20, per_s=900)
        fleet.ask(call, "inline")
        await fleet.publisher.flush()
        await fleet.finished()
        await fleet.check(dead=dead)
        (letter,) = await dead_letters(fleet.bus, "effects")
        assert letter.attempts == 3
        assert word in letter.error


async def test_a_job_that_kills_its_worker_becomes_a_dead_letter_after_its_attempts(tmp_path: Path) -> None:
    async with fleet_at(tmp_path) as fleet:
        fleet.worker()
        await fleet.shared_by(1)
        await fleet.load(300, 20, per_s=900)
        call, beside = list(fleet.asked)[:2]
        dead = {call: [len(fleet.asked[call])]}
        for _ in range(3):
            fleet.ask(beside, "waits")
        fleet.ask(call, "kills")
        for name in list(fleet.asked):
            fleet.ask(name, "waits")
        await fleet.publisher.flush()
        supervisor = asyncio.create_task(restart(fleet))
        await fleet.finished(some_may_die=True)
        supervisor.cancel()
        await fleet.check(dead=dead)
        (letter,) = await dead_letters(fleet.bus, "effects")
        assert "died in each of 3 deliveries" in letter.error
        assert [note[2] for note in fleet.notes() if note[3] == "kills"] == ["1", "1", "2", "3"]


async def restart(fleet) -> None:  # noqa: ANN001
    """Start another worker whenever one exits, as a supervisor does."""
    while True:
        for process in [each for each in fleet.workers if each.poll() is not None]:
            fleet.workers.remove(process)
            fleet.worker()
        await asyncio.sleep(0.02)


async def test_invalid_json_becomes_a_dead_letter_at_once_and_unknown_types_are_skipped(tmp_path: Path) -> None:
    async with fleet_at(tmp_path) as fleet:
        fleet.worker()
        await fleet.load(200, 10, per_s=900)
        key, call = fleet.bus.key(3, "events"), fleet.bus.new_call([3])
        await fleet.bus.redis.xadd(key, {"type": "job.asked", "call": call, "id": "x", "body": b"\xff{no"})
        await fleet.bus.redis.xadd(key, {"type": "of.tomorrow", "call": call, "id": "y", "body": "{}"})
        await fleet.bus.redis.xadd(key, {"hello": "world"})
        fleet.publisher.publish(JobForgotten(call=call, seq=1))
        await fleet.load(200, 10, per_s=900)
        await fleet.finished()
        await fleet.check()
        assert [letter.id for letter in await dead_letters(fleet.bus, "effects")] == ["x"]
