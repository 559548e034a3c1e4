"""Runs a script on the line: says each utterance after the agent has finished, or over its reply."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from orchestra.simulator.audio_measure import Span
from orchestra.simulator.phone_line import PhoneLine
from orchestra.voice.audio.mulaw import Samples


@dataclass(frozen=True, slots=True)
class Utterance:
    """One turn of the caller: says ``samples`` (8 kHz; ``text`` has the words, or the file), presses keys.

    ``silent``: nothing is said, so no answer is awaited; without samples the keys are pressed at once. ``wait_s``:
    seconds of silence that end the reply, if longer than the caller's patience.
    """

    text: str
    samples: Samples = field(repr=False)
    barge_in_after_s: float | None = None
    digits: str = ""
    wait_s: float = 0.0
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the caller waits, in seconds of the line's clock.

    Attributes:
        quiet_s: silence after which the agent has finished.
        greeting_s: for the greeting to begin; then the caller speaks first.
        reply_s: for a reply to begin; then the caller gives up and hangs up.
        reply_ends_s: for a reply to end once it has begun; then the caller speaks over it.
        hang_up_s: after the last reply, for the agent to hang up; then the caller does.

    """

    quiet_s: float = 0.8
    greeting_s: float = 8.0
    reply_s: float = 20.0
    reply_ends_s: float = 45.0
    hang_up_s: float = 2.0


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
        await line.until(lambda: line.agent_last_audible_s > 0, self._patience.greeting_s)
        await self._wait_to_speak(line, self._patience.quiet_s, self._utterances[:1])
        for number, utterance in enumerate(self._utterances, start=1):
            if line.ended:
                return
            span = line.say(utterance.samples)
            self.said_spans.append(span)
            self._said(utterance)
            if not await self._answered(line, utterance, span):
                self.unanswered_turn = 0 if line.ended else number
                return
            if utterance.digits:
                await self._key_in(line, utterance.digits)
            following = self._utterances[number : number + 1]
            await self._wait_to_speak(line, max(self._patience.quiet_s, utterance.wait_s), following)
        await line.until(lambda: False, self._patience.hang_up_s)

    async def _answered(self, line: PhoneLine, utterance: Utterance, said: Span) -> bool:
        await line.until(lambda: line.now_s >= said.end_s, 2 * (said.end_s - line.now_s) + 1)
        if utterance.silent:
            return True
        within_s = max(self._patience.reply_s, utterance.wait_s)
        return await line.until(lambda: line.agent_last_audible_s > said.end_s, within_s)

    async def _key_in(self, line: PhoneLine, digits: str) -> None:
        """Press the keys when the agent has asked for them, and wait until it answers."""
        await self._quiet(line)
        await line.press(digits)
        pressed_s = line.now_s
        await line.until(lambda: line.agent_last_audible_s > pressed_s, self._patience.reply_s)

    async def _wait_to_speak(self, line: PhoneLine, quiet_s: float, following: tuple[Utterance, ...]) -> None:
        barge_in_after_s = following[0].barge_in_after_s if following else None
        if barge_in_after_s is not None:
            await line.until(lambda: False, barge_in_after_s)
        elif following and not following[0].samples.size:
            # the agent is waiting for the keys: its reply is not over before they are pressed
            await self._quiet(line)
        else:
            await self._hear_out(line, quiet_s)

    async def _quiet(self, line: PhoneLine) -> None:
        quiet_s = self._patience.quiet_s
        await line.until(lambda: line.now_s - line.agent_last_audible_s >= quiet_s, self._patience.reply_ends_s)

    async def _hear_out(self, line: PhoneLine, quiet_s: float) -> None:
        def finished() -> bool:
            silent_s = line.now_s - max(line.agent_last_audible_s, 0.0)
            return silent_s >= quiet_s and not line.playout and not self._replying()

        await line.until(finished, self._patience.reply_ends_s)
