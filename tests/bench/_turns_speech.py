"""Speech with known truth for the benchmark of turns: recordings of people from Debian's packages, and Piper.

Truth is independent of what is measured: where a recording sounds is found by its energy, what is said in it by its
file name. Only longer prompts of people, whose text is nowhere in the packages, are written down by Whisper's full
window beforehand, for the words that the vendor's server recognizes.
"""

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import soxr

from orchestra.simulator.audio_measure import Span
from orchestra.voice.audio.mulaw import Samples
from orchestra.voice.engines.local import LocalSpeech

RATE = 8_000
#: package → version whose recordings are the benchmark's
PACKAGES = {"asterisk-core-sounds-en-wav": "1.6.1-1", "pocketsphinx-testdata": "0.8+5prealpha+1-15"}
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "orchestra-bench-turns"
_PEOPLE = "usr/share/asterisk/sounds/en_US_f_Allison"
_READING = "usr/share/pocketsphinx/test/data"
_LEVEL_DBFS = -21.0
_WINDOW = RATE // 100
#: a stretch this much quieter than the recording's loudest is silence, as is everything under the absolute limit
_BELOW_PEAK_DB, _SILENT_DBFS = 32.0, -52.0
_FADE = RATE // 125


class Word(NamedTuple):
    """A word and when it sounds, in seconds from the recording's start."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Recording:
    """Speech at 8 kHz with its words, and a name by which it is found again."""

    name: str
    samples: Samples
    words: tuple[Word, ...]

    @property
    def seconds(self) -> float:
        return self.samples.size / RATE

    def sounds(self, join_s: float = 0.25) -> list[Span]:
        """Where there is sound, by energy; silences shorter than this are inside words."""
        return sounds(self.samples, join_s)


@dataclass
class Library:
    """Every recording of the benchmark, made or read once."""

    speech: LocalSpeech
    folder: Path
    _spoken: dict[str, Recording] = field(default_factory=dict)

    @classmethod
    def open(cls) -> "Library":
        """Fetch the packages if they are not there yet, and load the voice."""
        return cls(LocalSpeech.load(), fetch_packages())

    def piper(self, text: str) -> Recording:
        """This text by the synthetic voice, with its words."""
        if text not in self._spoken:
            self._spoken[text] = self._cached(text)
        return self._spoken[text]

    def person(self, name: str, text: str | None = None) -> Recording:
        """A recording of Asterisk's speaker. Without a text, Whisper's full window gives its words."""
        samples = trimmed(level(_read(self.folder / _PEOPLE / f"{name}.wav")))
        return Recording(f"person {name}", samples, spread(self._text(name, samples, text), samples))

    def reader(self, name: str, text: str) -> Recording:
        """A recording of a reader or a speaker from the test data of PocketSphinx."""
        samples = trimmed(level(_read(self.folder / _READING / f"{name}.wav")))
        return Recording(f"reader {name}", samples, spread(text, samples))

    def prompts(self) -> list[str]:
        """The names of the longer prompts of Asterisk's speaker."""
        folder = self.folder / _PEOPLE
        return sorted(path.stem for path in folder.glob("*.wav") if 40_000 < path.stat().st_size < 160_000)

    def _text(self, name: str, samples: Samples, text: str | None) -> str:
        if text is not None:
            return text
        note = CACHE / "texts" / f"{name}.txt"
        if not note.exists():
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(self.speech.transcribe(samples.tobytes(), RATE))
        return note.read_text()

    def _cached(self, text: str) -> Recording:
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        path = CACHE / "piper" / f"{key}.npz"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            pieces = list(self.speech.voice.speak(text, RATE, steady=True))
            samples = level(np.frombuffer(b"".join(piece.pcm16 for piece in pieces), np.int16))
            starts = [(word, at) for piece in pieces for word, at in piece.words]
            ends = [*(at for _, at in starts[1:]), samples.size / RATE]
            words = [(word, at, end) for (word, at), end in zip(starts, ends, strict=True)]
            part = path.with_suffix(f".{os.getpid()}.npz")
            np.savez(part, samples=samples, words=np.frombuffer(json.dumps(words).encode(), np.uint8))
            part.replace(path)
        with np.load(path) as found:
            words = json.loads(found["words"].tobytes())
            return Recording(f"piper {text}", found["samples"], tuple(Word(*word) for word in words))


