"""How long things of a call are kept. Pure: the moment is given."""

from dataclasses import dataclass

from orchestra.bus.keys import started_ms

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class KeepDays:
    """Keep what belongs to a call for this many days from the call's start; 0 keeps it for ever."""

    days: float

    def has_expired(self, call: str, now: float) -> bool:
        """Whether what belongs to the call may be deleted at ``now`` (epoch seconds).

        Never for an id that does not say when the call started: whatever it names is not ours.
        """
        started = started_ms(call)
        return bool(self.days and started) and now * 1000 - started > self.days * _DAY_MS
