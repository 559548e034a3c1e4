"""A number of simulated callers who call, say their lines, hang up and call again."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from orchestra.errors import OrchestraError
from orchestra.simulator import (
    CallOutcome,
    Patience,
    PhoneLine,
    ScriptedConversation,
    SimulatedCaller,
    Utterance,
    measure_turns,
)

#: between two calls of a caller
_PAUSE_S = 1.0
#: calls that run at the end are hung up, and have so long to be over
_OVER_WITHIN_S = 15.0
#: nobody knows here when a reply is over; with less patience, callers would speak into it while a tool runs
_PATIENCE = Patience(quiet_s=1.2)
_PROBED_EVERY_S = 0.01


@dataclass
class Experienced:
    """What callers experienced.

    Attributes:
        waits_s: from the end of what they said to the first sound of the reply, from the audio.
        gaps_s: how long a reply was silent because its audio came too late.
        calls: how their calls went: ``done``, ``refused`` (the edge was busy), ``dropped`` (the line was cut),
            ``unanswered`` (they gave up waiting), ``failed`` (no call came about), ``stopped`` (the load was over).
        troubles: what a refusal or a failure said.
        late_ms: how often this process was how late, looked at each 10 ms: who speaks late hears the answer late.
        most_late_s: how late the audio of one of them was at most.

    """

    waits_s: list[float] = field(default_factory=list)
    gaps_s: list[float] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    late_ms: Counter[int] = field(default_factory=Counter)
    most_late_s: float = 0.0

    def add(self, other: "Experienced") -> None:
        """Add what others experienced."""
        self.waits_s += other.waits_s
        self.gaps_s += other.gaps_s
        self.late_ms += other.late_ms
        self.calls += other.calls
        self.troubles += other.troubles
        self.most_late_s = max(self.most_late_s, other.most_late_s)


class LoadCallers:
    """Callers at work.

    Args:
        new_caller: makes the caller of one call, each with another number.
        says: what callers say; each begins with another line, and says them all.
        number: how many call at a time.
        ramp_s: until the last one calls for the first time.

    Attributes:
        on_line: calls that are connected now.

    """

    def __init__(
        self, new_caller: Callable[[int], SimulatedCaller], says: Sequence[Utterance], *, number: int, ramp_s: float
    ) -> None:
        self.on_line = 0
        self._called = count(1)
        self._new_caller, self._says = new_caller, tuple(says)
        self._number, self._ramp_s = number, ramp_s
        self._over = asyncio.Event()
        self._experienced = Experienced()

    async def run(self, seconds: float) -> None:
        """Ramp up, hold the load for so long, and end all calls; `stop` ends it before."""
        callers = [asyncio.create_task(self._keep_calling(number)) for number in range(self._number)]
        probing = asyncio.create_task(self._probe())
        try:
            await self._wait(self._ramp_s + seconds)
            self._over.set()
            await asyncio.wait(callers, timeout=_OVER_WITHIN_S)
        finally:
            for task in (*callers, probing):
                task.cancel()
            await asyncio.gather(*callers, probing, return_exceptions=True)
        for caller in callers:
            if not caller.cancelled():
                caller.result()

    def stop(self) -> None:
        """Let the callers hang up, and `run` return."""
        self._over.set()

    def read(self) -> Experienced:
        """What was experienced since the last time."""
        read, self._experienced = self._experienced, Experienced()
        return read

    async def _keep_calling(self, number: int) -> None:
        await self._wait(self._ramp_s * number / self._number)
        calls = number
        while not self._over.is_set():
            first = calls % len(self._says)
            await self._call_once(self._says[first:] + self._says[:first])
            calls += 1
            await self._wait(_PAUSE_S)

    async def _call_once(self, says: Sequence[Utterance]) -> None:
        line, talk = PhoneLine(), ScriptedConversation(says, patience=_PATIENCE)
        try:
            outcome = await self._new_caller(next(self._called)).call(line, partial(self._talk, talk))
        except (OrchestraError, OSError) as error:
            self._experienced.calls["failed"] += 1
            self._experienced.troubles[str(error) or type(error).__name__] += 1
            return
        self._count(outcome, talk)
        self._experienced.most_late_s = max(self._experienced.most_late_s, line.max_late_s)
        self._experienced.gaps_s += line.gaps_s
        tracks = line.tracks
        turns = await asyncio.to_thread(measure_turns, tracks.caller, tracks.agent, talk.said_spans)
        self._experienced.waits_s += [turn.response_s for turn in turns if turn.response_s is not None]

    async def _talk(self, talk: ScriptedConversation, line: PhoneLine) -> None:
        self.on_line += 1
        talking, over = asyncio.create_task(talk(line)), asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait({talking, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.on_line -= 1
            talking.cancel()
            over.cancel()
            await asyncio.wait([talking, over])
        if not talking.cancelled():
            talking.result()

    def _count(self, outcome: CallOutcome, talk: ScriptedConversation) -> None:
        how = {"refused": "refused", "cut_off": "dropped"}.get(outcome.how, "")
        how = how or ("unanswered" if talk.unanswered_turn else "stopped" if self._over.is_set() else "done")
        self._experienced.calls[how] += 1
        if how in ("refused", "dropped"):
            self._experienced.troubles[f"{outcome} ({outcome.closed})" if outcome.closed else str(outcome)] += 1

    async def _probe(self) -> None:
        """Measure how late this process is."""
        while True:
            due = time.monotonic() + _PROBED_EVERY_S
            await asyncio.sleep(_PROBED_EVERY_S)
            self._experienced.late_ms[round(1000 * (time.monotonic() - due))] += 1

    async def _wait(self, seconds: float) -> None:
        """So long, or until the load is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._over.wait()
        except TimeoutError:
            return
