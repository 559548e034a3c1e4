"""A caller by text: does what an edge does, without sound, and asks again what was not answered."""

import random
import time
from dataclasses import dataclass, field

from orchestra.bus import Bus, Publisher
from orchestra_schemas import CallEnded, CallStarted, Event, ReplySpoken, TurnCancelled, TurnCompleted, UserTurnEnded
from tests.faults.spoken.model import answer, question
from tests.faults.spoken.tones import GREETING, NONSENSE, PARDON
from tests.soak.journal import JournalRecord

_ASKED_AT_MOST = 8
#: after this much silence a caller asks again; it counts as silence all the same
_PATIENCE_S = 25.0


@dataclass
class TextCall:
    """One call: what was asked, how long its answers took, and what never was answered."""

    seed: int
    turns: int
    call: str = ""
    waits_s: list[float] = field(default_factory=list)
    asked_again: int = 0
    unanswered: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    async def make(self, bus: Bus, publisher: Publisher, journal: JournalRecord) -> None:
        """Make the call."""
        self._publisher, self._journal = publisher, journal
        self.call, self._turn = bus.new_call(), 0
        chance = random.Random(self.seed)
        number = f"+1556{self.seed % 10_000_000:07d}"
        publisher.publish(CallStarted(call=self.call, from_number=number, app="soak", line="*", greeting=GREETING))
        for _ in range(self.turns):
            await self._ask(*chance.sample(NONSENSE, 2))
        publisher.publish(CallEnded(call=self.call, turn=self._turn, reason="caller_hung_up"))
        await journal.until(self.call, lambda event: isinstance(event, CallEnded), 0, 120)
        publisher.forget(self.call)

    async def _ask(self, one: str, other: str) -> None:
        for _ in range(_ASKED_AT_MOST):
            self._turn += 1
            began, since = time.monotonic(), len(self._journal.call(self.call))
            words = question(one, other)
            asked = UserTurnEnded(call=self.call, turn=self._turn, text=words, speech_ended_at=time.time())
            self._publisher.publish(asked)
            try:
                found = await self._journal.until(self.call, self._ends, since, _PATIENCE_S)
            except TimeoutError:
                self.waits_s.append(_PATIENCE_S)
            else:
                self.waits_s.append(time.monotonic() - began)
                if self._is_answer(self._journal.call(self.call)[found], answer(one, other)):
                    return
            self.asked_again += 1
        self.unanswered.append(f"{one} {other}")

    def _ends(self, event: Event) -> bool:
        return isinstance(event, TurnCompleted | TurnCancelled) and event.turn == self._turn

    def _is_answer(self, event: Event, expected: str) -> bool:
        if isinstance(event, TurnCancelled) or not isinstance(event, TurnCompleted):
            return False
        self._publisher.publish(ReplySpoken(call=self.call, turn=self._turn, text=event.text))
        if event.failed or event.text == PARDON:  # of two questions at once, after one that was not answered in time
            return False
        if event.text != expected:
            self.wrong.append(f"turn {self._turn}: {event.text!r} instead of {expected!r}")
        return True
