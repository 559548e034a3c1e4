"""What a process does for the others of its machine."""

import os
import sys
import threading

import pytest

from orchestra.child_process import on_one_core

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads are kept to cores on Linux alone")


def cores_of(thread: int) -> set[int]:
    return os.sched_getaffinity(thread)


def test_a_starting_process_uses_one_core_and_its_threads_all_cores_afterwards() -> None:
    before, end, seen = cores_of(0), threading.Event(), list[set[int]]()
    threads = [threading.Thread(target=end.wait) for _ in range(2)]
    threads[0].start()
    try:
        with on_one_core():
            threads[1].start()
            seen += [cores_of(0), *(cores_of(thread.native_id or 0) for thread in threads)]
        assert [len(cores) for cores in seen] == [1, 1, 1]
        assert [cores_of(0), *(cores_of(thread.native_id or 0) for thread in threads)] == [before] * 3
    finally:
        end.set()


def test_a_process_that_fails_at_start_gets_its_cores_back() -> None:
    before = cores_of(0)
    with pytest.raises(ZeroDivisionError), on_one_core():
        _ = 1 / 0
    assert cores_of(0) == before


def test_a_process_that_may_not_choose_its_cores_starts_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    with on_one_core():
        pass
