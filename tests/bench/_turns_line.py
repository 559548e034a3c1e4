"""The caller's side of a conversation: plays what is said, and notes what was heard and decided, on one clock."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from orchestra.simulator import PhoneLine
from orchestra.simulator.phone_line import FRAME_SAMPLES
from orchestra.voice.audio import mulaw
from orchestra.voice.audio.mulaw import Samples
from tests.bench._turns_cases import Conversation, Exchange, Utterance
from tests.bench._turns_speech import RATE, Word

_ANSWERED_WITHIN_S, _STOPPED_WITHIN_S = 5.0, 4.0
_OVER_S, _LONG_OVER_S = 0.7, 1.3
_THINKS_S = 0.35
_LONGEST_ANSWER_S = 25.0


class RoomLine(PhoneLine):
    """A telephone line whose microphone also hears the room, and the agent's voice again."""

    def __init__(self, background: Samples, echo: tuple[float, float] | None) -> None:
        super().__init__()
        self._background = background
        self._gain, delay_s = (10 ** (echo[0] / 20), echo[1]) if echo else (0.0, 0.0)
        self._delay = round(delay_s * RATE / FRAME_SAMPLES) * FRAME_SAMPLES

    def _speak_and_hear(self) -> bytes:
        own = super()._speak_and_hear()
        end = len(self._agent) - self._delay
        if not self._background.size and (not self._gain or end < FRAME_SAMPLES):
            return own
        mixed = mulaw.decode(own).astype(np.float32)
        if self._background.size:
            start = (len(self._agent) - FRAME_SAMPLES) % (self._background.size - FRAME_SAMPLES)
            mixed += self._background[start : start + FRAME_SAMPLES]
        if self._gain and end >= FRAME_SAMPLES:
            mixed += self._gain * mulaw.decode(bytes(self._agent[end - FRAME_SAMPLES : end]))
        return mulaw.encode(np.clip(mixed, -32000, 32000).astype(np.int16))


@dataclass
class Ear:
    """What a perfect recognizer would know of the call: every word and the moment of it, on the monotonic clock."""

    words: list[Word] = field(default_factory=list)

    def expect(self, words: tuple[Word, ...], begins: float) -> None:
        """These words will be said from this moment on."""
        self.words += [Word(word.text, word.start_s + begins, word.end_s + begins) for word in words]


@dataclass(frozen=True)
class Decision:
    """Something that a side decided, in seconds of the line's clock: the caller's turn ended, or anything to show."""

    at_s: float
    what: str
    text: str = ""


@dataclass
class Played:
    """An exchange as it went, in seconds of the call's clock. ``said_s`` is when the sample 0 of its sound was said."""

    exchange: Exchange
    began_s: float
    ended_s: float = 0.0
    said_s: float | None = None
    asked_s: float | None = None


class Caller:
    """Holds one conversation over a line.

    Attributes:
        reply: what the agent says to whatever turn ends now.
        decisions: what the side has decided so far.

    """

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.line = RoomLine(conversation.background, conversation.echo)
        self.ear = Ear()
        self.reply = "Sure."
        self.decisions: list[Decision] = []
        self.played: list[Played] = []
        self._agent_before = 0.0

    @property
    def now_s(self) -> float:
        """Seconds of the line's clock, between its frames too."""
        return time.time() - self.line.started_at if self.line.started_at else 0.0

    def note(self, what: str, text: str = "") -> None:
        """Note a decision of the side."""
        self.decisions.append(Decision(self.now_s, what, text))

    async def talk(self) -> None:
        """Say everything, one exchange after another; returns when all is said and answered."""
        await self._until(lambda: self.line.agent_last_audible_s > 0, 5.0)
        await self._silence(_OVER_S)
        for exchange in self.conversation.exchanges:
            played = Played(exchange, self.line.now_s)
            self.played.append(played)
            await self._play(exchange, played)
            played.ended_s = self.line.now_s

    async def _play(self, exchange: Exchange, played: Played) -> None:
        if exchange.asks is not None:
            await self._until(lambda: False, _THINKS_S)
            self.reply = exchange.answer
            played.asked_s = self._say(exchange.asks)
            before = self.line.agent_audible_s
            await self._until(lambda: not self.line._say, 30.0)
            await self._until(lambda: self.line.agent_audible_s > before, _ANSWERED_WITHIN_S)
            await self._until(lambda: self.line.agent_audible_s >= before + exchange.after_s, exchange.after_s + 2)
        else:
            await self._until(lambda: False, _THINKS_S)
        self.reply = exchange.reply if exchange.kind != "echo" else "Sure."
        turns = len(self.turns)
        if exchange.said is not None:
            self.reply = exchange.reply if exchange.kind not in ("backchannel", "noise") else "Sure."
            played.said_s = self._say(exchange.said)
            await self._until(lambda: not self.line._say, 60.0)
        match exchange.kind:
            case "end" | "answer" | "digits" | "interruption":
                ended_s = self.line.now_s
                await self._until(lambda: self._answered(turns, ended_s), _ANSWERED_WITHIN_S)
                await self._silence(_OVER_S)
            case _:
                await self._silence(_LONG_OVER_S)
        self.reply = "Sure."

    @property
    def turns(self) -> list[Decision]:
        """The ends of the caller's turns so far."""
        return [decision for decision in self.decisions if decision.what == "turn ended"]

    def _answered(self, turns: int, ended_s: float) -> bool:
        later = [turn for turn in self.turns[turns:] if turn.at_s > ended_s - 0.3]
        return bool(later) and self.line.agent_last_audible_s > max(later[-1].at_s, ended_s)

    def _say(self, said: Utterance) -> float:
        span = self.line.say(said.samples)
        self.ear.expect(said.words, time.monotonic() + span.start_s - self.now_s)
        return span.start_s

    async def _silence(self, seconds: float) -> None:
        await self._until(
            lambda: self.line.now_s - max(self.line.agent_last_audible_s, 0.0) >= seconds, _LONGEST_ANSWER_S
        )

    async def _until(self, condition: Callable[[], bool], timeout_s: float) -> None:
        await self.line.until(condition, timeout_s)


async def converse(caller: Caller, side: Callable[[Caller], asyncio.Task[None]]) -> None:
    """Run the line and the conversation while the side answers."""
    clock = asyncio.create_task(caller.line.run())
    answering = side(caller)
    try:
        async with asyncio.timeout(60.0 * len(caller.conversation.exchanges) + 60.0):
            talking = asyncio.create_task(caller.talk())
            await asyncio.wait([talking, answering], return_when=asyncio.FIRST_COMPLETED)
            if answering.done() and not talking.done():
                talking.cancel()
                answering.result()
                msg = f"{caller.conversation.name}: the call ended early"
                raise RuntimeError(msg)
            await talking
    finally:
        caller.line.end()
        answering.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await answering
        await clock
