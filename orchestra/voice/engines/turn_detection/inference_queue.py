"""The order in which smart-turn looks at the pauses of all calls: the turn that would end first is looked at first.

One look takes 50 ms of CPU time, a batch of several takes as much for each, so they run one after the other::

    caller 1   speaks ---|      sure: the turn ends with this look           due 1
    caller 2   speaks -|        early: the turn may be about to end             |   due 2
    core                 | 1    | 2    |

A sure look comes before every early one. An early look that has not begun when it is due is not run at all, nor is a
look whose caller has spoken again.
"""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from orchestra.voice.engines.turn_detection.thread_priority import lower_thread_priority, preempt_no_thread
from orchestra.voice.load_meter import LoadMeter

#: runs in a thread
Inference = Callable[[], Any]


@dataclass(slots=True, eq=False)
class Look:
    """One look that waits, runs, or is over.

    Attributes:
        due: when its answer is needed, on the monotonic clock.
        early: it may turn out that nobody needs it.
        asked_at: since when it waits.
        answer: what the inference returns; None if there was no time for it. Cancel it if nobody needs it.

    """

    inference: Inference
    due: float
    early: bool
    asked_at: float
    answer: "Future[Any]" = field(default_factory=Future)

    @property
    def order(self) -> tuple[bool, float]:
        """What is smallest runs next."""
        return self.early, self.due


class InferenceQueue:
    """Runs the looks of a process, as many at a time as it may use cores.

    Args:
        meter: says whether the event loop needs the core for itself; is told how long sure looks wait.
        monotonic: the time in seconds.

    Attributes:
        counts: the looks so far: ``sure`` and ``early`` ones that were run, early ones that were ``shed``, and those
            that were ``needless`` before they began.

    """

    def __init__(self, meter: LoadMeter, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.meter = meter
        self.counts = dict.fromkeys(("sure", "early", "shed", "needless"), 0)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._waiting: list[Look] = []
        self._running = 0
        # a thread can give its priority up, but not take it back
        most = os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(most, "smart-turn", initializer=preempt_no_thread)
        self._low_threads = ThreadPoolExecutor(most, "smart-turn-low", initializer=lower_thread_priority)

    def ask(self, inference: Inference, *, due: float, early: bool = False) -> Look:
        """Queue a look."""
        look = Look(inference, due, early, self._monotonic())
        with self._lock:
            self._waiting.append(look)
        self._run_next()
        return look

    def make_sure(self, look: Look, *, due: float) -> None:
        """The end of a turn depends on this look, which was early."""
        look.early, look.due, look.asked_at = False, due, self._monotonic()

    def close(self) -> None:
        """End the threads; looks that wait are not run."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for look in waiting:
            look.answer.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._low_threads.shutdown(wait=False, cancel_futures=True)

    def _run_next(self) -> None:
        while (look := self._take()) is not None:
            threads = self._low_threads if self.meter.loop_needs_core else self._threads
            threads.submit(self._run, look)

    def _take(self) -> Look | None:
        """The next look that is still worth running, if there is a core for it."""
        while True:
            with self._lock:
                if self._running >= usable_cores() or not self._waiting:
                    return None
                look = min(self._waiting, key=lambda each: each.order)
                self._waiting.remove(look)
                if not look.answer.set_running_or_notify_cancel():
                    self.counts["needless"] += 1
                    continue
                if not (look.early and (self.meter.busy or look.due < self._monotonic())):
                    self._running += 1
                    self.counts["early" if look.early else "sure"] += 1
                    return look
                self.counts["shed"] += 1
            look.answer.set_result(None)

    def _run(self, look: Look) -> None:
        before = time.thread_time()
        try:
            found = look.inference()
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            look.answer.set_exception(error)
        else:
            look.answer.set_result(found)
        if not look.early:
            self.meter.note_wait(max(0.0, self._monotonic() - look.asked_at - (time.thread_time() - before)))
        with self._lock:
            self._running -= 1
        self._run_next()


def usable_cores() -> int:
    """The number of cores on which this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
