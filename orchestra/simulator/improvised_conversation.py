"""A conversation in which the caller decides what to say next when they have heard the agent."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from orchestra.errors import EngineError
from orchestra.simulator.audio_measure import Span
from orchestra.simulator.disturbed_microphone import DisturbedMicrophone
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.turn_waiting import Patience, TurnWaiting, Utterance
from orchestra.voice.audio.mulaw import Samples

#: so many turns in a row without any reply, and the caller gives up
_MOST_UNANSWERED = 2
#: for the caller to decide what to say; nobody waits longer for somebody who says nothing
_DECIDES_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Listening:
    """How a caller listens to one reply, in seconds after its first sound.

    Attributes:
        interrupts_after_s: they speak then, unless it is over before; None: they hear it out.
        hangs_up_after_s: they hang up then, or when it is over; None: they do not.
        backchannel: what they say into it without taking the turn; None: nothing.
        backchannel_after_s: when.
        silence_s: how long they are silent before they speak, once they could.

    """

    interrupts_after_s: float | None = None
    hangs_up_after_s: float | None = None
    backchannel: Samples | None = None
    backchannel_after_s: float = 0.0
    silence_s: float = 0.0


class CallerMind(Protocol):
    """Who decides what a caller does. Their turns are numbered from 1; reply 0 is the greeting."""

    async def listening(self, number: int) -> Listening:
        """How they listen to the reply before their turn ``number``."""

    async def utterance(self, number: int) -> Utterance | None:
        """What they say in turn ``number``, now that they have heard the reply; None: they hang up."""


class ImprovisedConversation:
    """Says what the caller's mind makes of each reply, on a `PhoneLine`.

    Args:
        mind: decides.
        patience: how long the caller waits.
        replying: whether a reply is still being made, if that is known.
        microphone: disturbs what the caller says; it is told when they speak and when they listen.
        said: called as each utterance begins.

    Attributes:
        said_spans: the time span of each utterance so far.
        unanswered_turn: the number of the turn after which they gave up, since nothing was answered any more; 0: they
            did not.

    """

    def __init__(
        self,
        mind: CallerMind,
        *,
        patience: Patience | None = None,
        replying: Callable[[], bool] = lambda: False,
        microphone: DisturbedMicrophone | None = None,
        said: Callable[[Utterance], None] = lambda _: None,
    ) -> None:
        self.said_spans: list[Span] = []
        self.unanswered_turn = 0
        self._mind = mind
        self._patience = patience or Patience()
        self._replying, self._microphone, self._said = replying, microphone, said

    async def __call__(self, line: PhoneLine) -> None:
        """Run the conversation; returns when the caller hangs up, or the call has ended.

        Raises:
            EngineError: the caller has not decided within a minute what to say.

        """
        line.microphone = self._microphone
        waiting = TurnWaiting(line, self._patience, self._replying)
        number, unanswered = 1, 0
        self._begin("listening 1")
        await waiting.greeting()
        while await self._listen(line, waiting, number):
            utterance = await self._decide(line, number)
            if utterance is None:
                return
            unanswered = 0 if await self._say(line, waiting, number, utterance) else unanswered + 1
            if unanswered == _MOST_UNANSWERED:
                self.unanswered_turn = number
                return
            number += 1

    async def _listen(self, line: PhoneLine, waiting: TurnWaiting, number: int) -> bool:
        """Listen to the reply before turn ``number``. False: the caller has hung up, or the call is over."""
        how = await self._mind.listening(number)
        began_s = line.now_s
        if how.backchannel is not None and not await waiting.hear_out(within_s=how.backchannel_after_s):
            span = line.say(how.backchannel)
            await line.until(lambda: line.now_s >= span.end_s, span.end_s - line.now_s + 1)
        cut_s = how.hangs_up_after_s if how.hangs_up_after_s is not None else how.interrupts_after_s
        if cut_s is None:
            await waiting.hear_out()
        else:
            await waiting.hear_out(within_s=max(0.0, began_s + cut_s - line.now_s))
        if how.silence_s:
            await waiting.pause(how.silence_s)
            await waiting.hear_out()  # who is silent may be asked whether they are still there
        return not line.ended and how.hangs_up_after_s is None

    async def _decide(self, line: PhoneLine, number: int) -> Utterance | None:
        deciding = asyncio.create_task(self._mind.utterance(number))
        try:
            if await line.until(deciding.done, _DECIDES_WITHIN_S):
                return deciding.result()
        finally:
            deciding.cancel()
            await asyncio.wait([deciding])
        if line.ended:
            return None
        msg = f"the caller has not decided within {_DECIDES_WITHIN_S:g} s what to say in turn {number}"
        raise EngineError(msg)

    async def _say(self, line: PhoneLine, waiting: TurnWaiting, number: int, utterance: Utterance) -> bool:
        """Say it, and wait for the reply to begin. False: it never came."""
        self._begin(f"turn {number}")
        span = line.say(utterance.samples)
        self.said_spans.append(span)
        self._said(utterance)
        await line.until(lambda: line.now_s >= span.end_s, 2 * (span.end_s - line.now_s) + 1)
        self._begin(f"listening {number + 1}")
        answered = await waiting.answer(utterance, span) or line.ended
        if answered and utterance.digits:
            await waiting.key_in(utterance.digits)
        return answered

    def _begin(self, stretch: str) -> None:
        if self._microphone is not None:
            self._microphone.begin(stretch)