def fetch_packages() -> Path:
    """The folder with the packages' files, which are downloaded the first time."""
    folder = CACHE / "packages"
    for package, version in PACKAGES.items():
        note = folder / f"{package}.version"
        if note.exists() and note.read_text() == version:
            continue
        if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
            sys.exit(f"bench turns needs recordings: unpack Debian's {package} {version} into {folder} and write "
                     f"{version!r} into {note} (dpkg-deb -x; here is no apt)")  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        fetched = subprocess.run(
            ["apt-get", "download", f"{package}={version}"], cwd=folder, capture_output=True, check=False
        )
        if fetched.returncode:
            sys.exit(f"bench turns: apt-get download {package}={version} failed: {fetched.stderr.decode()[-300:]}")
        for archive in folder.glob(f"{package}_*.deb"):
            subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
            archive.unlink()
        note.write_text(version)
    return folder


def level(samples: Samples, dbfs: float = _LEVEL_DBFS) -> Samples:
    """With this loudness over the parts that sound."""
    loud = powers(samples)
    active = loud[loud > loud.max() / 1000]
    gain = 10 ** (dbfs / 20) * 32768 / np.sqrt(active.mean())
    return cast("Samples", np.clip(samples * gain, -32000, 32000).astype(np.int16))


def powers(samples: Samples) -> np.ndarray:
    """The mean square of each 10 ms."""
    whole = samples[: samples.size // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
    return np.mean(np.square(whole, dtype=np.float64), axis=1) + 1e-9


def sounds(samples: Samples, join_s: float = 0.25) -> list[Span]:
    """Where there is sound, by energy."""
    found = powers(samples)
    limit = max(found.max() / 10 ** (_BELOW_PEAK_DB / 10), (32768 * 10 ** (_SILENT_DBFS / 20)) ** 2)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], found > limit, [False])).astype(np.int8))).reshape(-1, 2)
    joined: list[Span] = []
    for start, end in edges / 100:
        if joined and start - joined[-1].end_s < join_s:
            joined[-1] = Span(joined[-1].start_s, float(end))
        else:
            joined.append(Span(float(start), float(end)))
    return [span for span in joined if span.end_s - span.start_s >= 0.03]


def trimmed(samples: Samples) -> Samples:
    """Without the silence around it."""
    found = sounds(samples)
    if not found:
        return samples
    return samples[max(0, round((found[0].start_s - 0.02) * RATE)) : round((found[-1].end_s + 0.04) * RATE)]


def spread(text: str, samples: Samples) -> tuple[Word, ...]:
    """The words of a text over the parts that sound, by their letters."""
    words, parts = text.split(), sounds(samples, 0.1)
    if not words or not parts:
        return ()
    total = sum(part.end_s - part.start_s for part in parts)
    letters = [len(word) + 1 for word in words]
    placed, before = [], 0
    for word, count in zip(words, letters, strict=True):
        start, end = (_along(parts, total * share / sum(letters)) for share in (before, before + count))
        placed.append(Word(word, start, end))
        before += count
    return tuple(placed)


def _along(parts: list[Span], seconds: float) -> float:
    for part in parts:
        if seconds <= part.end_s - part.start_s + 1e-6:
            return part.start_s + seconds
        seconds -= part.end_s - part.start_s
    return parts[-1].end_s


def cut(recording: Recording, *before: int) -> list[Recording]:
    """The parts of a recording, cut where it is quietest at the start of these words."""
    places = [0]
    for number in before:
        middle = round(recording.words[number].start_s * RATE)
        first = max(0, middle - RATE // 20)
        window = np.convolve(np.square(recording.samples[first : middle + RATE // 40], dtype=np.float64),
                             np.ones(_WINDOW), "same")  # fmt: skip
        places.append(first + int(window.argmin()))
    places.append(recording.samples.size)
    parts = []
    for start, end in itertools.pairwise(places):
        shift = start / RATE
        words = [Word(word.text, word.start_s - shift, word.end_s - shift) for word in recording.words
                 if start <= round((word.start_s + word.end_s) / 2 * RATE) < end]  # fmt: skip
        parts.append(Recording(recording.name, faded(recording.samples[start:end]), tuple(words)))
    return parts


def faded(samples: Samples) -> Samples:
    """Without clicks at the ends."""
    shaped = samples.astype(np.float32)
    ramp = np.linspace(0, 1, min(_FADE, samples.size // 2), dtype=np.float32)
    shaped[: ramp.size] *= ramp
    shaped[shaped.size - ramp.size :] *= ramp[::-1]
    return cast("Samples", shaped.astype(np.int16))


def _read(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        rate = file.getframerate()
    if rate != RATE:
        samples = soxr.resample(samples, rate, RATE)
    return cast("Samples", samples)
