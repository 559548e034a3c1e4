"""Text to speech with Piper, piece by piece, with the time at which each word begins."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import soxr

from orchestra.errors import EngineError
from orchestra.voice.engines.local.files import PIPER, missing_library, model_paths
from orchestra.voice.engines.local.onnx_parts import AUDIO, DURATIONS, LAYOUT, split
from orchestra.voice.engines.local.pcm import to_pcm16
from orchestra.voice.engines.local.word_timing import count_letters, place_words, word_start_times

if TYPE_CHECKING:
    from piper import PiperVoice

Samples = npt.NDArray[np.float32]

_LEAD_S = 0.015
_SILENCE = 0.01
#: frames of the first piece of a sentence (0.35 s), and how much longer each further piece is than the one before
_FIRST_FRAMES = 30
_GROWTH = 1.6
#: frames of context around a piece; with them its samples are exactly those of the whole sentence
_AROUND = 12
#: the voice's loudest samples stay below 0.65; Piper itself scales each sentence by its peak, which is known too late
_GAIN = 1.5

PIPER_VOICE = "en_US-joe-medium"
_BEGIN, _PAD, _END = "^", "_", "$"


@dataclass(frozen=True, slots=True)
class SpokenPiece:
    """Audio of a sentence or the next part of it: mono 16-bit PCM at ``rate`` Hz.

    ``words`` are those that begin in it, with their start in seconds from the beginning of the whole text.
    """

    pcm16: bytes
    rate: int
    words: tuple[tuple[str, float], ...]


class StreamingPiperVoice:
    """One Piper voice of a process; safe to call from several threads."""

    def __init__(self, voice: "PiperVoice", vocoder: Any) -> None:
        self._voice = voice
        self._vocoder = vocoder
        # The voice's defaults, 0.667 and 0.8, slur: Whisper mishears 6.9 % of the words, and 4.6 % with these.
        self._lively = 0.333
        self.rate: int = voice.config.sample_rate

    @classmethod
    def load(cls, data_dir: Path, threads: int) -> "StreamingPiperVoice":
        """Load and warm the voice; ``threads`` is how many cores one synthesis uses.

        Raises:
            MissingExtraError: the library or a model file is missing or damaged.

        """
        try:
            import onnxruntime  # noqa: PLC0415 - the extra `local` may be missing
            from piper import PiperVoice  # noqa: PLC0415
            from piper.config import PiperConfig  # noqa: PLC0415
        except ImportError as error:
            raise missing_library(error) from error
        model, config = model_paths(PIPER, data_dir)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Spinning threads gain nothing here and take processor time from calls.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        layout, vocoder = (
            onnxruntime.InferenceSession(part, sess_options=options, providers=["CPUExecutionProvider"])
            for part in split(model.read_bytes())
        )
        voice = cls(PiperVoice(session=layout, config=PiperConfig.from_dict(json.loads(config.read_bytes()))), vocoder)
        for _ in voice.speak("Ready.", voice.rate, steady=True):
            pass
        return voice

    def speak(self, text: str, rate: int, *, steady: bool = False, speed: float = 1.0) -> Iterator[SpokenPiece]:
        """Synthesize ``text`` at ``rate`` Hz; each piece is yielded as soon as it is ready.

        ``speed``: 1.0 is the voice's own pace.
        ``steady``: without the random variation that keeps the voice alive; the same text gives the same audio.

        Raises:
            EngineError: the voice failed.

        """
        words = text.split()
        try:
            sizes = [sum(count_letters(part) for part in self._voice.phonemize(word)) for word in words]
            sentences = [part for part in self._voice.phonemize(text) if part]
            placed = place_words(sizes, [count_letters(part) for part in sentences])
            before_s = 0.0
            for index, phonemes in enumerate(sentences):
                own = [(word, at) for word, (sentence, at) in zip(words, placed, strict=True) if sentence == index]
                layout, spoken = self._lay_out(phonemes, 0.0 if steady else self._lively, speed)
                for piece in self._sentence(layout, spoken, own, rate, before_s):
                    yield piece
                    before_s += len(piece.pcm16) / 2 / rate
        except (RuntimeError, ValueError) as error:
            msg = f"Piper failed on {text!r}: {error}"
            raise EngineError(msg) from error

    def _sentence(
        self,
        layout: Samples,
        spoken: list[tuple[str, float]],
        words: list[tuple[str, float]],
        rate: int,
        before_s: float,
    ) -> Iterator[SpokenPiece]:
        starts = word_start_times([at for _, at in words], spoken)
        waiting = [(word, at) for (word, _), at in zip(words, starts, strict=True)]
        stream = soxr.ResampleStream(self.rate, rate, 1, dtype="float32") if rate != self.rate else None
        lead = made = 0
        for samples, last in self._vocode(layout):
            lead = lead if made else _lead(samples, self.rate)
            heard = samples if made else samples[lead:]
            made += len(samples)
            audio = heard if stream is None else np.asarray(stream.resample_chunk(heard, last=last), np.float32)
            begun = [(word, at) for word, at in waiting if last or at * self.rate < made]
            waiting = waiting[len(begun) :]
            yield SpokenPiece(
                pcm16=to_pcm16(audio),
                rate=rate,
                words=tuple((word, before_s + max(0.0, at - lead / self.rate)) for word, at in begun),
            )

    def _lay_out(self, phonemes: list[str], liveliness: float, speed: float) -> tuple[Samples, list[tuple[str, float]]]:
        """The layout of one sentence, and its phonemes with their length in seconds."""
        config = self._voice.config
        ids = self._voice.phonemes_to_ids(phonemes)
        layout, frames = self._voice.session.run(
            [LAYOUT, DURATIONS],
            {
                "input": np.array([ids], np.int64),
                "input_lengths": np.array([len(ids)], np.int64),
                "scales": np.array([liveliness, config.length_scale / speed, liveliness], np.float32),
            },
        )
        lengths = iter(frames.reshape(-1) * (config.hop_length / config.sample_rate))
        spoken = []
        for phoneme in [_BEGIN, *phonemes, _END]:
            own = config.phoneme_id_map.get(phoneme, [])
            pads = config.phoneme_id_map[_PAD] if own and phoneme != _END else []
            spoken.append((phoneme, float(sum(itertools.islice(lengths, len(own) + len(pads))))))
        return layout, spoken

    def _vocode(self, layout: Samples) -> Iterator[tuple[Samples, bool]]:
        """The audio of a layout in pieces, the first one short, so that it is ready early; True marks the last."""
        count, begin, size = layout.shape[2], 0, float(_FIRST_FRAMES)
        hop = self._voice.config.hop_length
        while begin < count:
            end = min(count, begin + round(size))
            end = count if count - end < _AROUND else end
            first = max(0, begin - _AROUND)
            (audio,) = self._vocoder.run([AUDIO], {LAYOUT: layout[:, :, first : end + _AROUND]})
            samples = audio.reshape(-1)[(begin - first) * hop : (end - first) * hop] * np.float32(_GAIN)
            yield samples, end == count
            begin, size = end, size * _GROWTH


def _lead(samples: Samples, rate: int) -> int:
    """How many samples of silence to leave out before the first sound."""
    loud = np.flatnonzero(np.abs(samples) > _SILENCE)
    return max(0, int(loud[0]) - int(_LEAD_S * rate)) if loud.size else 0
