"""The agent's voice that a line sends back is silenced, and the caller's is not."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.voice.audio import mulaw
from orchestra.voice.audio.echo import EchoSuppressor

RATE, FRAME = 8000, 320

Signal = npt.NDArray[np.float64]


def speech(seed: int, seconds: float, dbfs: float) -> Signal:
    """Sound with the traits of speech that matter here: a voice of changing pitch and timbre, syllables and pauses."""
    random = np.random.default_rng(seed)
    size = int(seconds * RATE)
    voice = np.zeros(size)
    phase = 2 * np.pi * np.cumsum(_curve(random, size, 0.3, 90, 220)) / RATE
    for harmonic in range(1, 14):
        voice += _curve(random, size, 0.12, 0, 1) ** 2 * np.sin(harmonic * phase)
    voice += random.normal(size=size) * 0.3
    loud = _curve(random, size, 0.1, -0.5, 1).clip(0)
    voice *= loud
    return voice / np.sqrt(np.mean(voice[loud > 0.2] ** 2)) * 32768 * 10 ** (dbfs / 20)


def _curve(random: np.random.Generator, size: int, every_s: float, least: float, most: float) -> Signal:
    """Values between two bounds, a new one ``every_s``, with lines between them."""
    knots = np.arange(0, size + every_s * RATE, every_s * RATE)
    return np.interp(np.arange(size), knots, random.uniform(least, most, knots.size))


def echo_of(agent: Signal, decibels: float, delay_ms: float, *, room: bool) -> Signal:
    heard = agent
    if room:
        fading = np.random.default_rng(7).normal(size=800) * np.exp(-np.arange(800) / 160)
        fading[0] = 6
        heard = np.convolve(agent, fading / np.sqrt((fading**2).sum()))[: agent.size]
    delay = round(delay_ms * RATE / 1000)
    return np.concatenate((np.zeros(delay), heard))[: agent.size] * 10 ** (decibels / 20)


def by_telephone(signal: Signal) -> npt.NDArray[np.int16]:
    noise = np.random.default_rng(9).normal(size=signal.size) * 6
    return mulaw.decode(mulaw.encode(np.clip(signal + noise, -32000, 32000).astype(np.int16)))


def filtered(suppressor: EchoSuppressor, agent: Signal, line: Signal, from_ms: float = 0.0) -> Signal:
    """What is left of the line, frame by frame."""
    heard, left = by_telephone(line), []
    for start in range(0, agent.size - FRAME + 1, FRAME):
        at_ms = from_ms + start * 1000 / RATE
        suppressor.played(at_ms, agent[start : start + FRAME].astype(np.int16).tobytes())
        frame = heard[start : start + FRAME].tobytes()
        left.append(np.frombuffer(suppressor.suppress(at_ms + FRAME * 1000 / RATE, frame), np.int16))
    return np.concatenate(left).astype(np.float64)


def audible_s(signal: Signal) -> float:
    frames = signal[: signal.size // FRAME * FRAME].reshape(-1, FRAME)
    return float((np.sqrt((frames**2).mean(1)) > 60).sum()) * FRAME / RATE


@pytest.mark.parametrize("delay_ms", [100, 233, 600])
@pytest.mark.parametrize("decibels", [-10, -20, -30])
def test_an_echo_is_silenced_after_its_first_tenth_of_a_second(decibels: float, delay_ms: float) -> None:
    agent = speech(1, 6, -18)
    left = filtered(EchoSuppressor(RATE), agent, echo_of(agent, decibels, delay_ms, room=False))
    assert audible_s(left) <= 0.16


@pytest.mark.parametrize("decibels", [-10, -20])
def test_an_echo_with_a_room_in_it_is_silenced_for_the_most_part(decibels: float) -> None:
    agent = speech(2, 12, -18)
    line = echo_of(agent, decibels, 310, room=True)
    left = filtered(EchoSuppressor(RATE), agent, line)
    assert audible_s(left[4 * RATE :]) < 0.1 * audible_s(line[4 * RATE :])


@pytest.mark.parametrize("room", [False, True])
def test_a_caller_who_speaks_into_the_echo_is_heard(*, room: bool) -> None:
    agent, caller = speech(3, 10, -18), speech(4, 10, -20)
    caller[: 6 * RATE] = 0
    left = filtered(EchoSuppressor(RATE), agent, caller + echo_of(agent, -16, 280, room=room))
    frames = caller.reshape(-1, FRAME)
    spoken = np.sqrt((frames**2).mean(1)) > 600
    passed = np.abs(left.reshape(-1, FRAME)).max(1) > 0
    assert (spoken & passed).sum() > 0.9 * spoken.sum()


@pytest.mark.parametrize("seed", range(4))
def test_a_line_without_an_echo_is_left_as_it_is(seed: int) -> None:
    agent, caller = speech(10 + seed, 8, -18), speech(20 + seed, 8, -24)
    suppressor = EchoSuppressor(RATE)
    assert np.array_equal(filtered(suppressor, agent, caller), by_telephone(caller))
    assert not suppressor.line_echoes


def test_an_echo_is_found_again_where_the_next_reply_comes_back_a_little_later() -> None:
    suppressor = EchoSuppressor(RATE)
    first, second = speech(5, 4, -18), speech(6, 4, -18)
    filtered(suppressor, first, echo_of(first, -16, 250, room=False))
    left = filtered(suppressor, second, echo_of(second, -16, 285, room=False), from_ms=6000)
    assert audible_s(left) <= 0.4


def test_audio_that_was_cleared_and_never_played_explains_nothing() -> None:
    suppressor = EchoSuppressor(RATE)
    agent = speech(8, 1, -18)
    suppressor.played(0, agent.astype(np.int16).tobytes())
    suppressor.cut(200)
    caller = by_telephone(agent)[400 * 8 : 800 * 8]
    for start in range(0, caller.size, FRAME):
        frame = caller[start : start + FRAME].tobytes()
        assert suppressor.suppress(700 + (start + FRAME) / 8, frame) == frame


def test_the_callers_audio_passes_untouched_while_the_agent_is_silent() -> None:
    suppressor = EchoSuppressor(RATE)
    agent = speech(8, 1, -18)
    filtered(suppressor, agent, echo_of(agent, -16, 100, room=False))
    frame = agent[:FRAME].astype(np.int16).tobytes()
    assert suppressor.suppress(5000, frame) == frame


def test_a_tone_is_not_taken_for_an_echo_of_another_one() -> None:
    at = np.arange(4 * RATE) / RATE
    agent, caller = 6000 * np.sin(2 * np.pi * 440 * at), 3000 * np.sin(2 * np.pi * 440 * at + 1)
    assert np.array_equal(filtered(EchoSuppressor(RATE), agent, caller), by_telephone(caller))


@pytest.mark.parametrize("delay_ms", [40, 100, 250])
@pytest.mark.parametrize("agent_ms", range(120, 640, 80))
def test_a_caller_who_answers_a_short_word_on_an_echoing_line_is_heard_to_the_end(agent_ms: int, delay_ms: int) -> None:
    agent = np.zeros(3 * RATE)
    agent[: agent_ms * RATE // 1000] = speech(1, agent_ms / 1000, -20)
    caller = np.zeros(agent.size)
    caller[RATE:] = speech(2, agent.size / RATE, -20)[RATE:]
    suppressor, line = EchoSuppressor(RATE), caller + echo_of(agent, -14, delay_ms, room=False)
    suppressor.played(0, agent[: agent_ms * RATE // 1000].astype(np.int16).tobytes())
    for end in range(FRAME, agent.size, FRAME):
        frame = line[end - FRAME : end].astype(np.int16).tobytes()
        heard = suppressor.suppress(end / RATE * 1000, frame)
    assert heard == frame


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("played", "cut", "suppress")),
        st.integers(-500, 3_000),
        st.integers(0, 1_200),
        st.sampled_from((0, 1, 20_000)),
    ),
    max_size=40,
)


@given(rate=st.sampled_from((8_000, 16_000)), steps=STEPS)
@settings(deadline=None, max_examples=60)
def test_in_any_order_and_at_any_moment_every_frame_comes_out_at_its_length(
    rate: int, steps: list[tuple[str, int, int, int]]
) -> None:
    suppressor, now = EchoSuppressor(rate), 0
    noise = np.random.default_rng(3).normal(size=rate * 2)
    for name, passed_ms, length_ms, level in steps:
        now = max(0, now + passed_ms)
        audio = (noise[: length_ms * rate // 1000] * level).clip(-32768, 32767).astype(np.int16).tobytes()
        if name == "played":
            suppressor.played(now, audio)
        elif name == "cut":
            suppressor.cut(now)
        else:
            assert len(suppressor.suppress(now, audio)) == len(audio)
