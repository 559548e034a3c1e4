"""Audio of the telephone at twice its rate."""

import numpy as np
import pytest

from orchestra.voice.audio.upsampler import Upsampler2x

_LATE_S = 16 / 8_000


@pytest.mark.parametrize("hertz", [100, 1_000, 2_500, 3_400])
def test_a_tone_stays_that_tone(hertz: int) -> None:
    doubling = Upsampler2x()
    samples = (10_000 * np.sin(2 * np.pi * hertz * np.arange(1_600) / 8_000)).astype(np.int16)

    pieces = [doubling.upsample(samples[at : at + 160].tobytes()) for at in range(0, 1_600, 160)]

    assert {len(piece) for piece in pieces} == {2 * 2 * 160}  # nothing is kept back
    heard = np.frombuffer(b"".join(pieces), np.int16)[200:].astype(float)
    meant = 10_000 * np.sin(2 * np.pi * hertz * (np.arange(3_200)[200:] / 16_000 - _LATE_S))
    assert np.sqrt(np.mean((heard - meant) ** 2)) < 0.01 * 10_000


def test_the_loudest_sound_does_not_overflow() -> None:
    square = (32_767 * np.sign(np.sin(np.arange(320) / 3))).astype(np.int16)

    heard = np.frombuffer(Upsampler2x().upsample(square.tobytes()), np.int16)

    assert heard[0::2][16:].tolist() == square[:-16].tolist()
    within = np.sign(heard[1::2][16:-1]) == np.sign(square[:-17])
    assert np.all(within | (np.diff(np.sign(square))[:-16] != 0))  # where it does not change sign it keeps it
