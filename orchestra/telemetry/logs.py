"""Ships the structured log of a process to OpenObserve, beside standard error.

A thread sends it directly to the server: the log matters most when Redis is away, or the event loop is stuck. Best
effort, with a limit: entries that the server does not accept in time are counted and dropped, oldest first.
"""

import atexit
import threading
from collections import deque
from collections.abc import MutableMapping
from typing import Any

import httpx
import structlog

from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import OrchestraError
from orchestra.settings import Settings
from orchestra.telemetry.openobserve import HEADERS, Outcome, Request, Verdict, api_url, credentials, judge
from orchestra.telemetry.redaction import redaction_of
from orchestra.telemetry.rows import LOGS, log_row

_LOG = structlog.get_logger("orchestra.telemetry")

_BATCH = 500
_KEPT = 10_000
_EVERY_S = 1.0
_LONGEST_PAUSE_S = 30.0
_TIMEOUT_S = 5.0
_LAST_WORDS_S = 2.0


class LogShipping:
    """A structlog processor that ships each entry.

    Raises:
        SettingError: OpenObserve's URL or credentials are not set.

    """

    def __init__(self, settings: Settings) -> None:
        self.dropped = 0
        self.shipped = 0
        self._settings = settings
        self._waiting: deque[tuple[float, dict[str, Any]]] = deque()
        self._http = httpx.Client(
            base_url=api_url(settings), timeout=_TIMEOUT_S, headers={"Authorization": credentials(settings)}
        )
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log shipping", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def __call__(self, _: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Take a copy of the entry and pass it on."""
        if len(self._waiting) >= _KEPT:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append((SYSTEM_CLOCK.time(), dict(entry)))
        return entry

    def close(self) -> None:
        """Send what is left, within two seconds."""
        self._closing.set()
        self._thread.join(_LAST_WORDS_S)
        atexit.unregister(self.close)

    def _run(self) -> None:
        try:
            self._redaction = redaction_of(self._settings)
        except OrchestraError as error:  # without it, nothing may leave
            _LOG.error("logs.not_shipped", error=str(error))
            return
        pause, said = _EVERY_S, False
        while True:
            last = self._closing.wait(pause)
            verdict = self._send_all()
            if verdict is None:
                pause, said = _EVERY_S, False
            else:
                pause = min(_LONGEST_PAUSE_S, pause * 2)
                if not said:
                    said = True
                    _LOG.warning("logs.wait", answer=verdict.words, dropped=self.dropped)
            if last:
                self._http.close()
                return

    def _send_all(self) -> Verdict | None:
        """Send everything that waits; returns the verdict that stopped it, or None."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            verdict = self._send(batch)
            if verdict.outcome is Outcome.STORED:
                self.shipped += len(batch)
            elif verdict.outcome is Outcome.REFUSED and len(batch) > 1:
                for entry in batch:
                    self._count(self._send([entry]))
            elif verdict.outcome is Outcome.REFUSED:
                self.dropped += 1
            else:
                self._waiting.extendleft(reversed(batch))
                return verdict
        return None

    def _count(self, verdict: Verdict) -> None:
        if verdict.outcome is Outcome.STORED:
            self.shipped += 1
        else:
            self.dropped += 1

    def _send(self, batch: list[tuple[float, dict[str, Any]]]) -> Verdict:
        redact = self._redaction.log if self._redaction is not None else dict
        rows = [log_row(at, redact(entry)) for at, entry in batch]
        request = Request.of(LOGS, rows, self._settings.openobserve_window_h)
        try:
            answer = self._http.post(request.path, content=request.body, headers=HEADERS)
        except httpx.HTTPError as error:
            return Verdict(Outcome.BUSY, repr(error))
        return judge(answer.status_code, answer.content, request.rows)
