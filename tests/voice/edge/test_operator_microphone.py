"""What of a call's media stream is an operator's voice, and what of it the caller hears."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from orchestra.bus.stream.entry import Entry
from orchestra.settings import Settings
from orchestra.simulator.phone_line import PhoneLine
from orchestra.testing import TestBus
from orchestra.voice.edge.operator_microphone import OperatorMicrophone
from orchestra_schemas import AudioChunk, CallStarted, OperatorHandedBack, OperatorTookOver, ReplySpoken, encode
from tests.voice.call.test_operated import OperatedCall, takes_over
from tests.voice.edge.test_edge_returns import SILENT
from tests.voice.edges import running_edge
from tests.voice.operator_voice import heard_voice_s, speak

CALL = "07-0199a0b4c0de7000800000000000aaaa"


@dataclass
class PlayedCall:
    """A call with its output, and a microphone that has heard some entries."""

    operated: OperatedCall = field(default_factory=OperatedCall)
    id: str = CALL
    played: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.conversation = self.operated.conversation
        self.microphone = OperatorMicrophone(
            cast("Any", None), cast("Any", self), self.play, cast("Any", None), self.operated.clock
        )

    async def play(self, samples: bytes, rate: int) -> None:
        self.played.append((len(samples), rate))

    async def hear(self, speaker: Any = "operator", rate: int = 16_000, audio: bytes = bytes(1280)) -> None:
        chunk = AudioChunk(call=CALL, speaker=speaker, offset_ms=0, sample_rate=rate, audio=audio)
        fields = encode(chunk)
        await self.microphone._take(Entry("1-0", 7, "media", "audio.chunk", CALL, "e1", fields[b"body"], audio))


@pytest.fixture
def call() -> PlayedCall:
    return PlayedCall()


async def test_only_an_operator_who_has_the_call_is_heard(call: PlayedCall) -> None:
    await call.hear()
    assert call.played == []
    takes_over(call.operated)
    await call.hear("caller")
    await call.hear("agent")
    await call.hear()
    assert call.played == [(60 * 32 + 1280, 16_000)]


@pytest.mark.parametrize(
    ("rate", "audio"),
    [(0, bytes(640)), (7_000, bytes(640)), (96_000, bytes(640)), (16_000, b"abc"), (8_000, bytes(16_000))],
)
async def test_what_is_no_short_piece_of_audio_is_dropped_and_counted(
    call: PlayedCall, rate: int, audio: bytes
) -> None:
    takes_over(call.operated)
    await call.hear(rate=rate, audio=audio)
    assert (call.played, call.microphone.dropped) == ([], 1)


async def test_a_piece_without_audio_only_says_that_the_operator_is_there(call: PlayedCall) -> None:
    takes_over(call.operated)
    for _ in range(20):
        await call.hear(audio=b"")
        call.operated.wait(0.4)
    assert call.operated.operated.held_by == "anna"
    assert call.played == []


async def test_the_caller_hears_an_operator_who_has_taken_the_call_over(bus: TestBus, settings: Settings) -> None:
    async with running_edge(bus, settings, app=SILENT) as running:

        async def talk(line: PhoneLine) -> None:
            call = (await running.event(CallStarted)).call
            await bus.publish(OperatorTookOver(call=call, operator="anna"))
            speaking = asyncio.create_task(speak(bus.publish, call, 30))
            assert await line.until(lambda: len(heard_voice_s(line.tracks.agent)) > 20, 30)
            speaking.cancel()
            await bus.publish(OperatorHandedBack(call=call, operator="anna"))
            await running.event(ReplySpoken, turn=1)

        await running.call(talk)
