"""How long things of a call are kept. Pure: the moment is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestra.bus.keys import started_ms
from orchestra.settings import Settings

#: settings that say for how many days something is kept
Kept = Literal["recordings_days", "archive_days", "callers_days", "exports_days"]
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class KeepDays:
    """Keep what belongs to a call for so many days from the call's start; 0 keeps it for ever.

    Attributes:
        days: for calls of every other app, and where it is not known whose a call was.
        apps: days by the name of the app that answered.

    """

    days: float
    apps: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, what: Kept) -> "KeepDays":
        """What the settings say of this."""
        apps = {name: getattr(each, what) for name, each in settings.app_retention.items()}
        return cls(getattr(settings, what), {name: days for name, days in apps.items() if days is not None})

    @property
    def any(self) -> bool:
        """Whether anything is ever over."""
        return bool(self.shortest)

    @property
    def shortest(self) -> float:
        """The shortest time that is set, in days; 0 if everything is kept for ever."""
        return min(filter(None, (self.days, *self.apps.values())), default=0.0)

    def oldest_ms(self, now: float) -> float:
        """Nothing of a later moment (epoch ms) has expired at ``now`` (epoch seconds), whosever it is."""
        return now * 1000 - self.shortest * _DAY_MS

    @property
    def depends_on_app(self) -> bool:
        """Whether it matters whose a call was."""
        return any(days != self.days for days in self.apps.values())

    def days_of(self, app: str) -> float:
        """For how long the calls of an app are kept."""
        return self.apps.get(app, self.days)

    def has_expired(self, call: str, now: float, app: str = "") -> bool:
        """Whether what belongs to the call may be deleted at ``now`` (epoch seconds).

        Never for an id that does not say when the call started: whatever it names is not ours.
        """
        started = started_ms(call)
        return bool(started) and self.is_over(started, now, app)

    def may_have_expired(self, call: str, now: float) -> bool:
        """Whether it may be deleted if the call is of the app whose calls are kept for the shortest time."""
        return KeepDays(self.shortest).has_expired(call, now)

    def is_over(self, since_ms: float, now: float, app: str = "") -> bool:
        """Whether something of this moment (epoch ms) may be deleted at ``now`` (epoch seconds)."""
        days = self.days_of(app)
        return bool(days) and now * 1000 - since_ms > days * _DAY_MS
