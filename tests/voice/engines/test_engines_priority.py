"""Threads that compute leave the core to the event loop."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from orchestra.voice.engines.turn_detection.thread_priority import lower_thread_priority, preempt_no_thread

linux = pytest.mark.skipif(sys.platform != "linux", reason="single threads have priorities on Linux alone")


def _niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def _policy() -> int:
    return os.sched_getscheduler(threading.get_native_id())


@linux
def test_a_thread_of_low_priority_gives_way_to_the_event_loop_alone() -> None:
    of_loop = _niceness()
    with ThreadPoolExecutor(1, initializer=lower_thread_priority) as threads:
        assert threads.submit(_niceness).result() == min(19, of_loop + 10)
    assert _niceness() == of_loop


@linux
def test_a_thread_that_preempts_none_keeps_its_share_of_the_core() -> None:
    of_loop = _policy()
    with ThreadPoolExecutor(1, initializer=preempt_no_thread) as threads:
        assert threads.submit(_niceness).result() == _niceness()
        assert threads.submit(_policy).result() == os.SCHED_BATCH
    assert _policy() == of_loop


@linux
@pytest.mark.parametrize("change", [lower_thread_priority, preempt_no_thread])
def test_where_priorities_may_not_be_set_the_thread_computes_all_the_same(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]
) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", refuse)
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with capture_logs() as logs:
        change()

    assert [line["event"] for line in logs] == ["thread.priority_kept"]
