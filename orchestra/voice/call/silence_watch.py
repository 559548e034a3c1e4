"""What a waiting caller is told, and when. Pure policy: every moment is a parameter."""

from dataclasses import dataclass
from typing import Literal

#: silence after the end of the caller's turn in which a reply begins, or a phrase that bridges the wait, in seconds
BRIDGE_AFTER_S = 1.5
#: silence after the caller's last word until the first holding phrase, if the end of their turn is not known
HOLDING_AFTER_S = 2.1
#: the same in the middle of a reply, where a pause may be longer
HOLDING_MORE_S = 3.4
#: silence between two holding phrases from the third on
HOLDING_AGAIN_S = 7.0
#: wait after which the caller is asked to repeat, if the agents give no sign of work
APOLOGY_AFTER_S = 6.6
#: nothing is said this soon after a sound, which may be the middle of a sentence
_BREATH_S = 0.8
#: a platform that is not known to be away and has been silent for this long will not answer any more
_GIVE_UP_S = 60.0
#: time between two looks at a waiting caller, in seconds
_LOOK_S = 0.2

Step = Literal["nothing", "fill", "bridge", "hold", "apologise", "give up"]


@dataclass(slots=True)
class SilenceWatch:
    """One caller's wait for the agents. All moments are seconds on the same clock.

    ::

        caller   ---- speaks --|
        s                      0       2.1          3.4 later        7 later
        agents give no sign            hold         apologise        (the caller's turn)
        agents are at work             hold         hold             hold …

    Once the caller's turn is known to be over, the first of it comes sooner::

        caller   ---- speaks --|   |turn is over
        s                          0    a tool starts       1.5
        a tool has a filler        :    fill                             hold (3.4 after it)
        else                       :                        bridge       hold (3.4 after it)

    Attributes:
        bridge_after_s: silence after the end of the caller's turn until it is bridged; 0: it is not.
        since: when the caller was last heard, by voice or key.
        pause_s: how long a pause after that may still belong to their turn: only then do they wait.
        sounded_at: when the caller last heard anything.
        worked_at: when the agents last showed that they are working on this turn.
        away_at: when the platform was last known to be away; it receives the caller's turn only after that.
        notices: how often the caller has been told something since they last spoke.
        promised: the caller was told that it takes a moment, and has not had an answer since.
        apologised: the caller was asked to repeat: it is their turn.
        turn_ended_at: when the caller's last turn was known to be over.

    """

    bridge_after_s: float = BRIDGE_AFTER_S
    since: float = 0.0
    pause_s: float = 0.0
    sounded_at: float = 0.0
    worked_at: float = 0.0
    away_at: float = 0.0
    notices: int = 0
    notified_at: float = 0.0
    promised: bool = False
    apologised: bool = False
    turn_ended_at: float = 0.0

    def caller_heard(self, at: float) -> None:
        """The caller's last sound or key so far was ``at``."""
        if at > self.since:
            self.since = at
            self.notices, self.apologised = 0, False

    def turn_began(self, now: float) -> None:
        """The caller's words have arrived. A caller who was asked to repeat them waits for an answer after all."""
        self.promised, self.turn_ended_at = False, now
        if self.apologised:
            self.since, self.notices, self.apologised = now, 0, False

    def answered(self) -> None:
        """The answer that the caller was told to wait for has come."""
        self.promised = False

    def silent_s(self, now: float) -> float:
        """For how long the caller has heard nothing since they last spoke, in seconds."""
        return now - max(self.since + self.pause_s, self.sounded_at)

    def next_step(self, now: float, *, at_work: bool, away: bool, patient: bool, filler: bool = False) -> Step:
        """What to tell a caller who is waiting.

        Args:
            now: the current moment.
            at_work: the agents have shown that they are working on this turn.
            away: the platform is known to be away, and may come back.
            patient: the caller is pressing keys and is not waiting yet.
            filler: a tool runs that has words for this wait.

        """
        since = self.since + self.pause_s
        quiet_s = now - max(since, self.sounded_at, self.notified_at)
        self.away_at = now if away else self.away_at
        waited_s = now - max(since, self.away_at)
        if self.apologised:
            return "nothing"
        if not away and now - max(since, self.away_at, self.worked_at) > _GIVE_UP_S:
            return "give up"
        lost = not (at_work or away or patient)
        if lost and waited_s > APOLOGY_AFTER_S and quiet_s > _BREATH_S:
            return "apologise"
        if lost and self.notices:
            return "nothing"  # the apology follows soon
        return self._words_for(now, quiet_s, patient=patient, filler=filler)

    def _words_for(self, now: float, quiet_s: float, *, patient: bool, filler: bool) -> Step:
        if filler and (self._unbroken or quiet_s > HOLDING_MORE_S):
            return "fill"
        if not patient and self._is_to_be_bridged(now):
            return "bridge"
        return "hold" if quiet_s > self._allowed_s(patient=patient) else "nothing"

    def note_step(self, now: float, step: Step, *, promises: bool = True) -> None:
        """The caller heard this step. ``promises``: they wait for something that has not come yet."""
        self.notices, self.notified_at = self.notices + 1, now
        self.apologised = step == "apologise"
        self.promised = promises and not self.apologised

    @property
    def _unbroken(self) -> bool:
        """Whether the caller has heard nothing since they last spoke."""
        return not self.notices and self.sounded_at <= self.since

    def _is_to_be_bridged(self, now: float) -> bool:
        """Whether the wait would be too long by the next look."""
        knows_end = bool(self.bridge_after_s) and self.turn_ended_at >= self.since
        return knows_end and self._unbroken and now + _LOOK_S - self.turn_ended_at > self.bridge_after_s

    def _allowed_s(self, *, patient: bool) -> float:
        if patient or self.notices > 1:
            return HOLDING_AGAIN_S
        return HOLDING_AFTER_S if self._unbroken else HOLDING_MORE_S
