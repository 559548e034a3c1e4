import asyncio

import numpy as np

from orchestra.simulator.phone_line import PhoneLine
from orchestra.voice.audio.mulaw import decode, encode
from tests.simulator.tone_edge import silence, tone


class Clock:
    """Time that passes only where somebody waits, or where the test says that the machine stood still."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(round(seconds, 3))
        self.now += seconds
        await asyncio.sleep(0)


class Recorder:
    """A stream that keeps what was sent and when, and may hold the line up."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.frames: list[tuple[float, bytes]] = []
        self.marks: list[tuple[float, str]] = []
        self.stall: dict[int, float] = {}

    async def send_audio(self, frame: bytes) -> None:
        self.frames.append((round(self.clock.now, 3), frame))
        self.clock.now += self.stall.get(len(self.frames), 0.0)

    async def send_mark(self, name: str) -> None:
        self.marks.append((round(self.clock.now, 3), name))


def make_line() -> tuple[PhoneLine, Recorder, Clock]:
    clock = Clock()
    line = PhoneLine(now=lambda: clock.now, sleep=clock.sleep)
    line.stream = recorder = Recorder(clock)
    return line, recorder, clock


async def run_for(line: PhoneLine, seconds: float) -> None:
    running = asyncio.create_task(line.run())
    assert await line.until(lambda: line.now_s >= seconds, seconds + 1)
    line.end()
    await running


async def test_a_frame_leaves_every_20_ms_and_silence_is_sent_between_utterances() -> None:
    line, recorder, _ = make_line()
    await run_for(line, 0.1)
    assert [at for at, _ in recorder.frames[:5]] == [0.02, 0.04, 0.06, 0.08, 0.1]
    assert recorder.frames[0][1] == b"\xff" * 160


async def test_a_late_line_catches_up_and_skips_nothing() -> None:
    line, recorder, _ = make_line()
    samples = tone(0.2)
    line.say(samples)
    recorder.stall[3] = 0.07
    await run_for(line, 0.3)
    assert [at for at, _ in recorder.frames[:8]] == [0.02, 0.04, 0.06, 0.13, 0.13, 0.13, 0.14, 0.16]
    assert b"".join(frame for _, frame in recorder.frames)[: samples.size] == encode(samples)
    assert round(line.max_late_s, 3) == 0.05


async def test_both_directions_are_recorded_on_one_clock() -> None:
    line, _, _ = make_line()
    said = line.say(tone(0.1))
    line.playout.put(encode(tone(0.05, 300)))
    await run_for(line, 0.2)
    tracks = line.tracks
    assert (said.start_s, said.end_s) == (0, 0.1)
    assert tracks.caller.size == tracks.agent.size
    assert np.array_equal(tracks.caller[:800], decode(encode(tone(0.1))))
    assert np.array_equal(tracks.agent[:400], decode(encode(tone(0.05, 300))))
    assert not tracks.agent[400:].any()


async def test_a_mark_comes_back_when_the_audio_before_it_was_played_to_its_end() -> None:
    line, recorder, _ = make_line()
    line.playout.put(encode(tone(0.1)))
    line.playout.mark("end of reply")
    await run_for(line, 0.2)
    assert recorder.marks == [(0.1, "end of reply")]


async def test_clear_silences_the_agent_and_returns_the_marks() -> None:
    line, recorder, _ = make_line()
    line.playout.put(encode(tone(1.0)))
    line.playout.mark("end of reply")
    running = asyncio.create_task(line.run())
    await line.until(lambda: line.now_s >= 0.1, 1)
    await line.clear()
    await line.until(lambda: line.now_s >= 0.3, 1)
    line.end()
    await running
    assert line.cleared_s == [0.1]
    assert recorder.marks[0][1] == "end of reply"
    assert not line.tracks.agent[960:].any()


async def test_the_agents_sound_is_noticed_while_it_plays() -> None:
    line, _, _ = make_line()
    line.playout.put(encode(np.concatenate([silence(0.1), tone(0.1), silence(0.1)])))
    await run_for(line, 0.4)
    assert line.agent_last_audible_s == 0.2


async def test_waiting_ends_with_the_time_and_with_the_call() -> None:
    line, _, _ = make_line()
    running = asyncio.create_task(line.run())
    assert not await line.until(lambda: False, 0.1)
    waiting = asyncio.create_task(line.until(lambda: False, 100))
    line.end()
    assert not await waiting
    await running
