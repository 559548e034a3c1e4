import numpy as np

from orchestra.voice.audio.mulaw import SILENCE, decode, encode


def test_the_known_codes_of_g711_decode_to_their_values() -> None:
    assert decode(bytes([0x00, 0x80, 0x7F, 0xFF, 0x8F, 0x0F])).tolist() == [-32124, 32124, 0, 0, 16764, -16764]


def test_silence_is_zero() -> None:
    assert encode(np.zeros(3, dtype=np.int16)) == bytes([SILENCE] * 3)


def test_every_code_survives_decoding_and_encoding() -> None:
    codes = bytes(range(256))
    assert decode(encode(decode(codes))).tolist() == decode(codes).tolist()


def test_coding_keeps_every_sample_within_its_step() -> None:
    samples = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
    error = np.abs(decode(encode(samples)).astype(np.int32) - samples)
    assert (error <= np.maximum(np.abs(samples.astype(np.int32)) / 16, 8)).all()
