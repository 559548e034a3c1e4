"""Two telephones connected through the gateway, where neither can be told to call the other."""

from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from baresip import AudioNotActive, AudioRestarted, Call

from orchestra.sip.resample import Resampler

#: what one side may have in hand of the other's audio; what is older is dropped, since it would only delay
_MOST_MS = 120
_READ_MS = 200
#: of a ringing tone, which a caller hears while the person's telephone rings (ITU-T E.180: 425 Hz, 1 s of 5)
_RING_HZ, _RING_S, _RING_EVERY_S, _RING_LEVEL = 425, 1.0, 5.0, 3000
_AHEAD_MS = 60
_MUSIC_RATE = 8000
_FRAME = _MUSIC_RATE // 50 * 2


class Bridge:
    """Carries the audio of two legs from one to the other, at each tick."""

    def __init__(self, first: Call, second: Call) -> None:
        self._ways = (_Way(first, second), _Way(second, first))

    async def send(self) -> None:
        """Carry what has come."""
        for way in self._ways:
            way.carry()


class _Way:
    def __init__(self, source: Call, sink: Call) -> None:
        self._source, self._sink = source, sink
        self._resampler = Resampler()

    def carry(self) -> None:
        with suppress(AudioNotActive, AudioRestarted):
            given, taken = self._source.audio.info(), self._sink.audio.info()
            heard = self._source.audio.read(_READ_MS * 2 * given.rx_sample_rate // 1000)
            if heard and taken.tx_buffered < _MOST_MS * 2 * taken.tx_sample_rate // 1000:
                self._sink.audio.write(self._resampler.convert(heard, given.rx_sample_rate, taken.tx_sample_rate))


class Waiting:
    """What a caller hears while a person is rung, at each tick: the ``music`` (8 kHz), or the ringing tone."""

    def __init__(self, leg: Call, music: bytes = b"") -> None:
        self._leg = leg
        self._music = music
        self._sound: Iterator[bytes] | None = None

    async def send(self) -> None:
        """Play what comes next."""
        with suppress(AudioNotActive, AudioRestarted):
            info = self._leg.audio.info()
            if self._sound is None:
                self._sound = (
                    _repeated(self._music, info.tx_sample_rate) if self._music else _ringing(info.tx_sample_rate)
                )
            while info.tx_buffered < _AHEAD_MS * 2 * info.tx_sample_rate // 1000:
                self._leg.audio.write(next(self._sound))
                info = self._leg.audio.info()


def _repeated(music: bytes, rate: int) -> Iterator[bytes]:
    """The music again and again, in frames of 20 ms."""
    resampler = Resampler()
    while True:
        for start in range(0, len(music), _FRAME):
            yield resampler.convert(music[start : start + _FRAME], _MUSIC_RATE, rate)


def _ringing(rate: int) -> Iterator[bytes]:
    """The tone and its pauses, in frames of 20 ms."""
    moments = np.arange(int(rate * _RING_EVERY_S)) / rate
    sound = _RING_LEVEL * np.sin(2 * np.pi * _RING_HZ * moments) * (moments < _RING_S)
    samples, size = sound.astype(np.int16).tobytes(), rate // 50 * 2
    while True:
        yield from (samples[start : start + size] for start in range(0, len(samples), size))
