"""Music for callers who wait for a person: WAV files of the operator's, or a melody that is made here.

Carriers fetch it from any edge, so its address follows from its content.
"""

import hashlib
import io
import wave
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soxr
import structlog
from fastapi import APIRouter, HTTPException, Response
from numpy.typing import NDArray

from orchestra.errors import SettingError
from orchestra.lines import MELODY

_LOG = structlog.get_logger("orchestra.voice")

PATH = "/hold-music"

_RATE = 8000
_SLOWEST_HZ, _FASTEST_HZ = 4_000, 384_000
#: it is held in memory, and carriers fetch it whole
_LONGEST_S = 600
#: of a sound that edges repeat: all of their calls share its samples
_LONGEST_SOUND_S = 60
LINE_RATES = (8_000, 16_000)
_NOTHING = np.zeros(0, np.int16)
_DAY_S = 86_400

#: of the melody: the chords C, A minor, F and G, their notes one after another
_CHORDS = ((261.6, 329.6, 392.0), (220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (196.0, 246.9, 293.7))
_NOTE_S, _LEVEL = 0.5, 2200


@dataclass(frozen=True, slots=True)
class HoldMusic:
    """One piece: a WAV file of 16 bit, mono, 8 kHz, which every carrier plays."""

    wav: bytes

    @property
    def path(self) -> str:
        """Where an edge serves it."""
        return f"{PATH}/{hashlib.sha256(self.wav).hexdigest()[:32]}.wav"

    def samples(self, rate: int) -> NDArray[np.int16]:
        """The same as samples at ``rate`` Hz."""
        with wave.open(io.BytesIO(self.wav)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
        return samples if rate == _RATE else np.asarray(soxr.resample(samples, _RATE, rate))


def read_music(named: str) -> HoldMusic:
    """The music that a setting names: ``melody``, or a WAV file of 16-bit PCM; channels become one.

    Raises:
        SettingError: the file is not there, is no such WAV file, is empty or too long.

    """
    if named == MELODY:
        return melody()
    here = f"the hold music {named}"
    try:
        with wave.open(str(Path(named).expanduser()), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            if file.getnframes() > _LONGEST_S * rate:
                msg = f"{here} is longer than {_LONGEST_S} s: give a shorter piece, it is repeated"
                raise SettingError(msg)
            pcm = file.readframes(file.getnframes())
    except (OSError, EOFError, RuntimeError, ValueError, wave.Error) as error:
        msg = f"{here} cannot be read ({error}): give a WAV file of 16-bit PCM, or {MELODY!r}"
        raise SettingError(msg) from None
    if width != 2 or not _SLOWEST_HZ <= rate <= _FASTEST_HZ:  # noqa: PLR2004 - bytes of a 16-bit sample
        msg = f"{here} has {8 * width} bit at {rate} Hz: give a WAV file of 16-bit PCM"
        raise SettingError(msg)
    frames = np.frombuffer(pcm[: len(pcm) // (2 * channels) * 2 * channels], "<i2").reshape(-1, channels)
    if not frames.size:
        msg = f"{here} is empty: give a WAV file with sound in it"
        raise SettingError(msg)
    mono = frames.mean(axis=1).astype(np.int16)
    return _as_wav(mono if rate == _RATE else soxr.resample(mono, rate, _RATE))


@cache
def melody() -> HoldMusic:
    """Slow broken chords, quiet enough to be talked over; it ends as it begins."""
    moments = np.arange(int(_NOTE_S * _RATE)) / _RATE
    swell = np.sin(np.pi * moments / _NOTE_S) ** 2  # no note begins or ends with a click
    notes = [
        swell * (np.sin(2 * np.pi * hertz * moments) + 0.3 * np.sin(4 * np.pi * hertz * moments))
        for low, middle, high in _CHORDS
        for hertz in (low, middle, high, middle)
    ]
    return _as_wav((_LEVEL * np.concatenate(notes)).astype(np.int16))


def _as_wav(samples: NDArray[np.int16]) -> HoldMusic:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return HoldMusic(buffer.getvalue())


class HoldMusicShelf:
    """The music of an edge: by the name that settings and lines have for it, and by its address."""

    def __init__(self) -> None:
        self._by_name: dict[str, HoldMusic] = {}
        self._by_path: dict[str, HoldMusic] = {}
        self._sounds: dict[str, dict[int, NDArray[np.int16]]] = {}

    def load(self, names: Iterable[str], *, sounds: Iterable[str] = ()) -> None:
        """Read these files, also where an older version is known, which a carrier may be about to fetch.

        Ten minutes of music take some seconds: not in the event loop of an edge that has calls. ``sounds`` are played
        by the edge itself, at the rates of its lines.

        Raises:
            SettingError: a file cannot be used; all stays as it was.

        """
        names, sounds = {*names} - {""}, {*sounds} - {""}
        read = {name: read_music(name) for name in names | sounds}
        played = {name: {rate: read[name].samples(rate) for rate in LINE_RATES} for name in sounds}
        for name, by_rate in played.items():
            if by_rate[_RATE].size > _LONGEST_SOUND_S * _RATE:
                msg = f"the sound {name} is longer than {_LONGEST_SOUND_S} s: give a shorter one, it is repeated"
                raise SettingError(msg)
        music = {name: read[name] for name in names}
        self._by_path.update({each.path: each for each in music.values()})
        self._by_name.update(music)
        self._sounds.update(played)

    def path_of(self, name: str) -> str:
        """Where the music of this name is served; "" if there is none."""
        music = self._by_name.get(name)
        return "" if music is None else music.path

    def sound(self, name: str, rate: int) -> NDArray[np.int16]:
        """The sound of this name, mono at ``rate`` Hz; no samples if there is none."""
        return self._sounds.get(name, {}).get(rate, _NOTHING)

    def routes(self) -> APIRouter:
        """The route at which it is fetched, by anybody: it is no secret."""
        router = APIRouter()

        @router.api_route(f"{PATH}/{{file}}", methods=["GET", "HEAD"])
        async def serve(file: str) -> Response:
            music = self._by_path.get(f"{PATH}/{file}")
            if music is None:
                raise HTTPException(404, "no such music")
            headers = {"Cache-Control": f"public, max-age={_DAY_S}"}
            return Response(music.wav, media_type="audio/wav", headers=headers)

        return router
