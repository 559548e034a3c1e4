"""Speech to text with faster-whisper, tiny.en or base, tuned for the short utterances of telephone calls.

Whisper encodes a window of 30 s, even for short speech. Most utterances last 1 to 6 s, and the encoder accepts a
shorter window: 10 s take under a third of the time (0.15 s of CPU instead of 0.5 s), with as few wrong words in prose.
But a short window makes the decoder repeat itself, digits above all (of 60 pairs of digits 28 were heard rightly), less
so if it has to write time stamps (56 of 60). So a result with a digit, or words twice in a row, is computed again with
the full window (60 of 60).
"""

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from orchestra.errors import EngineError
from orchestra.language.registry import DEFAULT_CODE
from orchestra.language.tags import base_of
from orchestra.language.utterance import has_words, split_words
from orchestra.spoken_languages import AUTO
from orchestra.voice.engines.local.files import WHISPER, missing_library, model_paths
from orchestra.voice.engines.local.transcript import Transcript
from orchestra.voice.engines.local.whisper_base import whisper_base_folder

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

RATE = 16_000
_FRAMES_PER_S = 100
_WINDOW_S = 30.0
_MIN_WINDOW_S = 10.0
_MARGIN_S = 2.0
_MAX_SHORT_S = 20.0
_MIN_S = 0.1
_LEAD_S = 0.6
_TOKENS_PER_S = 8
#: the same in scripts of which a letter is up to three tokens
_MANY_TOKENS_PER_S = 24
_MOST_TOKENS = 440  # what the decoder has room for
_SPARE_TOKENS = 24
_MAX_COMPRESSION = 2.4  # the compression ratio above which Whisper's authors consider a result a repetition
_NO_SPEECH = 0.75  # single letters have up to 0.7, noises 0.77 and more
_UNSURE = -1.0
_LATIN = frozenset(("en", "es", "de", "fr", "it", "pt", "nl"))
_STAMP_S = 0.02  # what a time stamp counts in
_MAX_REST_S = 1.5


@dataclass(frozen=True, slots=True)
class _Decoded:
    """What the model heard in one window."""

    text: str
    score: float  # the mean log probability of a token
    no_speech: float  # the probability that there is no speech
    cut_off: bool  # the text was longer than the audio can hold
    rest_s: float  # how much audio follows the text

    @property
    def is_noise(self) -> bool:
        """Whether nothing was said, whatever was read into it."""
        return not has_words(self.text) or (self.no_speech > _NO_SPEECH and self.score < _UNSURE)

    @property
    def digits(self) -> str:
        """Its digits."""
        return "".join(filter(str.isdigit, self.text))

    @property
    def repeats(self) -> bool:
        """Whether the text says the same over and over."""
        data = self.text.encode()
        return self.cut_off or (bool(data) and len(data) / len(zlib.compress(data)) > _MAX_COMPRESSION)

    @property
    def may_repeat(self) -> bool:
        """Whether text from a short window may say something twice: it has a digit, or words twice in a row."""
        return self.repeats or says_twice(self.text) or any(character.isdigit() for character in self.text)

    @property
    def ends_early(self) -> bool:
        """Whether there may be more words after the last time stamp."""
        return self.rest_s > _MAX_REST_S


