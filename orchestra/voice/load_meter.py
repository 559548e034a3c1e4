"""How busy an edge process is, measured at next to no cost, so that it can do without what is only nice to have."""

import asyncio
import time
from collections.abc import Callable

#: how often the event loop is looked at, in seconds
_EVERY_S = 0.05
#: weight of a new value in a running mean: over a second for what is measured every `_EVERY_S`, over three inferences
_LOOP_WEIGHT, _WAIT_WEIGHT = 0.05, 0.3
#: an inference that waited says nothing about the load this much later, in seconds
_WAIT_COUNTS_S = 3.0
#: from here on, the event loop needs the core more than a turn's end does: audio must not stutter
_LOOP_FIRST = 0.5
#: from here on, the process is busy: the loop's share of a core, its mean delay, and the mean wait of an inference
_BUSY_SHARE, _BUSY_DELAY_S, _BUSY_WAIT_S = 0.65, 0.02, 0.25


class LoadMeter:
    """Measures the event loop of a process, and how long the inferences for its turn ends wait.

    Args:
        monotonic: the time in seconds.
        thread_time: the CPU time of the event loop's thread in seconds.

    Attributes:
        loop_share: the part of a core that the event loop takes, from 0 to 1.
        loop_delay_s: how late the loop runs what is due, in seconds.

    Both are means over about the last second.

    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        thread_time: Callable[[], float] = time.thread_time,
    ) -> None:
        self._monotonic = monotonic
        self._thread_time = thread_time
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looked_at, self._cpu_s = monotonic(), thread_time()
        self._wait_s = 0.0
        self._waited_at = float("-inf")
        self.loop_share = 0.0
        self.loop_delay_s = 0.0

    def watch_event_loop(self) -> None:
        """Watch the running event loop for as long as it runs, instead of an earlier one."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self.loop_share = self.loop_delay_s = 0.0
            self._looked_at, self._cpu_s = self._monotonic(), self._thread_time()
            loop.call_later(_EVERY_S, self._watch, loop)

    def note_wait(self, seconds: float) -> None:
        """An inference on which the end of a turn depends was this much later than on an idle machine."""
        self._wait_s += _WAIT_WEIGHT * (seconds - self._wait_s)
        self._waited_at = self._monotonic()

    @property
    def loop_needs_core(self) -> bool:
        """Whether the event loop has so much to do that everything else must wait for it."""
        return self.loop_share > _LOOP_FIRST

    @property
    def busy(self) -> bool:
        """Whether the process has no time for work that may turn out to be wasted."""
        if self.loop_share > _BUSY_SHARE or self.loop_delay_s > _BUSY_DELAY_S:
            return True
        return self._wait_s > _BUSY_WAIT_S and self._monotonic() - self._waited_at < _WAIT_COUNTS_S

    def look(self) -> None:
        """Take the next values, due `_EVERY_S` after the last."""
        now, cpu_s = self._monotonic(), self._thread_time()
        passed_s = max(now - self._looked_at, 1e-6)
        self.loop_share += _LOOP_WEIGHT * ((cpu_s - self._cpu_s) / passed_s - self.loop_share)
        self.loop_delay_s += _LOOP_WEIGHT * (max(0.0, passed_s - _EVERY_S) - self.loop_delay_s)
        self._looked_at, self._cpu_s = now, cpu_s

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is self._loop:
            self.look()
            loop.call_later(_EVERY_S, self._watch, loop)
