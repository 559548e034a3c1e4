"""Threads that compute have a lower priority than the event loop."""

import asyncio
import os
import sys
import threading

import pytest
from structlog.testing import capture_logs

from orchestra.voice.engines.turn_detection.models import TurnDetectionModels
from orchestra.voice.engines.turn_detection.thread_priority import lower_thread_priority


def _niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="single threads have priorities on Linux alone")
async def test_smart_turn_runs_at_a_lower_priority_than_the_event_loop(listening: TurnDetectionModels) -> None:
    of_loop = _niceness()
    of_smart_turn = await asyncio.get_running_loop().run_in_executor(listening._threads, _niceness)

    assert of_smart_turn == min(19, of_loop + 10)
    assert _niceness() == of_loop


@pytest.mark.skipif(sys.platform != "linux", reason="single threads have priorities on Linux alone")
def test_where_priorities_may_not_be_set_the_thread_computes_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", refuse)
    with capture_logs() as logs:
        lower_thread_priority()

    assert [line["event"] for line in logs] == ["thread.priority_kept"]