def says_twice(text: str) -> bool:
    """Whether a word, or a run of words, is followed by the same again: "no no", "it is late. It is late"."""
    words = split_words(text)
    return any(
        words[at : at + size] == words[at + size : at + 2 * size]
        for size in range(1, len(words) // 2 + 1)
        for at in range(len(words) - 2 * size + 1)
    )


class WhisperTranscriber:
    """One Whisper model of a process; safe to call from several threads."""

    def __init__(self, model: "WhisperModel") -> None:
        from faster_whisper.transcribe import get_suppressed_tokens  # noqa: PLC0415 - the extra `local` may be missing

        self._model = model
        self._multilingual = bool(model.model.is_multilingual)
        self._tokenizer = self._tokenizer_of("en")
        self._suppressed = list(get_suppressed_tokens(self._tokenizer, [-1]))

    @classmethod
    def load(cls, data_dir: Path, threads: int, *, multilingual: bool = False) -> "WhisperTranscriber":
        """Load and warm the model; ``threads`` is how many cores one transcription uses.

        ``multilingual``: base, which hears other languages than English, too.

        Raises:
            MissingExtraError: the library or a model file is missing or damaged.

        """
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the model is a local folder: it must not be looked up on the hub
        try:
            from faster_whisper import WhisperModel  # noqa: PLC0415 - the extra `local` may be missing
        except ImportError as error:
            raise missing_library(error) from error
        folder = whisper_base_folder(data_dir) if multilingual else model_paths(WHISPER, data_dir)[0].parent
        model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
        transcriber = cls(model)
        transcriber.transcribe(np.zeros(RATE, np.float32), quick=True)
        return transcriber

    def knows(self, language: str) -> bool:
        """Whether the model hears this language (BCP 47), or `AUTO`: whatever is spoken."""
        if not self._multilingual:
            return base_of(language) == "en"
        return language == AUTO or base_of(language) in self._model.supported_languages

    def transcribe(self, samples: npt.NDArray[np.float32], *, quick: bool, language: str = DEFAULT_CODE) -> str:
        """The words in ``samples`` (mono, 16 kHz, -1 … 1); "" when there is no speech in them.

        ``quick`` uses the short window. ``language`` is what is spoken; if it is `AUTO` the model finds out, and the
        words are a `Transcript`.

        Raises:
            EngineError: the model failed.

        """
        seconds = len(samples) / RATE
        if seconds < _MIN_S:
            return ""
        # Whisper drops, doubles or questions a word at the very start of the audio ("No? No?"), but not after a pause.
        samples = np.concatenate([np.zeros(int(_LEAD_S * RATE), np.float32), samples])
        seconds += _LEAD_S
        try:
            spoken = self._spoken_in(samples) if language == AUTO else base_of(language)
            words = self._transcribe(samples, seconds, spoken, quick=quick and seconds <= _MAX_SHORT_S)
            return Transcript(words, spoken) if language == AUTO else words
        except (RuntimeError, ValueError) as error:
            msg = f"Whisper failed on {seconds:.1f} s of audio: {error}"
            raise EngineError(msg) from error

    def _spoken_in(self, samples: npt.NDArray[np.float32]) -> str:
        encoded = self._encode(samples, _MIN_WINDOW_S)
        tag: str = self._model.model.detect_language(encoded)[0][0][0]  # <|es|>
        return tag.strip("<|>")

    def _transcribe(self, samples: npt.NDArray[np.float32], seconds: float, language: str, *, quick: bool) -> str:
        short = None
        if quick:
            encoded = self._encode(samples, max(_MIN_WINDOW_S, seconds + _MARGIN_S))
            short = self._decode(encoded, seconds, language)
            if short.is_noise:
                return ""
            # of base, the full window takes longer than a caller waits: only a repetition is worth it
            doubtful = short.repeats if self._multilingual else short.may_repeat
            if not doubtful and not short.ends_early:
                return short.text
        if seconds <= _MIN_WINDOW_S:
            encoded = self._encode(samples, _WINDOW_S)
            full = self._decode(encoded, seconds, language)
            if short is not None and full.digits != short.digits:
                third = self._decode(encoded, seconds, language, stamps=False)  # two of three are right; it takes 0.1 s
                full = third if third.digits == short.digits else full
            if not full.repeats and not full.ends_early:
                return "" if full.is_noise else full.text
        return self._whole(samples, language)

    def _encode(self, samples: npt.NDArray[np.float32], window_s: float) -> Any:
        from faster_whisper.transcribe import get_ctranslate2_storage  # noqa: PLC0415 - the extra `local` may be missing

        features = self._model.feature_extractor(samples)
        frames = int(window_s * _FRAMES_PER_S)
        window = np.zeros((1, features.shape[0], frames), np.float32)
        window[0, :, : min(frames, features.shape[1])] = features[:, :frames]
        return self._model.model.encode(get_ctranslate2_storage(window))

    def _tokenizer_of(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415 - the extra `local` may be missing

        return Tokenizer(self._model.hf_tokenizer, self._multilingual, task="transcribe", language=language)

    def _decode(self, encoded: Any, seconds: float, language: str, *, stamps: bool = True) -> _Decoded:
        prompt = list(self._tokenizer_of(language).sot_sequence)  # with time stamps it repeats less
        if not stamps:
            prompt.append(self._tokenizer.no_timestamps)
        per_second = _TOKENS_PER_S if language in _LATIN else _MANY_TOKENS_PER_S
        most = min(int(seconds * per_second) + _SPARE_TOKENS, _MOST_TOKENS)
        result = self._model.model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=len(prompt) + most,
            suppress_tokens=self._suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens, first_stamp = result.sequences_ids[0], self._tokenizer.timestamp_begin
        text = str(self._tokenizer.decode([token for token in tokens if token < first_stamp])).strip()
        end_s = max((token - first_stamp for token in tokens), default=0) * _STAMP_S if stamps else seconds
        return _Decoded(text, result.scores[0], result.no_speech_prob, len(tokens) >= most, seconds - end_s)

    def _whole(self, samples: npt.NDArray[np.float32], language: str) -> str:
        """The words of any length of speech; a repetition is decoded again, less and less greedily."""
        options: dict[str, Any] = {"language": language, "beam_size": 1, "condition_on_previous_text": False}
        if self._multilingual:
            options["temperature"] = 0.0  # decoding again costs base more seconds than the speech has
        options["without_timestamps"] = len(samples) <= _WINDOW_S * RATE  # longer speech is cut by its time stamps
        segments, _ = self._model.transcribe(samples, **options)
        return " ".join(segment.text.strip() for segment in segments).strip()
