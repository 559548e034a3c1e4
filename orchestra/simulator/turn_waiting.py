"""When a simulated caller speaks: how long they wait for a reply to begin, and to end."""

from collections.abc import Callable
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


class TurnWaiting:
    """The waiting of one caller on one line.

    Args:
        line: the line; all times are of its clock.
        patience: the caller's.
        replying: whether a reply is still being made, if that is known.

    """

    def __init__(self, line: PhoneLine, patience: Patience, replying: Callable[[], bool]) -> None:
        self._line, self._patience, self._replying = line, patience, replying

    async def greeting(self) -> None:
        """Until the greeting begins."""
        await self._line.until(lambda: self._line.agent_last_audible_s > 0, self._patience.greeting_s)

    async def answer(self, utterance: Utterance, said: Span) -> bool:
        """Until it is said, and the reply to it begins. False: that never came."""
        line = self._line
        await line.until(lambda: line.now_s >= said.end_s, 2 * (said.end_s - line.now_s) + 1)
        if utterance.silent:
            return True
        within_s = max(self._patience.reply_s, utterance.wait_s)
        return await line.until(lambda: line.agent_last_audible_s > said.end_s, within_s)

    async def key_in(self, digits: str) -> None:
        """Press the keys when the agent has asked for them, and wait until it answers."""
        line = self._line
        await self.quiet()
        await line.press(digits)
        pressed_s = line.now_s
        await line.until(lambda: line.agent_last_audible_s > pressed_s, self._patience.reply_s)

    async def quiet(self) -> None:
        """Until the agent is silent, also where its reply goes on after that."""
        line, quiet_s = self._line, self._patience.quiet_s
        await line.until(lambda: line.now_s - line.agent_last_audible_s >= quiet_s, self._patience.reply_ends_s)

    async def hear_out(self, quiet_s: float = 0.0, *, within_s: float | None = None) -> bool:
        """Until the reply is over: silent for ``quiet_s``, or as the caller's patience is if that is longer.

        False: it is not, after ``within_s`` seconds, or after as many as the caller listens to any reply.
        """
        line, quiet_s = self._line, max(quiet_s, self._patience.quiet_s)

        def finished() -> bool:
            silent_s = line.now_s - max(line.agent_last_audible_s, 0.0)
            return silent_s >= quiet_s and not line.playout and not self._replying()

        return await line.until(finished, self._patience.reply_ends_s if within_s is None else within_s)

    async def pause(self, seconds: float) -> None:
        """For so long."""
        await self._line.until(lambda: False, seconds)
