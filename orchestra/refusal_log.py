"""Logs refusals at a limited rate, so that a flood of them cannot fill the log."""

import time
from collections.abc import Callable
from typing import Any

import structlog

_LOG = structlog.get_logger("orchestra")

_WINDOW_S = 10.0
_LINES = 20


class Refusals:
    """Writes up to 20 lines of a kind in ten seconds; the next line says how many were left out.

    ``clock`` is in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[str, tuple[float, int, int]] = {}  # start of the window, lines written in it, lines left out

    def note(self, event: str, **fields: Any) -> None:
        """Log a refusal of this kind, unless there were too many."""
        unwritten = self.due(event)
        if unwritten is not None:
            _LOG.warning(event, **fields, **({"not_written": unwritten} if unwritten else {}))

    def due(self, event: str) -> int | None:
        """Whether to write a line of this kind now: None, or the number of lines left out since the last one."""
        now = self._clock()
        began, written, unwritten = self._kinds.get(event, (now, 0, 0))
        if now - began >= _WINDOW_S:
            began, written = now, 0
        if written >= _LINES:
            self._kinds[event] = began, written, unwritten + 1
            return None
        self._kinds[event] = began, written + 1, 0
        return unwritten
