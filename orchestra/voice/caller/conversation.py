"""What a simulated caller says, and when: after the agent has finished, or over it."""

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from orchestra.errors import UsageError
from orchestra.voice.caller.audio import read_wav, to_telephone
from orchestra.voice.caller.measure import Span
from orchestra.voice.caller.mulaw import Samples
from orchestra.voice.caller.phone_line import PhoneLine


class Spoken(Protocol):
    """One line of a script, as the demo's scripts have it."""

    @property
    def text(self) -> str:
        """What is said."""

    @property
    def barge_in_after_s(self) -> float | None:
        """Seconds after the first sound of the reply before, or None: when that reply is over."""

    @property
    def digits(self) -> str:
        """Keys that are pressed once the agent has asked for them; empty: none."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the caller says in one turn: ``samples`` at 8 kHz, ``text`` its words (or its file's name)."""

    text: str
    samples: Samples = field(repr=False)
    barge_in_after_s: float | None = None
    digits: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the caller waits, in seconds on the line's clock.

    Attributes:
        quiet_s: so much silence after the agent's last sound, and the agent has finished.
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
        replying: tells whether a reply is still being made, for who can see that (a tool may be at work in a pause
            that sounds like an end). A caller who only has ears leaves it out.
        said: called as each utterance begins.

    Attributes:
        said_spans: where on the clock each utterance lies, as far as the call got.
        gave_up: number of the turn whose reply never began; 0 if none.

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
        self.gave_up = 0
        self._utterances = tuple(utterances)
        self._patience = patience or Patience()
        self._replying, self._said = replying, said

    async def __call__(self, line: PhoneLine) -> None:
        """Hold the conversation; returns when all is said and answered, or the call has ended."""
        await line.until(lambda: line.agent_last_audible_s > 0, self._patience.greeting_s)
        await self._hear_out(line)
        for number, utterance in enumerate(self._utterances, start=1):
            if line.ended:
                return
            span = line.say(utterance.samples)
            self.said_spans.append(span)
            self._said(utterance)
            if not await self._answered(line, span):
                self.gave_up = 0 if line.ended else number
                return
            if utterance.digits:
                await self._key_in(line, utterance.digits)
            await self._wait_to_speak(line, self._utterances[number : number + 1])
        await line.until(lambda: False, self._patience.hang_up_s)

    async def _answered(self, line: PhoneLine, said: Span) -> bool:
        await line.until(lambda: line.now_s >= said.end_s, 2 * (said.end_s - line.now_s) + 1)
        return await line.until(lambda: line.agent_last_audible_s > said.end_s, self._patience.reply_s)

    async def _key_in(self, line: PhoneLine, digits: str) -> None:
        """Press the keys when the agent has asked for them, and wait until it answers."""
        quiet_s = self._patience.quiet_s
        await line.until(lambda: line.now_s - line.agent_last_audible_s >= quiet_s, self._patience.reply_ends_s)
        await line.press(digits)
        pressed_s = line.now_s
        await line.until(lambda: line.agent_last_audible_s > pressed_s, self._patience.reply_s)

    async def _wait_to_speak(self, line: PhoneLine, following: tuple[Utterance, ...]) -> None:
        barge_in_after_s = following[0].barge_in_after_s if following else None
        if barge_in_after_s is None:
            await self._hear_out(line)
        else:
            await line.until(lambda: False, barge_in_after_s)

    async def _hear_out(self, line: PhoneLine) -> None:
        def finished() -> bool:
            quiet_s = line.now_s - max(line.agent_last_audible_s, 0.0)
            return quiet_s >= self._patience.quiet_s and not line.playout and not self._replying()

        await line.until(finished, self._patience.reply_ends_s)


def spoken(lines: Iterable[Spoken], synthesize: Callable[[str], tuple[bytes, int]]) -> list[Utterance]:
    """Lines of text as audio; done before the call, because speech synthesis would take the call's processor time."""
    return [
        Utterance(line.text, to_telephone(*synthesize(line.text)), line.barge_in_after_s, line.digits) for line in lines
    ]


def recorded(paths: Iterable[Path]) -> list[Utterance]:
    """WAV files as what the caller says."""
    return [Utterance(path.name, read_wav(path)) for path in paths]


class ScriptLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a script file: a text, and for a barge-in how long after the first sound of the reply before."""

    text: str
    barge_in_after_s: float | None = None
    digits: str = ""


class _ScriptFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    say: list[ScriptLine]


def read_script(path: Path) -> list[ScriptLine]:
    """The lines of a script file: plain text (one line a turn, ``#`` comments) or TOML with ``[[say]]`` tables.

    Raises:
        UsageError: there is no such file, or it is not a script.

    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"script {path} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise UsageError(msg) from None
    if path.suffix != ".toml":
        stripped = (line.strip() for line in text.splitlines())
        return [ScriptLine(line) for line in stripped if line and not line.startswith("#")]
    try:
        return msgspec.convert(tomllib.loads(text), _ScriptFile).say
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        msg = f'script {path}: {error}; write [[say]] tables with text = "…" and, if need be, barge_in_after_s = 2.0'
        raise UsageError(msg) from None
