"""Runs a script on the line: says each utterance after the agent has finished, or over its reply."""

from collections.abc import Callable, Iterable

from orchestra.simulator.audio_measure import Span
from orchestra.simulator.phone_line import PhoneLine
from orchestra.simulator.turn_waiting import Patience, TurnWaiting, Utterance


class ScriptedConversation:
    """Says one utterance after the other on a `PhoneLine`.

    Args:
        utterances: in order.
        patience: the caller's.
        replying: whether a reply is still being made, if that is known (a tool may be running in a pause that sounds
            like the end). A caller who only listens leaves it out.
        said: called as each utterance begins.

    Attributes:
        said_spans: the time span of each utterance so far.
        unanswered_turn: the number of the turn whose reply never began; 0: all were answered.

    """

    def __init__(
        self,
        utterances: Iterable[Utterance],
        *,
        patience: Patience | None = None,
        replying: Callable[[], bool] = lambda: False,
        said: Callable[[Utterance], None] = lambda _: None,
    ) -> None:
        self.said_spans: list[Span] = []
        self.unanswered_turn = 0
        self._utterances = tuple(utterances)
        self._patience = patience or Patience()
        self._replying, self._said = replying, said

    async def __call__(self, line: PhoneLine) -> None:
        """Run the conversation; returns when everything is said and answered, or the call has ended."""
        waiting = TurnWaiting(line, self._patience, self._replying)
        await waiting.greeting()
        await self._wait_to_speak(waiting, 0.0, self._utterances[:1])
        for number, utterance in enumerate(self._utterances, start=1):
            if line.ended:
                return
            span = line.say(utterance.samples)
            self.said_spans.append(span)
            self._said(utterance)
            if not await waiting.answer(utterance, span):
                self.unanswered_turn = 0 if line.ended else number
                return
            if utterance.digits:
                await waiting.key_in(utterance.digits)
            await self._wait_to_speak(waiting, utterance.wait_s, self._utterances[number : number + 1])
        await waiting.pause(self._patience.hang_up_s)

    async def _wait_to_speak(self, waiting: TurnWaiting, quiet_s: float, following: tuple[Utterance, ...]) -> None:
        barge_in_after_s = following[0].barge_in_after_s if following else None
        if barge_in_after_s is not None:
            await waiting.pause(barge_in_after_s)
        elif following and not following[0].samples.size:
            # the agent is waiting for the keys: its reply is not over before they are pressed
            await waiting.quiet()
        else:
            await waiting.hear_out(quiet_s)
