"""Text to speech with Piper, sentence by sentence, with the time at which each word begins."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from orchestra.errors import EngineError
from orchestra.voice.engines.local.files import PIPER, missing_library, model_paths
from orchestra.voice.engines.local.pcm import resampled, to_pcm16
from orchestra.voice.engines.local.timing import letters, places, times

if TYPE_CHECKING:
    from piper import PiperVoice
    from piper.voice import AudioChunk

# Piper's published models compute how long each phoneme lasts and keep it to themselves. A protobuf message grows by
# appending: these bytes say graph.output += ValueInfo(name="/Ceil_output_0"), which is the tensor that piper's own
# patch_voice_with_alignment.py exposes.
_DURATIONS = b"\x3a\x12\x62\x10\x0a\x0e/Ceil_output_0"
_LEAD_S = 0.015
_SILENCE = 0.01


@dataclass(frozen=True, slots=True)
class SpokenSentence:
    """Audio of one sentence: mono 16-bit PCM at ``rate`` Hz, and its words with their start in seconds."""

    pcm16: bytes
    rate: int
    words: tuple[tuple[str, float], ...]


class Voice:
    """One Piper voice of a process; safe to call from several threads."""

    def __init__(self, voice: "PiperVoice") -> None:
        from piper.config import SynthesisConfig  # noqa: PLC0415 - the extra `local` may be missing

        self._voice = voice
        self._steady = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)
        # The voice's own 0.667 and 0.8 slur: 6.9 % of the words are misheard by Whisper, with these 4.6 %.
        self._lively = SynthesisConfig(noise_scale=0.333, noise_w_scale=0.333)
        self.rate: int = voice.config.sample_rate

    @classmethod
    def load(cls, data_dir: Path, threads: int) -> "Voice":
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
        # Spinning threads gain nothing here and take the cores from the calls.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(
            model.read_bytes() + _DURATIONS, sess_options=options, providers=["CPUExecutionProvider"]
        )
        voice = cls(PiperVoice(session=session, config=PiperConfig.from_dict(json.loads(config.read_bytes()))))
        for _ in voice.speak("Ready.", voice.rate, steady=True):
            pass
        return voice

    def speak(self, text: str, rate: int, *, steady: bool = False) -> Iterator[SpokenSentence]:
        """Synthesize ``text`` at ``rate`` Hz; each sentence is yielded as soon as it is made.

        ``steady``: without the random variation that keeps the voice alive; the same text gives the same audio.

        Raises:
            EngineError: the voice failed.

        """
        words = text.split()
        style = self._steady if steady else self._lively
        try:
            sizes = [sum(letters(part) for part in self._voice.phonemize(word)) for word in words]
            sentences = [part for part in self._voice.phonemize(text) if part]
            placed = places(sizes, [letters(part) for part in sentences])
            for index, chunk in enumerate(self._voice.synthesize(text, style, include_alignments=True)):
                own = [(word, at) for word, (sentence, at) in zip(words, placed, strict=True) if sentence == index]
                yield _sentence(chunk, own, rate)
        except (RuntimeError, ValueError) as error:
            msg = f"Piper failed on {text!r}: {error}"
            raise EngineError(msg) from error


def _sentence(chunk: "AudioChunk", words: list[tuple[str, float]], rate: int) -> SpokenSentence:
    samples = np.asarray(chunk.audio_float_array, np.float32)
    loud = np.flatnonzero(np.abs(samples) > _SILENCE)
    lead = max(0, int(loud[0]) - int(_LEAD_S * chunk.sample_rate)) if loud.size else 0
    aligned = chunk.phoneme_alignments
    if aligned is None:
        even = len(samples) / chunk.sample_rate / max(1, len(chunk.phonemes))
        spoken = [(phoneme, even) for phoneme in chunk.phonemes]
    else:
        spoken = [(part.phoneme, float(part.num_samples) / chunk.sample_rate) for part in aligned]
    starts = times([at for _, at in words], spoken)
    return SpokenSentence(
        pcm16=to_pcm16(resampled(samples[lead:], chunk.sample_rate, rate)),
        rate=rate,
        words=tuple(
            (word, max(0.0, at - lead / chunk.sample_rate)) for (word, _), at in zip(words, starts, strict=True)
        ),
    )
