"""The audit: who looked at a call's recording, who listened, and who did what."""

from collections.abc import Callable
from typing import Any

import structlog

from orchestra.bus import Publisher, keys
from orchestra.clock import Clock
from orchestra.console.roles import Operator
from orchestra.errors import RedisAwayError
from orchestra_schemas import CallAccessed

_LOG = structlog.get_logger("orchestra.console")


class Audit:
    """Writes a line in the log for each entry; where a call is still on the journal, it gets an event, too.

    ``publisher`` is asked for at each entry, since Redis may not be there yet. No entry has a token, or words of a
    call.
    """

    def __init__(self, publisher: Callable[[], Publisher], journal_retention_s: float, clock: Clock) -> None:
        self._publisher = publisher
        self._retention_s = journal_retention_s
        self._clock = clock

    def record(self, operator: Operator, action: str, call: str = "", **fields: Any) -> None:
        """An entry for something that publishes no event of its own: ``action`` is in the past, "played recording"."""
        self.log(operator, action, call, **fields)
        if not self._on_journal(call):
            return
        try:
            self._publisher().publish(CallAccessed(call=call, operator=operator.name, action=action))
        except RedisAwayError:
            _LOG.warning("console.audit_not_on_journal", operator=operator.name, action=action, call=call)

    def log(self, operator: Operator, action: str, call: str = "", **fields: Any) -> None:
        """The line in the log alone, for an act whose own event says who did it."""
        _LOG.info("console.audit", operator=operator.name, role=operator.role.word, action=action, call=call, **fields)

    def _on_journal(self, call: str) -> bool:
        """Whether the call's events are kept yet: in the archive, a late event would begin a second, broken call."""
        try:
            started_s = keys.started_ms(keys.validate_call_id(call)) / 1000
        except ValueError:
            return False
        return started_s > self._clock.time() - self._retention_s
