"""The person of a three-way call on the line: their telephone is a microphone of the call, and hears the others."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any

import structlog
from pipecat.audio.utils import create_stream_resampler

from orchestra.bus import keys, partition_of
from orchestra.bus.stream.entry import UNREADABLE, Entry
from orchestra.clock import SYSTEM_CLOCK
from orchestra.errors import StreamLostError
from orchestra.voice.audio.call_audio import is_audible
from orchestra.voice.audio.jitter_buffer import JitterBuffer
from orchestra.voice.carriers.port import AudioReceived, DigitReceived, MediaStream, StreamStopped
from orchestra.voice.edge.edge import Edge
from orchestra.voice.edge.person_legs import PersonLeg, not_wanted, person_gone
from orchestra_schemas import (
    AudioChunk,
    CallEnded,
    CallTransferred,
    OperatorHandedBack,
    OperatorJoined,
    OperatorLeft,
    OperatorTookOver,
    tag_of,
)

_LOG = structlog.get_logger("orchestra.voice")

#: with it the person leaves, and the agents have the caller again
LEAVE_KEY = "*"
#: the person's voice goes to the caller in pieces of this length, in seconds
_PIECE_S = 0.04
_SAMPLE_BYTES = 2
_AUDIO = tag_of(AudioChunk)
#: what ends the person's call, too
_OVER = frozenset({tag_of(CallEnded), tag_of(CallTransferred)})
_LEFT = frozenset({tag_of(OperatorHandedBack), tag_of(OperatorLeft)})


class PersonOnLine:
    """One stream of a person's call.

    Args:
        edge: the edge that has it, which need not be the one that has the caller.
        stream: the person's audio.
        leg: what is remembered of their call.

    """

    def __init__(self, edge: Edge, stream: MediaStream, leg: PersonLeg) -> None:
        self._edge = edge
        self._stream = stream
        self._leg = leg
        self._said = bytearray()
        self._said_ms = 0.0
        self._piece = round(_PIECE_S * stream.sample_rate) * _SAMPLE_BYTES
        self._buffer = JitterBuffer(SYSTEM_CLOCK.monotonic)
        self._rate, self._resampler = stream.sample_rate, create_stream_resampler(clear_after_secs=None)
        self._reason = ""  # why the person has left; empty: another stream may follow
        self._over = False  # the caller is gone, or the agents have them again: whoever did that has said it

    async def serve(self, leg_id: str) -> None:
        """Join the call, and stay until the person leaves, the call is over, or the stream is lost."""
        call, person, publisher = self._leg.call, self._leg.person, self._edge.publisher
        following = self._edge.bus.follow(
            [partition_of(call)], streams=sorted({keys.MEDIA, CallEnded.stream, OperatorLeft.stream})
        )
        await following.start()
        publisher.publish(OperatorJoined(call=call, operator=person))
        publisher.publish(OperatorTookOver(call=call, operator=person))
        async with aclosing(following) as entries:
            await _first_of(self._speak(), self._hear(entries))
        if self._over:
            await not_wanted(self._edge, leg_id, self._leg)
        elif self._reason:
            await person_gone(self._edge, leg_id, self._leg, self._reason)

    async def _speak(self) -> None:
        """Carry the person's voice to the caller."""
        while True:
            try:
                received = await self._stream.receive()
            except StreamLostError:  # the carrier says elsewhere whether they have hung up
                return
            if isinstance(received, AudioReceived):
                self._take(received.samples)
            elif isinstance(received, StreamStopped) or (
                isinstance(received, DigitReceived) and received.digit == LEAVE_KEY
            ):
                self._reason = "hung up" if isinstance(received, StreamStopped) else "left by key"
                return

    def _take(self, samples: bytes) -> None:
        self._said += samples
        if len(self._said) < self._piece:
            return
        rate, said = self._stream.sample_rate, bytes(self._said)
        self._said.clear()
        chunk = AudioChunk(
            call=self._leg.call, speaker="operator", offset_ms=round(self._said_ms), sample_rate=rate, audio=said
        )
        self._said_ms += len(said) / _SAMPLE_BYTES / rate * 1000
        self._edge.publisher.publish(chunk)

    async def _hear(self, entries: Any) -> None:
        """Play the caller and the agents to the person, until they are not on the line any more."""
        async for entry in entries:
            if entry.call != self._leg.call:
                continue
            if entry.type == _AUDIO:
                await self._play(entry)
            elif entry.type in _OVER or (entry.type in _LEFT and self._is_ours(entry)):
                self._over = True
                return

    async def _play(self, entry: Entry) -> None:
        try:
            chunk = entry.event()
        except UNREADABLE:
            return
        if not isinstance(chunk, AudioChunk) or chunk.speaker != "person" or chunk.sample_rate <= 0:
            return
        length_ms = len(chunk.audio) / _SAMPLE_BYTES / chunk.sample_rate * 1000
        silence_ms = self._buffer.take(length_ms, quiet=not is_audible(chunk.audio))
        if silence_ms is None:
            return
        audio = await self._at_our_rate(chunk)
        silence = bytes(round(silence_ms * self._stream.sample_rate / 1000) * _SAMPLE_BYTES)
        await self._stream.send_audio(silence + audio)

    async def _at_our_rate(self, chunk: AudioChunk) -> bytes:
        if chunk.sample_rate == self._stream.sample_rate:
            return chunk.audio
        if chunk.sample_rate != self._rate:  # a resampler has one rate for life
            self._rate, self._resampler = chunk.sample_rate, create_stream_resampler(clear_after_secs=None)
        return await self._resampler.resample(chunk.audio, chunk.sample_rate, self._stream.sample_rate)

    def _is_ours(self, entry: Entry) -> bool:
        try:
            event = entry.event()
        except UNREADABLE:
            return False
        return isinstance(event, OperatorHandedBack | OperatorLeft) and event.operator == self._leg.person


async def _first_of(*parts: Coroutine[Any, Any, None]) -> None:
    """Run these until the first of them is over; an error in one of them is raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
