"""What is refused is said in the log, and whoever knocks a thousand times does not fill it."""

import time
from collections.abc import Callable
from typing import Any

import structlog

_LOG = structlog.get_logger("orchestra")

_WINDOW_S = 10.0
_LINES = 20


class Refusals:
    """Writes up to 20 lines of a kind within ten seconds; the next one that is written says how many were not.

    ``clock`` is in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: dict[str, tuple[float, int, int]] = {}  # when its window began, written in it, not written since

    def note(self, event: str, **fields: Any) -> None:
        """Something of this kind was refused."""
        unwritten = self.due(event)
        if unwritten is not None:
            _LOG.warning(event, **fields, **({"not_written": unwritten} if unwritten else {}))

    def due(self, event: str) -> int | None:
        """Whether a line of this kind is written now: None if not, else how many were not since the last that was."""
        now = self._clock()
        began, written, unwritten = self._kinds.get(event, (now, 0, 0))
        if now - began >= _WINDOW_S:
            began, written = now, 0
        if written >= _LINES:
            self._kinds[event] = began, written, unwritten + 1
            return None
        self._kinds[event] = began, written + 1, 0
        return unwritten
