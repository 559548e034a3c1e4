"""The sound of a telephone's keys (ITU-T Q.23), as a caller hears the ones that an agent presses."""

from typing import cast

import numpy as np

from orchestra.voice.audio.mulaw import SAMPLE_RATE, Samples

_KEY_S = 0.1
_KEYS = "123A456B789C*0#D"
#: in Hz
_ROWS, _COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_LOUDNESS = 6000.0


def key_tone(digit: str) -> Samples:
    """The two tones of a key."""
    row, column = divmod(_KEYS.index(digit), 4)
    time = np.arange(round(_KEY_S * SAMPLE_RATE)) / SAMPLE_RATE
    tones = np.sin(2 * np.pi * _ROWS[row] * time) + np.sin(2 * np.pi * _COLUMNS[column] * time)
    return cast("Samples", (_LOUDNESS * tones).astype(np.int16))
