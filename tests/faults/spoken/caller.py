"""A caller who asks for things in tones, listens to every word, and repeats a question that was not understood."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestra.simulator import Caller, PhoneLine
from orchestra.simulator.audio_measure import Span
from orchestra.simulator.caller import CallOutcome
from orchestra.voice.audio import mulaw
from tests.faults.spoken.model import question
from tests.faults.spoken.tones import APOLOGY, NONSENSE, PARDON, STILL_THERE, Ear, encode, plain

_ASK_AGAIN = frozenset((plain(APOLOGY)[-1], plain(PARDON)[-1], plain(STILL_THERE)[-1]))
_QUIET_S = 0.6
_CUT_S = 5.0
_GREETED_WITHIN_S = 30.0
#: after this much silence a caller asks again; it counts as dead air all the same
_PATIENCE_S = 25.0


@dataclass
class SpokenCall:
    """One call: the questions, the words heard, and the silences that the caller heard.

    ``breaks_s`` are where the stream broke, on the line's clock, which began at ``began_at`` (epoch seconds).
    """

    seed: int
    turns: int
    ear: Ear = field(default_factory=Ear)
    silences: list[Span] = field(default_factory=list)
    asked_again: int = 0
    unanswered: list[str] = field(default_factory=list)
    ending: CallOutcome | None = None
    sid: str = ""
    breaks_s: list[float] = field(default_factory=list)
    began_at: float = 0.0
    _line: PhoneLine | None = None
    _listened: int = 0

    @property
    def line(self) -> PhoneLine:
        """The line, while the call lasts: its audio is not kept."""
        assert self._line is not None
        return self._line

    async def make(self, url: str, auth_token: str) -> None:
        """Make the call."""
        line = self._line = PhoneLine()
        caller = Caller(url, auth_token, from_number=f"+1555{self.seed % 10_000_000:07d}")
        self.sid = caller.call_sid
        try:
            self.ending = await caller.call(line, self._talk)
        finally:
            self.breaks_s, self.began_at, self._line = line.breaks_s, line.started_at, None

    async def _talk(self, line: PhoneLine) -> None:
        chance = random.Random(self.seed)
        await self._wait_for(frozenset(("test",)), since=0, patience_s=_GREETED_WITHIN_S)
        for _ in range(self.turns):
            one, other = chance.sample(NONSENSE, 2)
            await self._ask(line, one, other)
            await line.until(lambda: self._hear(done=False), chance.uniform(0.3, 1.0))

    async def _ask(self, line: PhoneLine, one: str, other: str) -> None:
        for _ in range(8):
            samples, _ = encode(question(one, other))
            said = line.say(samples)
            await line.until(lambda said=said: self._hear(done=line.now_s >= said.end_s), 10)  # type: ignore[misc]
            since = len(self.ear.heard)
            if await self._answered(line, since, [one, other, "over"]):
                return
            self.asked_again += 1
        self.unanswered.append(f"{one} {other}")

    async def _answered(self, line: PhoneLine, since: int, wanted: list[str]) -> bool:
        """Wait for the end of the answer; False where the question must be repeated."""
        stop = frozenset((*_ASK_AGAIN, "over"))
        while True:
            ended = await self._wait_for(stop, since=since, patience_s=_PATIENCE_S)
            if line.ended or not ended:
                return False
            await line.until(lambda: self._hear(done=self._is_quiet()), 10)
            words = [heard.word for heard in self.ear.heard[since:] if heard.whole]
            if words[-3:] == wanted:
                return True
            if words and words[-1] in _ASK_AGAIN:
                return False
            since = len(self.ear.heard)

    def _is_quiet(self) -> bool:
        """Whether nothing has been heard for a while; for longer after half a word, which a stopped edge finishes."""
        last = self.ear.heard[-1]
        return self.ear.now_s - last.at_s > (_QUIET_S if last.whole else _CUT_S)

    async def _wait_for(self, words: frozenset[str], *, since: int, patience_s: float) -> bool:
        """Wait until one of these words is heard, and record every silence. False: nothing was heard for too long."""
        line, quiet_since = self.line, self.line.now_s
        seen = since
        while True:
            heard = await line.until(self._more_than(max(seen, len(self.ear.heard))), patience_s)
            silent_until = self.ear.heard[-1].at_s if heard and len(self.ear.heard) > seen else line.now_s
            self.silences.append(Span(quiet_since, silent_until))
            if not heard or line.ended:
                return False
            quiet_since = self.ear.heard[-1].at_s + self.ear.heard[-1].for_s
            new, seen = self.ear.heard[seen:], len(self.ear.heard)
            if any(each.word in words for each in new):
                return True

    def _more_than(self, words: int) -> Callable[[], bool]:
        """Whether more than this many words were heard, or the call is over: a condition for the line."""
        return lambda: self._hear(done=False) or len(self.ear.heard) > words or self.line.ended

    def _hear(self, *, done: bool) -> bool:
        """Listen to the audio since the last time; returns ``done``, so that it can be used in a condition."""
        played = bytes(self.line._agent[self._listened :])
        self._listened += len(played)
        self.ear.hear(mulaw.decode(played))
        return done
