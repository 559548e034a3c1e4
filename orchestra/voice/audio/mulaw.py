"""µ-law, the 8-bit coding of telephone audio (ITU-T G.711), by table: Python 3.13 no longer has `audioop`."""

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 8000
SILENCE = 0xFF

_BIAS = 0x84
_CLIP = 32635

Samples = npt.NDArray[np.int16]


def _decoding_table() -> Samples:
    codes = ~np.arange(256, dtype=np.uint8)
    exponent = ((codes >> 4) & 0x07).astype(np.int32)
    mantissa = (codes & 0x0F).astype(np.int32)
    magnitude = (((mantissa << 3) + _BIAS) << exponent) - _BIAS
    return np.where(codes & 0x80, -magnitude, magnitude).astype(np.int16)


def _encoding_table() -> npt.NDArray[np.uint8]:
    """The code of every 16-bit sample, indexed by the sample read as unsigned."""
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    biased = np.minimum(np.abs(samples), _CLIP) + _BIAS
    exponent = np.floor(np.log2(biased)).astype(np.int32) - 7
    mantissa = (biased >> (exponent + 3)) & 0x0F
    sign = np.where(samples < 0, 0x80, 0)
    codes: npt.NDArray[np.uint8] = (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)
    return codes


_DECODED = _decoding_table()
_ENCODED = _encoding_table()


def decode(coded: bytes | bytearray) -> Samples:
    """µ-law bytes to signed 16-bit samples."""
    return _DECODED[np.frombuffer(coded, dtype=np.uint8)]


def encode(samples: Samples) -> bytes:
    """Signed 16-bit samples to µ-law bytes, one a sample."""
    return _ENCODED[samples.view(np.uint16)].tobytes()
