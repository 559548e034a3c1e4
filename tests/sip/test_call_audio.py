"""The audio of a call between a telephone and an edge, without either."""

from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from baresip import AudioNotActive, AudioRestarted

from orchestra.sip.call_audio import CallAudio

FRAME = bytes(range(160)) * 2
MS = 16  # bytes of 8 kHz


class Audio:
    """What the stack gives of a call's audio."""

    def __init__(self, rate: int = 8000) -> None:
        self.rate = rate
        self.came: deque[bytes] = deque()
        self.written = bytearray()
        self.played = 0
        self.flushed = 0
        self.raises: deque[Exception] = deque()

    def _raise(self) -> None:
        if self.raises:
            raise self.raises.popleft()

    def info(self) -> SimpleNamespace:
        self._raise()
        return SimpleNamespace(tx_buffered=len(self.written) - self.played, tx_sample_rate=self.rate)

    def read(self, most: int) -> bytes:
        self._raise()
        return self.came.popleft()[:most] if self.came else b""

    def write(self, samples: bytes) -> int:
        self.written += samples
        return len(samples)

    def flush_tx(self) -> None:
        self.flushed += 1
        self.played = len(self.written)


class Socket:
    """An edge's."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.unsent = 0
        self.transport = SimpleNamespace(get_write_buffer_size=lambda: self.unsent)

    async def send(self, message: str | bytes) -> None:
        self.sent.append(message)


class Line:
    """A call with its clock."""

    def __init__(self, rate: int = 8000, leg_rate: int = 8000) -> None:
        self.now = 0.0
        self.audio = Audio(leg_rate)
        self.leg: Any = SimpleNamespace(audio=self.audio)
        self.call = CallAudio(self.leg, rate, lambda: self.now)
        self.socket = Socket()
        self.call.connected(self.socket)  # type: ignore[arg-type]

    async def wait(self, seconds: float) -> None:
        for _ in range(round(seconds * 100)):
            self.now += 0.01
            await self.call.send()


@pytest.fixture
async def line() -> Line:
    return Line()


async def test_what_the_caller_says_reaches_the_edge_as_it_came(line: Line) -> None:
    line.audio.came.extend([FRAME, FRAME])
    await line.wait(0.02)
    assert line.socket.sent == [FRAME, FRAME]


async def test_a_caller_who_sends_nothing_is_silent_in_real_time(line: Line) -> None:
    await line.wait(1.0)
    silence = [sent for sent in line.socket.sent if isinstance(sent, bytes) and not any(sent)]
    assert 0.85 <= sum(map(len, silence)) / MS / 1000 <= 1.0


async def test_the_stack_has_little_in_hand_of_what_the_agent_says(line: Line) -> None:
    line.call._queue.put(FRAME * 50)
    await line.wait(0.01)
    assert len(line.audio.written) == 60 * MS
    line.audio.played = 20 * MS
    await line.wait(0.01)
    assert len(line.audio.written) == 80 * MS


async def test_a_mark_comes_back_once_it_was_played(line: Line) -> None:
    line.call._queue.put(FRAME)
    line.call._obey({"type": "mark", "name": "a"})
    await line.wait(0.02)
    assert line.socket.sent == []
    line.audio.played = len(FRAME)
    await line.wait(0.02)
    assert line.socket.sent == ['{"type":"mark","name":"a"}']


async def test_a_clear_drops_what_waits_and_returns_its_marks(line: Line) -> None:
    line.call._queue.put(FRAME * 10)
    line.call._obey({"type": "mark", "name": "a"})
    await line.wait(0.01)
    flushed = line.audio.flushed
    line.call._obey({"type": "clear"})
    await line.wait(0.01)
    assert line.socket.sent == ['{"type":"mark","name":"a"}']
    assert line.audio.flushed == flushed + 1
    assert line.call.idle


async def test_keys_stand_in_their_order_and_others_than_those_of_a_telephone_are_left_out(line: Line) -> None:
    for key in "1A#":
        line.call.press(key)
    await line.wait(0.01)
    assert line.socket.sent == ['{"type":"digit","digit":"1"}', '{"type":"digit","digit":"#"}']


async def test_a_held_call_is_silent_both_ways_and_says_the_rest_afterwards(line: Line) -> None:
    line.call.hold(held=True)
    line.call._queue.put(FRAME)
    line.audio.came.append(FRAME)
    await line.wait(0.3)
    assert line.audio.written == b""
    assert line.socket.sent[0] == '{"type":"hold","held":true}'
    assert FRAME not in line.socket.sent
    line.call.hold(held=False)
    await line.wait(0.01)
    assert line.audio.written == FRAME
    assert '{"type":"hold","held":false}' in line.socket.sent


async def test_the_next_edge_is_told_that_the_call_is_on_hold(line: Line) -> None:
    line.call.hold(held=True)
    after = Socket()
    line.call.connected(after)  # type: ignore[arg-type]
    await line.wait(0.01)
    assert after.sent == ['{"type":"hold","held":true}']


async def test_what_a_dead_edge_wanted_played_is_not_played(line: Line) -> None:
    line.call._queue.put(FRAME * 10)
    line.call.disconnected()
    assert line.call.idle
    await line.wait(0.05)
    assert line.audio.written == b""


@pytest.mark.parametrize("error", [AudioNotActive("none"), AudioRestarted("renegotiated")])
async def test_a_renegotiation_costs_a_moment_and_no_mark(line: Line, error: Exception) -> None:
    line.call._queue.put(FRAME)
    await line.wait(0.01)
    line.call._obey({"type": "mark", "name": "a"})
    line.audio.raises.append(error)
    line.audio.came.append(FRAME)
    for _ in range(4):
        await line.wait(0.01)
        line.audio.played = len(line.audio.written)
    assert set(line.socket.sent) == {FRAME, '{"type":"mark","name":"a"}'}


@pytest.mark.parametrize(("rate", "leg_rate"), [(8000, 16000), (16000, 8000)])
async def test_a_telephone_of_another_rate_keeps_the_length_of_the_audio(rate: int, leg_rate: int) -> None:
    line = Line(rate)
    line.audio.rate = leg_rate
    line.call.use_leg(line.leg)
    line.call._queue.put(bytes(rate // 50 * 2))
    line.audio.came.append(bytes(leg_rate // 50 * 2))
    await line.wait(0.02)
    assert len(line.audio.written) == leg_rate // 50 * 2
    assert [len(sent) for sent in line.socket.sent] == [rate // 50 * 2]


async def test_an_edge_that_reads_nothing_loses_audio_and_no_key(line: Line) -> None:
    line.socket.unsent = 100_000
    line.audio.came.append(FRAME)
    line.call.press("5")
    await line.wait(0.01)
    assert line.socket.sent == ['{"type":"digit","digit":"5"}']


async def test_what_the_stack_drops_when_it_begins_anew_is_said_again() -> None:
    line = Line()
    line.call._queue.put(FRAME * 10)
    await line.wait(0.01)
    handed = len(line.audio.written)
    assert 0 < handed < len(FRAME) * 10
    line.audio.raises.append(AudioRestarted())
    line.audio.written.clear()
    for _ in range(40):
        line.audio.played = len(line.audio.written)
        await line.wait(0.01)
    assert bytes(line.audio.written) == FRAME * 10


async def test_the_first_words_wait_until_the_stack_has_settled() -> None:
    line = Line()
    line.call = CallAudio(line.leg, 8000, lambda: line.now, settles_s=0.3)
    line.call.connected(line.socket)  # type: ignore[arg-type]
    line.call._queue.put(FRAME)
    await line.wait(0.2)
    assert not line.audio.written
    line.audio.raises.append(AudioRestarted())
    await line.wait(0.02)
    assert bytes(line.audio.written) == FRAME
