"""Smart-turn looks at the pauses of all calls in the order in which their turns end, and at none in vain."""

import os
import threading
from collections.abc import Callable, Iterator

import pytest

from orchestra.voice.engines.turn_detection import inference_queue
from orchestra.voice.engines.turn_detection.inference_queue import InferenceQueue
from orchestra.voice.load_meter import LoadMeter


class Meter(LoadMeter):
    """Says what the test wants, and keeps what it is told."""

    says_busy = False
    says_loop_needs_core = False

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    @property
    def busy(self) -> bool:
        return self.says_busy

    @property
    def loop_needs_core(self) -> bool:
        return self.says_loop_needs_core

    def note_wait(self, seconds: float) -> None:
        self.waits.append(seconds)


class OneCore:
    """A queue on one core, whose clock stands still; the core is held until the test lets it go."""

    def __init__(self) -> None:
        self.now = 0.0
        self.meter = Meter()
        self.queue = InferenceQueue(self.meter, monotonic=lambda: self.now)
        self.ran: list[str] = []
        self._free = threading.Event()

    def hold(self) -> None:
        self.queue.ask(self._free.wait, due=0.0)

    def let_go(self) -> None:
        self._free.set()

    def look(self, name: str) -> Callable[[], str]:
        def run() -> str:
            self.ran.append(name)
            return name

        return run


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> Iterator[OneCore]:
    monkeypatch.setattr(inference_queue, "usable_cores", lambda: 1)
    one = OneCore()
    yield one
    one.let_go()
    one.queue.close()


def test_the_look_whose_turn_ends_first_runs_first(core: OneCore) -> None:
    core.hold()
    looks = [core.queue.ask(core.look(name), due=due) for name, due in (("late", 3.0), ("soon", 1.0), ("next", 2.0))]
    core.let_go()
    assert [each.answer.result(10) for each in looks] == ["late", "soon", "next"]
    assert core.ran == ["soon", "next", "late"]


def test_a_sure_look_runs_before_an_early_one(core: OneCore) -> None:
    core.hold()
    early = core.queue.ask(core.look("early"), due=1.0, early=True)
    sure = core.queue.ask(core.look("sure"), due=2.0)
    core.let_go()
    assert (early.answer.result(10), sure.answer.result(10)) == ("early", "sure")
    assert core.ran == ["sure", "early"]


def test_an_early_look_that_a_turn_end_waits_for_is_a_sure_one(core: OneCore) -> None:
    core.hold()
    other = core.queue.ask(core.look("other"), due=2.0)
    look = core.queue.ask(core.look("this"), due=1.0, early=True)
    core.queue.make_sure(look, due=1.0)
    core.let_go()
    assert (look.answer.result(10), other.answer.result(10)) == ("this", "other")
    assert core.ran == ["this", "other"]


def test_a_look_that_nobody_needs_any_more_is_not_run(core: OneCore) -> None:
    core.hold()
    dropped = core.queue.ask(core.look("dropped"), due=1.0)
    kept = core.queue.ask(core.look("kept"), due=2.0)
    dropped.answer.cancel()
    core.let_go()
    kept.answer.result(10)
    assert core.ran == ["kept"]
    assert core.queue.counts["needless"] == 1


def test_an_early_look_that_could_not_begin_in_time_is_not_run(core: OneCore) -> None:
    core.hold()
    early = core.queue.ask(core.look("early"), due=1.0, early=True)
    core.now = 1.5
    core.let_go()
    assert early.answer.result(10) is None
    assert core.ran == []
    assert core.queue.counts == {"sure": 1, "early": 0, "shed": 1, "needless": 0}


def test_a_sure_look_runs_however_late_it_is(core: OneCore) -> None:
    core.hold()
    sure = core.queue.ask(core.look("sure"), due=1.0)
    core.now = 5.0
    core.let_go()
    assert sure.answer.result(10) == "sure"


def test_a_busy_process_takes_sure_looks_only(core: OneCore) -> None:
    core.meter.says_busy = True
    early = core.queue.ask(core.look("early"), due=1.0, early=True)
    sure = core.queue.ask(core.look("sure"), due=1.0)
    assert early.answer.result(10) is None
    assert sure.answer.result(10) == "sure"


def test_the_meter_is_told_how_long_sure_looks_waited(core: OneCore) -> None:
    core.hold()
    core.queue.ask(core.look("early"), due=9.0, early=True)
    sure = core.queue.ask(core.look("sure"), due=1.0)
    core.now = 0.7
    core.let_go()
    sure.answer.result(10)
    core.queue.ask(core.look("after"), due=1.0).answer.result(10)
    assert [round(wait_s, 1) for wait_s in core.meter.waits[:2]] == [0.7, 0.7]  # what held the core, and this one


def test_a_look_that_fails_tells_who_asked_and_holds_nobody_up(core: OneCore) -> None:
    def fail() -> None:
        msg = "no model"
        raise RuntimeError(msg)

    failed = core.queue.ask(fail, due=1.0)
    with pytest.raises(RuntimeError, match="no model"):
        failed.answer.result(10)
    assert core.queue.ask(core.look("next"), due=1.0).answer.result(10) == "next"


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="single threads have priorities on Linux alone")
@pytest.mark.parametrize(("loop_needs_core", "lower_by"), [(False, 0), (True, 10)])
def test_looks_give_way_to_an_event_loop_that_needs_the_core(
    core: OneCore, *, loop_needs_core: bool, lower_by: int
) -> None:
    core.meter.says_loop_needs_core = loop_needs_core

    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert core.queue.ask(niceness, due=0.0).answer.result(10) == min(19, niceness() + lower_by)
