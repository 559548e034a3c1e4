"""A server that has lost its data under a running process."""

import structlog

from orchestra.testing import TestBus


async def test_a_journal_that_was_lost_under_a_process_is_said_to_be_and_has_another_name(bus: TestBus) -> None:
    before = bus.bus.journal_name
    await bus.bus.redis.flushall()
    with structlog.testing.capture_logs() as logs:
        names = {await bus.bus.journal_now(), await bus.bus.journal_now()}
    assert len(names - {before}) == 1
    assert [log["event"] for log in logs] == ["journal.replaced"]
