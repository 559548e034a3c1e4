"""From the telephone's 8 kHz to the models' 16 kHz, without delay.

Pipecat's streaming resampler (soxr) buffers audio and releases it in blocks of 95 ms, which delays the detection of
speech and of its end by as much. Doubling the rate needs only one new value between each two samples: here it is
computed from the 32 around it, with a delay of 2 ms.
"""

import numpy as np
import numpy.typing as npt

_TAPS = 32

Floats = npt.NDArray[np.float32]


def _between() -> Floats:
    """A sinc function under a Kaiser window, half a sample off: up to 3.4 kHz, images are attenuated by 60 dB."""
    offsets = np.arange(_TAPS) - (_TAPS - 1) / 2
    weights = np.sinc(offsets) * np.kaiser(_TAPS, 6.0)
    taken: Floats = (weights / weights.sum()).astype(np.float32)
    return taken


_BETWEEN = _between()


class Upsampler2x:
    """Doubles the rate of one stream of 16-bit samples: two come out for each that goes in."""

    def __init__(self) -> None:
        self._before: Floats = np.zeros(_TAPS - 1, np.float32)

    def upsample(self, samples: bytes) -> bytes:
        """Take the next samples of the stream."""
        given = np.concatenate((self._before, np.frombuffer(samples, np.int16).astype(np.float32)))
        self._before = given[-(_TAPS - 1) :]
        count = given.size - _TAPS + 1
        doubled = np.empty(2 * count, np.int16)
        doubled[0::2] = given[_TAPS // 2 - 1 : _TAPS // 2 - 1 + count]
        doubled[1::2] = np.clip(np.rint(np.convolve(given, _BETWEEN, "valid")), -32768, 32767)
        return doubled.tobytes()
