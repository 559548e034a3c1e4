"""Smart-turn's input: the log-mel features of the last 8 s, in a third of the time of Pipecat's own computation.

A turn is seldom longer than three seconds, and the rest of the eight is silence before it, whose columns are all the
same and are computed once. The others are computed in 32 bits, which is the model's input type anyway.
"""

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from pipecat.audio.turn.smart_turn import _whisper_features as stock

RATE = 16_000
_SAMPLES = 8 * RATE
_COLUMNS = 800
_WINDOW = 400
_HOP = 160
_SMALLEST_POWER = 1e-10
_SMALLEST_VARIANCE = 1e-7

Floats = npt.NDArray[np.float32]

_HANN: Floats = stock._HANN_WINDOW.astype(np.float32)  # noqa: SLF001 - the constants of Whisper's features
_MEL: Floats = np.ascontiguousarray(stock._MEL_FILTERS.astype(np.float32))  # noqa: SLF001


def features(audio: Floats) -> Floats:
    """The features of 16 kHz audio, 80 bands x 800 columns of 10 ms: silence, then the last 8 s at most."""
    audio = audio[-_SAMPLES:]
    silent = _SAMPLES - audio.size
    mean = float(audio.sum(dtype=np.float64)) / _SAMPLES
    power = float(np.dot(audio, audio)) / _SAMPLES - mean * mean
    scale = 1.0 / np.sqrt(max(0.0, power) + _SMALLEST_VARIANCE)
    # all columns within the silence are equal, so one is computed for all
    same = max(0, (silent - _WINDOW // 2) // _HOP)
    start = same * _HOP - _WINDOW // 2
    samples = np.full(_SAMPLES + _WINDOW // 2 - start, -mean * scale, np.float32)
    samples[silent - start : _SAMPLES - start] = (audio - mean) * scale
    if start < 0:  # reflected at both ends, as the reference does
        samples[:-start] = samples[-start + 1 : -2 * start + 1][::-1]
    samples[_SAMPLES - start :] = samples[_SAMPLES - start - _WINDOW // 2 - 1 : _SAMPLES - start - 1][::-1]
    frames = sliding_window_view(samples, _WINDOW)[::_HOP][: _COLUMNS - same]
    spectrum = np.fft.rfft(frames * _HANN, axis=-1)
    powers = spectrum.real**2 + spectrum.imag**2
    bands = np.log10(np.maximum(_SMALLEST_POWER, powers @ _MEL))
    bands = (np.maximum(bands, bands.max() - 8.0) + 4.0) / 4.0
    found = np.empty((stock._N_MELS, _COLUMNS), np.float32)  # noqa: SLF001
    found[:, same:] = bands.T
    found[:, :same] = bands[:1].T
    return found
