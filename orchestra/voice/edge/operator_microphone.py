"""Plays the microphone of an operator who has taken a call over to its caller, and has it transcribed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import structlog

from orchestra.async_tasks import cancel_and_wait
from orchestra.bus import Bus, keys, partition_of
from orchestra.bus.stream.entry import UNREADABLE, Entry
from orchestra.clock import SYSTEM_CLOCK, Clock
from orchestra.voice.audio.call_audio import is_audible
from orchestra.voice.audio.jitter_buffer import MOST_MS, JitterBuffer
from orchestra.voice.call.call import Call
from orchestra.voice.pipeline.operator_words import OperatorWords
from orchestra_schemas import AudioChunk, tag_of

_LOG = structlog.get_logger("orchestra.voice")

_AUDIO = tag_of(AudioChunk)
_SAMPLE_BYTES = 2
_RATES = range(8_000, 48_001)

Play = Callable[[bytes, int], Awaitable[None]]
#: begins to transcribe what the operator with this name says
Transcribe = Callable[[str], OperatorWords]


class OperatorMicrophone:
    """Reads the media stream of a call while an operator has it, from wherever their console is.

    Args:
        bus: the bus.
        call: the call.
        play: hands 16-bit mono audio of a sample rate to the call's output.
        transcribe: begins to transcribe what the caller hears of an operator.
        clock: the time; tests pass their own.

    Attributes:
        dropped: pieces that came in a burst, too late to be played, or were no audio.

    """

    def __init__(self, bus: Bus, call: Call, play: Play, transcribe: Transcribe, clock: Clock = SYSTEM_CLOCK) -> None:
        self._bus = bus
        self._call = call
        self._play = play
        self._transcribe = transcribe
        self._words: list[OperatorWords] = []  # of the take-over, and of those before it
        self._buffer = JitterBuffer(clock.monotonic)
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    def switch(self, on: bool) -> None:
        """An operator has the call, or has it no longer."""
        if self._task is not None:
            self._task.cancel()
        for words in self._words:
            words.finish()
        if on:
            self._words.append(self._transcribe(self._call.conversation.held_by))
        self._task = asyncio.create_task(self._listen(), name=f"operator {self._call.id}") if on else None

    async def close(self) -> None:
        """The call is over."""
        task, self._task = self._task, None
        if task is not None:
            await cancel_and_wait(task)
        for words in self._words:
            await words.close()
        self._call.conversation.publish_last_words()

    async def _listen(self) -> None:
        partition = partition_of(self._call.id)
        try:
            async with aclosing(self._bus.follow([partition], streams=(keys.MEDIA,))) as entries:
                async for entry in entries:
                    if entry.type == _AUDIO and entry.call == self._call.id:
                        await self._take(entry)
        except Exception:  # noqa: BLE001 - the agents take the call back, as from an operator who is gone
            _LOG.exception("operator.not_heard", call=self._call.id)
        finally:
            if self.dropped:
                _LOG.warning("operator.audio_dropped", call=self._call.id, pieces=self.dropped)

    async def _take(self, entry: Entry) -> None:
        try:
            chunk = entry.event()
        except UNREADABLE:
            return
        if not isinstance(chunk, AudioChunk) or chunk.speaker != "operator":
            return
        if not self._call.conversation.hears(chunk):
            return
        # a telephone sends silence, too, which a microphone at a console does not have to
        quiet = bool(self._call.conversation.person) and not is_audible(chunk.audio)
        silence_ms = self._buffer.take(_ms(chunk), quiet=quiet) if _is_audio(chunk) else None
        if silence_ms is None:
            self.dropped += not quiet
            return
        silence = bytes(round(silence_ms * chunk.sample_rate / 1000) * _SAMPLE_BYTES)
        await self._play(silence + chunk.audio, chunk.sample_rate)
        if self._words:
            await self._words[-1].push(silence + chunk.audio, chunk.sample_rate)


def _is_audio(chunk: AudioChunk) -> bool:
    whole = len(chunk.audio) % _SAMPLE_BYTES == 0
    return whole and chunk.sample_rate in _RATES and _ms(chunk) <= MOST_MS


def _ms(chunk: AudioChunk) -> float:
    return len(chunk.audio) / _SAMPLE_BYTES / chunk.sample_rate * 1000
